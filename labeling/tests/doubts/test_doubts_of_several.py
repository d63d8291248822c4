"""Single labels of a picture that are doubted, and an expert's yes or no to each."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction

from labeling.models import (
    Annotation,
    Annotator,
    Consensus,
    ConsensusState,
    Image,
    LabelDoubt,
    Partition,
    Project,
    QueueEntry,
    User,
)
from labeling.selectors import consensus, doubts, exports, questions, votes
from labeling.services import annotations as annotation_service
from labeling.services import decisions, queue, review
from labeling.services import doubts as service
from labeling.services.answers import InvalidAnswerError
from labeling.services.queue import RefillEntry
from labeling.tests.crowd.browser import Browser
from labeling.tests.worlds import (
    NOW,
    active,
    claim,
    direct,
    later,
    make_annotator,
    make_images,
    make_project,
    submit,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(mode="MULTI", votes_audit=1)


@pytest.fixture
def images(project: Project) -> list[Image]:
    """Three pictures of which Ada said milk, and nothing else."""
    found = make_images(project, 3)
    ada = make_annotator(project)
    for image in found:
        direct(ada, image, "milk")
    return found


@pytest.fixture
def eve(project: Project) -> Annotator:
    return make_annotator(project, "Eve")


def note(project: Project, *cells: tuple[Image, str, bool]) -> int:
    """Doubt that an image shows a label, or that it does not; the first most."""
    found = [
        service.Doubt(
            image.pk, code, code, 0.8, 0.2, code, 0.7, 0.3, 0.9 - place / 10, is_shown=is_shown
        )
        for place, (image, code, is_shown) in enumerate(cells)
    ]
    return service.note(project_id=project.pk, doubts=found, now=NOW)


def settle(image: Image, who: Annotator, kind: str, label: str | None) -> Annotation:
    return review.settle(
        project_id=image.project_id,
        image_id=image.pk,
        annotator_id=who.pk,
        kind=kind,
        label_code=label,
        now=NOW,
    )


def undo(who: Annotator, answer: Annotation) -> None:
    annotation_service.undo(
        annotator_id=who.pk, annotation_public_id=answer.public_id, key=uuid.uuid4(), now=later(1)
    )


def states(project: Project) -> dict[tuple[int, str], str]:
    rows = LabelDoubt.objects.filter(project=project)
    return {(image, code): state for image, code, state in
            rows.values_list("image_id", "label__code", "state")}  # fmt: skip


def posterior(image: Image) -> list[float]:
    stored = Consensus.objects.get(image=image).posterior
    found: list[float] = np.frombuffer(bytes(stored), dtype=np.float32).tolist()
    return found


@pytest.mark.parametrize(
    "case",
    [("YES", 1.0, "CHANGED"), ("NO", 0.0, "KEPT"), ("UNSURE", 0.5, "CANT_TELL")],
)
def test_an_experts_word_stands_for_that_label_alone(
    project: Project, images: list[Image], eve: Annotator, case: tuple[str, float, str]
) -> None:
    kind, now_known, became = case
    note(project, (images[0], "soy-milk", False))

    answer = settle(images[0], eve, kind, "soy-milk")

    assert (answer.kind, answer.is_expert, answer.shown["given"]) == (kind, True, "NO")
    assert posterior(images[0]) == [0.75, now_known, 0.25]
    row = Consensus.objects.get(image=images[0])
    assert (row.state, row.n_votes, row.is_expert) == (ConsensusState.RESOLVED, 1, False)
    assert states(project) == {(images[0].pk, "soy-milk"): became}
    assert consensus.training_rows(project.pk).posteriors[0].tolist() == [0.75, now_known, 0.25]


def test_a_picture_whose_only_label_is_denied_shows_none(
    project: Project, images: list[Image], eve: Annotator
) -> None:
    note(project, (images[0], "milk", True))

    settle(images[0], eve, "NO", "milk")

    assert Consensus.objects.get(image=images[0]).state == ConsensusState.NONE_OF_THESE


def test_two_labels_of_one_picture_are_settled_beside_each_other_and_undone_apart(
    project: Project, images: list[Image], eve: Annotator
) -> None:
    note(project, (images[0], "soy-milk", False), (images[0], "milk", True))
    first = settle(images[0], eve, "YES", "soy-milk")
    settle(images[0], eve, "NO", "milk")
    assert posterior(images[0]) == [0.0, 1.0, 0.25]
    assert doubts.found(project.pk).n_wrong == 2

    undo(eve, first)

    assert posterior(images[0]) == [0.0, 0.25, 0.25]
    assert states(project) == {
        (images[0].pk, "soy-milk"): "OPEN",
        (images[0].pk, "milk"): "CHANGED",
    }


def test_what_the_expert_said_of_the_whole_picture_stays(
    project: Project, images: list[Image]
) -> None:
    ada = Annotator.objects.get(project=project, display_name="Ada")
    note(project, (images[0], "oat-milk", False))

    settle(images[0], ada, "YES", "oat-milk")

    assert posterior(images[0]) == [0.75, 0.25, 1.0]
    live = Annotation.objects.filter(image=images[0], withdrawn_at__isnull=True)
    assert set(live.values_list("kind", flat=True)) == {"LABEL", "YES"}


def test_the_newest_word_of_a_label_counts_and_a_later_whole_one_replaces_all(
    project: Project, images: list[Image], eve: Annotator
) -> None:
    given: dict[str, Any] = {
        "project_id": project.pk,
        "image_id": images[0].pk,
        "annotator_id": eve.pk,
    }
    for kind in ("YES", "NO"):
        decisions.settle_label(**given, kind=kind, label_code="soy-milk", now=NOW)
    assert posterior(images[0]) == [0.75, 0.0, 0.25]
    assert Annotation.objects.filter(annotator=eve, withdrawn_at__isnull=True, kind="NO").count()
    assert not Annotation.objects.filter(
        annotator=eve, withdrawn_at__isnull=True, kind="YES"
    ).exists()

    decisions.adjudicate(**given, kind="LABEL", label_code="soy-milk", now=later(1))

    assert posterior(images[0]) == [0.0, 1.0, 0.0]
    decisions.settle_label(**given, kind="YES", label_code="oat-milk", now=later(2))
    assert posterior(images[0]) == [0.0, 1.0, 1.0]
    assert Consensus.objects.get(image=images[0]).is_expert


def test_an_expert_unties_a_label_that_two_people_disagree_about(
    project: Project, images: list[Image], eve: Annotator
) -> None:
    ben = make_annotator(project, "Ben")
    active(project, [ben, make_annotator(project, "Cleo")])
    note(project, (images[0], "milk", True))
    again = [RefillEntry(images[0].pk, 0.0, 1.0, questions.policy_again("milk"))]
    queue.refill(
        project_id=project.pk, entries=again, policy="uherding 1", model_version=None, now=NOW
    )
    submit(claim(ben, 1)[0], kind="NO")
    assert Consensus.objects.get(image=images[0]).state == ConsensusState.OPEN
    assert service.sweep(now=NOW) == 0  # It waits for somebody still.

    settle(images[0], eve, "YES", "milk")

    assert Consensus.objects.get(image=images[0]).state == ConsensusState.RESOLVED
    assert posterior(images[0]) == [1.0, 0.25, 0.25]
    assert not QueueEntry.objects.filter(image=images[0], state="OPEN").exists()


def test_a_second_opinion_that_agrees_settles_the_doubt(
    project: Project, images: list[Image]
) -> None:
    ben = make_annotator(project, "Ben")
    active(project, [ben, make_annotator(project, "Cleo")])
    note(project, (images[0], "milk", True), (images[1], "milk", True))
    again = [RefillEntry(images[0].pk, 0.0, 1.0, questions.policy_again("milk"))]
    queue.refill(
        project_id=project.pk, entries=again, policy="uherding 1", model_version=None, now=NOW
    )
    submit(claim(ben, 1)[0], kind="YES")

    assert service.sweep(now=NOW) == 1
    assert states(project) == {(images[0].pk, "milk"): "KEPT", (images[1].pk, "milk"): "OPEN"}


def test_only_what_stands_in_the_pool_and_no_expert_has_settled_is_doubted(
    project: Project, images: list[Image], eve: Annotator
) -> None:
    (audit,) = make_images(project, 1, Partition.AUDIT)
    direct(Annotator.objects.get(project=project, display_name="Ada"), audit, "milk")
    decisions.settle_label(
        project_id=project.pk,
        image_id=images[1].pk,
        annotator_id=eve.pk,
        kind="NO",
        label_code="milk",
        now=NOW,
    )

    assert note(
        project,
        (audit, "milk", True),
        (images[0], "milk", False),  # It is said to be there.
        (images[1], "milk", False),
        (images[2], "oat-milk", False),
    ) == 1  # fmt: skip
    assert states(project) == {(images[2].pk, "oat-milk"): "OPEN"}
    assert doubts.to_ask(project.pk, share=1.0, n_settled=100) == []


def test_who_has_settled_a_label_may_be_asked_about_the_picture_and_only_once(
    project: Project, eve: Annotator
) -> None:
    (image,) = make_images(project, 1)
    decisions.settle_label(
        project_id=project.pk,
        image_id=image.pk,
        annotator_id=eve.pk,
        kind="YES",
        label_code="milk",
        now=NOW,
    )

    submit(claim(eve, 1)[0], "soy milk")

    assert posterior(image) == [1.0, 0.75, 0.25]
    row = Annotation.objects.get(annotator=eve, kind="LABEL")
    row.pk, row.public_id, row.key = None, uuid.uuid4(), uuid.uuid4()
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_an_answer_about_the_whole_picture_is_refused_and_so_is_one_about_another_label(
    project: Project, images: list[Image], eve: Annotator
) -> None:
    note(project, (images[0], "soy-milk", False))

    with pytest.raises(InvalidAnswerError, match="settled by itself"):
        settle(images[0], eve, "LABEL", "soy-milk")
    with pytest.raises(InvalidAnswerError, match="which label"):
        settle(images[0], eve, "YES", None)
    with pytest.raises(review.NothingToReviewError):
        settle(images[0], eve, "YES", "milk")


def test_an_export_keeps_the_word_on_one_label(
    project: Project, images: list[Image], eve: Annotator
) -> None:
    note(project, (images[0], "soy-milk", False))
    settle(images[0], eve, "YES", "soy-milk")

    said = [row for row in exports.answer_rows(project.pk) if row["is_expert"]]
    (row,) = [one for one in exports.image_rows(project.pk) if one["image"] == str(
        images[0].public_id)]  # fmt: skip

    assert [(each["kind"], each["labels"]) for each in said] == [("YES", {"soy-milk": "YES"})]
    assert row["label_set"] == "milk|soy-milk"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the words of SQLite's planner")
def test_whether_somebody_has_answered_is_read_from_its_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN QUERY PLAN SELECT 1 FROM labeling_annotation AS said WHERE said.image_id = 1 "
            f"AND said.annotator_id = 2 AND {votes.is_live('said')}"
        )
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert "annotation_live_once_a_person" in plan


def test_the_page_names_the_label_what_people_said_and_what_speaks_against_it(
    project: Project,
    images: list[Image],
    expert: User,
    client_for: Callable[..., APIClient],
) -> None:
    note(project, (images[0], "soy-milk", False), (images[0], "milk", True))
    tab, path = Browser(client_for(expert), project.slug), f"staff/projects/{project.slug}"

    first, second = tab.get(f"{path}/label-errors")["items"]

    assert first["given"] == {"code": "soy-milk", "name": "soy milk", "share": 0.2}
    assert (first["is_shown"], second["is_shown"]) == (False, True)
    assert first["said"] == {"yes": 0, "no": 1, "is_import": False}
    assert (first["classifier"]["share"], first["neighbours"]["share"]) == (0.8, 0.7)
    behind = {"after": first["image"]["id"], "after_label": "soy-milk"}
    assert [one["given"]["code"] for one in codes(tab, path, behind)] == ["milk"]
    url = f"{path}/label-errors/{images[0].public_id}"
    done = tab.post(url, {"kind": "YES", "label": "soy-milk"}, status=201)
    assert (done["found"]["n_wrong"], done["found"]["open"]) == (1, 1)
    assert done["found"]["is_several"]
    assert tab.post(url, {"kind": "NO", "label": "soy-milk"}, status=409)["code"] == (
        "nothing_to_review"
    )


def codes(tab: Browser, path: str, query: dict[str, str]) -> Sequence[dict[str, dict[str, str]]]:
    found: Sequence[dict[str, dict[str, str]]] = tab.get(f"{path}/label-errors", **query)["items"]
    return found
