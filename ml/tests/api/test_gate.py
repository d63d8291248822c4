"""The gate at the API: why what serves serves, and a manager's yes or no."""

from __future__ import annotations

from typing import Any

import pytest

from labeling.tests import factories
from labeling.tests.rows import AuditEvent, Project
from ml.models import ModelVersion
from ml.services import serving
from ml.tests.api.audited import Audited
from ml.tests.serving.kitchen import Kitchen, client_with, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(audited: Audited) -> ModelVersion:
    """v2, which takes every image for an apple, waits in a project that asks."""
    Project.objects.filter(pk=audited.project.pk).update(deployment_mode="ASK")
    return audited.kitchen.version(("apple", "apple", "apple"), verdict="Better.")


def _path(audited: Audited, path: str) -> str:
    return f"/api/v1/staff/projects/{audited.project.slug}/{path}"


def test_says_why_the_version_serves_and_what_proof_takes(audited: Audited, manager: Any) -> None:
    found = manager.get(_path(audited, "gate")).json()

    assert found["mode"] == "AUTOMATIC"
    assert found["champion"]["why"] == (
        "v1 serves because it passed the check on the labeled images. Nothing is proven yet: that "
        "takes 3 more audit answers."
    )
    assert (found["waiting"], found["comparisons"]) == ([], [])


def test_what_waits_stands_beside_what_serves_on_the_same_audit_images(
    audited: Audited, manager: Any, waiting: ModelVersion
) -> None:
    (found,) = manager.get(_path(audited, "gate")).json()["waiting"]

    assert (found["number"], found["waits_for"], found["verdict"]) == (2, "YES", "Better.")
    # Of 4 apples v1 has 3 and v2 all; of 2 leeks v1 has both and v2 none; the water neither.
    assert (found["on_audit"]["wins"], found["on_audit"]["losses"]) == (1, 2)
    assert found["on_audit"]["challenger"]["right"] == 4
    assert found["on_audit"]["champion"]["right"] == 5
    assert found["on_audit"]["n"] == 7


def test_a_yes_lets_it_serve_at_once_and_names_who_said_it(
    audited: Audited, manager: Any, waiting: ModelVersion
) -> None:
    reply = manager.post(_path(audited, f"versions/{waiting.public_id}/serve"))

    assert reply.status_code == 200
    assert reply.json()["waiting"] == []
    assert reply.json()["champion"]["why"].startswith("v2 serves because a manager let it.")
    assert serving.champion(audited.project.pk).number == 2
    event = AuditEvent.objects.get(verb="version_approved")
    assert (event.target, event.user_id is not None) == ("v2", True)
    again = manager.post(_path(audited, f"versions/{waiting.public_id}/serve"))
    assert (again.status_code, again.json()["code"]) == (409, "version_not_waiting")


def test_a_no_keeps_the_reason(audited: Audited, manager: Any, waiting: ModelVersion) -> None:
    reply = manager.post(
        _path(audited, f"versions/{waiting.public_id}/set-aside"), {"reason": "All apples."}
    )

    assert reply.json()["waiting"] == []
    waiting.refresh_from_db()
    assert (waiting.state, waiting.verdict) == ("REJECTED", "All apples.")
    assert serving.champion(audited.project.pk).number == 1


def test_in_shadow_nothing_can_be_let_serve(
    audited: Audited, manager: Any, waiting: ModelVersion
) -> None:
    changed = manager.patch(_path(audited, "").rstrip("/"), {"deployment_mode": "SHADOW"})
    assert changed.json()["deployment_mode"] == "SHADOW"

    refused = manager.post(_path(audited, f"versions/{waiting.public_id}/serve"))

    assert (refused.status_code, refused.json()["code"]) == (409, "version_only_measured")
    (found,) = manager.get(_path(audited, "gate")).json()["waiting"]
    assert found["waits_for"] == "NOBODY"
    assert AuditEvent.objects.get(verb="settings_changed").detail == {
        "deployment_mode": ["ASK", "SHADOW"]
    }


def test_a_mode_that_there_is_not_is_refused(audited: Audited, manager: Any) -> None:
    refused = manager.patch(_path(audited, "").rstrip("/"), {"deployment_mode": "MAYBE"})

    assert refused.status_code == 400


def test_a_new_backbone_needs_its_proof_before_a_yes(
    audited: Audited, manager: Any, waiting: ModelVersion
) -> None:
    ModelVersion.objects.filter(pk=waiting.pk).update(kind="FINETUNE")

    refused = manager.post(_path(audited, f"versions/{waiting.public_id}/serve"))

    assert (refused.status_code, refused.json()["code"]) == (409, "version_not_passed")
    (found,) = manager.get(_path(audited, "gate")).json()["waiting"]
    assert found["waits_for"] == "AUDIT"


def test_only_managers_decide_and_only_about_their_own(
    audited: Audited, manager: Any, waiting: ModelVersion
) -> None:
    foreign = Kitchen.make().open()
    other = ModelVersion.objects.get(project=foreign.project)
    expert = signed_in(factories.make_member(audited.project, "EXPERT"))
    program = client_with(audited.project, "read", "predict", "queue", "export")

    for path in (f"versions/{waiting.public_id}/serve", f"versions/{waiting.public_id}/set-aside"):
        assert expert.post(_path(audited, path)).status_code == 403
        assert program.post(_path(audited, path)).status_code == 403
    assert expert.get(_path(audited, "gate")).status_code == 403
    assert manager.post(_path(audited, f"versions/{other.public_id}/serve")).status_code == 404
