from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.core.files.storage import default_storage
from pytest_django import DjangoCaptureOnCommitCallbacks

from labeling import events
from labeling.models import Consensus, ConsensusState, Image, Partition, Project
from labeling.selectors import projects as project_selectors
from labeling.services import images, pictures
from labeling.tests.factories import NOW, make_image, picture_bytes

pytestmark = pytest.mark.django_db


def take(project: Project, content: bytes, **fields: Any) -> images.Ingested:
    values: dict[str, Any] = {
        "original_name": "IMG_1.jpg",
        "source": "shop",
        "licence": "MIT",
        "uploaded_by_id": None,
        "now": NOW,
    }
    return images.ingest(project_id=project.pk, upload=io.BytesIO(content), **{**values, **fields})


def test_stores_the_picture_under_a_name_that_tells_nothing(project: Project) -> None:
    ingested = take(project, picture_bytes(1), original_name="../../etc/passwd.html")

    image = Image.objects.get(pk=ingested.image_id)
    assert re.fullmatch(r"images/[0-9a-f]{2}/[0-9a-f]{32}\.jpg", image.storage_key)
    assert image.partition == Partition.PENDING
    assert pictures.open_stored(image.storage_key).size == (64, 48)
    assert image.original_name == "../../etc/passwd.html"


def test_the_same_bytes_are_one_image(project: Project, other_project: Project) -> None:
    first = take(project, picture_bytes(1))

    again = take(project, picture_bytes(1), original_name="other.jpg")
    elsewhere = take(other_project, picture_bytes(1))

    assert (again.image_id, again.is_duplicate) == (first.image_id, True)
    assert elsewhere.image_id != first.image_id


def test_of_two_at_once_one_wins_and_leaves_no_file(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = take(project, picture_bytes(1))
    before = set(_files())
    known = images.known
    calls = iter([None])  # the second upload looked before the first had committed
    monkeypatch.setattr(images, "known", lambda **asked: next(calls, known(**asked)))

    second = take(project, picture_bytes(1))

    assert (second.image_id, second.is_duplicate) == (first.image_id, True)
    assert set(_files()) == before


def test_a_refused_file_leaves_no_row_and_no_file(project: Project) -> None:
    before = set(_files())

    with pytest.raises(pictures.WrongTypeError):
        take(project, b"<svg/>")

    assert not Image.objects.exists()
    assert set(_files()) == before


def test_tells_after_commit_what_was_added(
    project: Project, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    heard: list[Any] = []

    def hear(**payload: Any) -> None:
        heard.append((payload["project_id"], payload["image_ids"]))

    events.images_added.connect(hear, weak=False)
    with django_capture_on_commit_callbacks(execute=True):
        ingested = take(project, picture_bytes(1))
        take(project, picture_bytes(1))
    events.images_added.disconnect(hear)

    assert heard == [(project.pk, [ingested.image_id])]


def test_a_trusted_label_resolves_the_image(project: Project) -> None:
    milk = project_selectors.label(project.pk, "milk")

    ingested = take(project, picture_bytes(1), trusted_label_id=milk.pk)

    consensus = Consensus.objects.get(image_id=ingested.image_id)
    assert (consensus.state, consensus.label) == (ConsensusState.RESOLVED, milk)


def test_of_two_trusted_labels_for_the_same_bytes_the_first_stays(project: Project) -> None:
    milk, juice = (project_selectors.label(project.pk, code) for code in ("milk", "juice"))

    ingested = take(project, picture_bytes(1), trusted_label_id=milk.pk)
    take(project, picture_bytes(1), trusted_label_id=juice.pk)

    assert Consensus.objects.get(image_id=ingested.image_id).label == milk


def test_labels_that_come_later_still_resolve_an_image(project: Project) -> None:
    milk = project_selectors.label(project.pk, "milk")
    ingested = take(project, picture_bytes(1))

    take(project, picture_bytes(1), trusted_label_id=milk.pk)

    assert Consensus.objects.get(image_id=ingested.image_id).label == milk


def test_a_suggested_label_is_only_kept(project: Project) -> None:
    milk = project_selectors.label(project.pk, "milk")

    ingested = take(project, picture_bytes(1), suggested_label_id=milk.pk)

    assert Image.objects.get(pk=ingested.image_id).suggested_label == milk
    assert not Consensus.objects.filter(image_id=ingested.image_id).exists()


def test_removing_and_keeping_are_written_down_once(project: Project) -> None:
    flagged = make_image(project, flagged_at=NOW)
    unwanted = make_image(project)

    for _ in range(2):
        images.unflag_image(image_id=flagged.pk, user_id=None, now=NOW)
        images.remove_image(image_id=unwanted.pk, user_id=None, now=NOW)

    flagged.refresh_from_db()
    unwanted.refresh_from_db()
    assert flagged.flagged_at is None
    assert unwanted.removed_at == NOW
    verbs = project.auditevent_set.order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["project_created", "image_kept", "image_removed"]


def _files() -> list[str]:
    try:
        folders, _ = default_storage.listdir("images")
    except FileNotFoundError:
        return []
    return [name for folder in folders for name in default_storage.listdir(f"images/{folder}")[1]]
