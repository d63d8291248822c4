"""What staff move and take away: versions rolled back, labels and answers exported."""

from __future__ import annotations

from typing import Any

import pytest

from labeling.tests import factories
from ml.models import ModelVersion
from ml.services import serving
from ml.tests.api.audited import Audited
from ml.tests.serving.kitchen import Kitchen, client_with, signed_in

pytestmark = pytest.mark.django_db


def get(client: Any, audited: Audited, page: str, **headers: str) -> Any:
    return client.get(f"/api/v1/staff/projects/{audited.project.slug}/{page}", headers=headers)


def post(client: Any, audited: Audited, path: str, **body: Any) -> Any:
    return client.post(f"/api/v1/staff/projects/{audited.project.slug}/{path}", body, format="json")


def test_a_roll_back_moves_the_pointer(audited: Audited, manager: Any) -> None:
    audited.kitchen.promote(audited.kitchen.version())
    assert serving.champion(audited.project.pk).number == 2

    reply = post(
        manager, audited, f"versions/{audited.version.public_id}/roll-back", reason="It was odd."
    )

    assert reply.status_code == 200
    assert serving.champion(audited.project.pk).number == 1
    second, first = reply.json()
    assert (first["state"], second["state"]) == ("CHAMPION", "REJECTED")
    assert second["verdict"] == "It was odd."
    assert get(manager, audited, "overview").json()["champion"]["number"] == 1


def test_a_roll_back_that_cannot_be_is_refused(audited: Audited, manager: Any) -> None:
    audited.kitchen.promote(audited.kitchen.version())
    foreign = Kitchen.make().open()
    of_others = ModelVersion.objects.get(project=foreign.project)
    serving_now = ModelVersion.objects.get(project=audited.project, number=2)

    unknown = post(manager, audited, f"versions/{of_others.public_id}/roll-back")
    same = post(manager, audited, f"versions/{serving_now.public_id}/roll-back")
    ModelVersion.objects.filter(pk=audited.version.pk).update(head=None)
    pruned = post(manager, audited, f"versions/{audited.version.public_id}/roll-back")

    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    for refused in (same, pruned):
        assert (refused.status_code, refused.json()["code"]) == (409, "version_cannot_serve")
    assert serving.champion(audited.project.pk).number == 2


def test_lists_versions_newest_first(audited: Audited, manager: Any) -> None:
    audited.kitchen.version(state="REJECTED", verdict="Worse.")
    ModelVersion.objects.filter(number=1).update(head=None)
    second, first = get(manager, audited, "versions").json()
    assert (second["number"], second["state"], second["verdict"]) == (2, "REJECTED", "Worse.")
    assert (first["has_weights"], second["has_weights"]) == (False, True)


@pytest.mark.parametrize("path", ["train", "versions/{id}/roll-back"])
def test_only_managers_pull_levers(audited: Audited, path: str) -> None:
    path = path.format(id=audited.version.public_id)
    for client, status in (
        (signed_in(factories.make_member(audited.project, "EXPERT")), 403),
        (signed_in(factories.make_user()), 404),
        (client_with(audited.project, "read", "predict", "queue", "export"), 403),
    ):
        assert post(client, audited, path, kind="head").status_code == status


def test_an_export_streams_labels_and_answers(audited: Audited, manager: Any) -> None:
    def lines(query: str) -> list[str]:
        reply = get(manager, audited, f"export?{query}")
        assert reply.streaming
        return b"".join(reply).decode().splitlines()

    assert len(lines("")) == 1 + 13
    assert lines("what=labels&file_format=csv")[0].startswith("image,sha256,")
    assert len(lines("what=answers&file_format=csv")) == 1 + 10
    assert len(lines("what=answers&file_format=jsonl")) == 10
    reply = get(manager, audited, "export?what=answers&file_format=jsonl")
    name = f"{audited.project.slug}-answers.jsonl"
    assert reply["Content-Disposition"] == f'attachment; filename="{name}"'


@pytest.mark.parametrize("query", ["what=people", "file_format=xlsx"])
def test_an_export_that_there_is_not_is_refused(audited: Audited, manager: Any, query: str) -> None:
    refused = get(manager, audited, f"export?{query}")
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_export")
