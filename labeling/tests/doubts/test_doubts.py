from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import numpy as np
import pytest

from labeling.api import queue_payloads
from labeling.models import (
    Annotation,
    Annotator,
    Consensus,
    ConsensusState,
    Image,
    LabelDoubt,
    LabelDoubtState,
    Partition,
    Project,
    QueueEntry,
)
from labeling.selectors import doubts as selectors
from labeling.services import annotations as annotation_service
from labeling.services import decisions, doubts, queue, review, slots
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
    from collections.abc import Sequence

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def ada(project: Project) -> Annotator:
    """She has answered everything alone; Bea is there to be asked, Eve is an expert."""
    return make_annotator(project, "Ada")


@pytest.fixture
def bea(project: Project) -> Annotator:
    person = make_annotator(project, "Bea")
    active(project, [person])
    return person


@pytest.fixture
def eve(project: Project) -> Annotator:
    return make_annotator(project, "Eve")


@pytest.fixture
def images(project: Project, ada: Annotator) -> list[Image]:
    """Ten images that Ada calls milk."""
    found = make_images(project, 10)
    for image in found:
        direct(ada, image, "milk")
    return found


def test_open_doubts_come_worst_first_and_go_round(project: Project, images: list[Image]) -> None:
    note(project, images[:3], scores=[0.5, 0.9, 0.7])

    ranked = [row.image_id for row in selectors.upcoming(project.pk, after=None, count=5)]
    behind = selectors.upcoming(project.pk, after=images[2].public_id, count=5)

    assert ranked == [images[1].pk, images[2].pk, images[0].pk]
    assert [row.image_id for row in behind] == [images[0].pk, images[1].pk]


def test_audit_images_are_never_doubted(project: Project, ada: Annotator) -> None:
    (image,) = make_images(project, 1, Partition.AUDIT)
    direct(ada, image, "milk")

    assert note(project, [image]) == 0
    assert not LabelDoubt.objects.exists()


def test_what_a_later_search_does_not_doubt_is_doubted_no_more_and_may_be_again(
    project: Project, images: list[Image]
) -> None:
    note(project, images[:2])
    note(project, images[:1])

    assert states(project) == {images[0].pk: "OPEN", images[1].pk: "GONE"}

    assert note(project, images[:2]) == 0
    assert states(project) == {images[0].pk: "OPEN", images[1].pk: "OPEN"}


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (("LABEL", "milk"), LabelDoubtState.KEPT),
        (("LABEL", "soy-milk"), LabelDoubtState.CHANGED),
        (("NONE_OF_THESE", None), LabelDoubtState.NONE_OF_THESE),
        (("CANT_TELL", None), LabelDoubtState.CANT_TELL),
    ],
)
def test_an_experts_answer_settles_a_doubt_and_an_undo_opens_it_again(
    project: Project,
    images: list[Image],
    eve: Annotator,
    said: tuple[str, str | None],
    state: str,
) -> None:
    note(project, images[:1])

    answer = settle(project, images[0], eve, said[1], kind=said[0])

    assert states(project) == {images[0].pk: state}
    assert answer.shown == {"label": "milk", "classifier": "soy-milk", "neighbours": "oat-milk"}
    assert answer.is_expert

    undo(eve, answer)
    assert states(project) == {images[0].pk: "OPEN"}
    assert Annotation.objects.filter(image=images[0]).count() == 3  # nothing is taken away


def test_a_changed_label_is_the_images_label_at_once(
    project: Project, images: list[Image], eve: Annotator
) -> None:
    note(project, images[:1])
    settle(project, images[0], eve, "soy-milk")

    found = Consensus.objects.select_related("label").get(image=images[0])
    assert (found.label and found.label.code, found.is_expert) == ("soy-milk", True)


def test_of_two_experts_one_wins(project: Project, images: list[Image], eve: Annotator) -> None:
    note(project, images[:1])
    settle(project, images[0], eve, "milk")

    with pytest.raises(review.NothingToReviewError):
        settle(project, images[0], make_annotator(project, "Max"), "soy-milk")


def test_a_label_somebody_has_kept_is_not_doubted_again(
    project: Project, images: list[Image], eve: Annotator
) -> None:
    note(project, images[:1])
    settle(project, images[0], eve, "milk")

    assert note(project, images[:1]) == 0
    assert states(project) == {images[0].pk: "KEPT"}


def test_an_expert_who_decides_again_elsewhere_has_the_last_word(
    project: Project, images: list[Image], eve: Annotator
) -> None:
    note(project, images[:1])
    settle(project, images[0], eve, "milk")
    decisions.adjudicate(
        project_id=project.pk,
        image_id=images[0].pk,
        annotator_id=eve.pk,
        kind="LABEL",
        label_code="oat-milk",
        now=NOW,
    )

    assert states(project) == {images[0].pk: "CHANGED"}


def test_the_precision_counts_what_experts_have_judged(
    project: Project, images: list[Image], eve: Annotator
) -> None:
    note(project, images[:5])
    for image, label in zip(images[:3], ("soy-milk", "soy-milk", "milk"), strict=True):
        settle(project, image, eve, label)
    settle(project, images[3], eve, None, kind="CANT_TELL")

    found = selectors.found(project.pk)

    assert (found.n_wrong, found.n_judged, found.cant_tell, found.open) == (2, 3, 1, 1)
    assert found.wrong.estimate == pytest.approx(2 / 3)
    assert found.wrong.low == pytest.approx(0.2077, abs=1e-4)  # Wilson


def test_second_opinions_never_exceed_their_share_of_labels(
    project: Project, images: list[Image], bea: Annotator
) -> None:
    note(project, images)

    assert selectors.to_ask(project.pk, share=0.02, n_settled=49) == []
    (image_id,) = selectors.to_ask(project.pk, share=0.02, n_settled=99)
    assert len(selectors.to_ask(project.pk, share=0.02, n_settled=150)) == 3
    ask(project, [image_id])
    (assignment,) = claim(bea, 1)

    assert assignment.image_id == image_id
    assert selectors.to_ask(project.pk, share=0.02, n_settled=99) == []
    assert len(selectors.to_ask(project.pk, share=0.02, n_settled=150)) == 2
    assert image_id not in selectors.to_ask(project.pk, share=0.02, n_settled=150)


def test_nobody_is_asked_where_one_person_answers_alone(
    project: Project, images: list[Image]
) -> None:
    note(project, images[:1])
    ask(project, [images[0].pk])

    assert not QueueEntry.objects.exists()


def test_a_second_opinion_that_agrees_settles_the_doubt(
    project: Project, images: list[Image], bea: Annotator
) -> None:
    answer_again(project, images[0], bea, "milk")

    assert doubts.sweep(now=NOW) == 1
    assert states(project) == {images[0].pk: "KEPT"}
    found = selectors.found(project.pk)
    assert (found.asked, found.answered, found.otherwise, found.n_judged) == (1, 1, 0, 0)


def test_a_second_opinion_that_differs_asks_on_until_a_label_stands(
    project: Project, images: list[Image], bea: Annotator
) -> None:
    third = make_annotator(project, "Third")
    active(project, [third])
    answer_again(project, images[0], bea, "soy milk")

    assert Consensus.objects.get(image=images[0]).state == ConsensusState.OPEN
    assert doubts.sweep(now=NOW) == 0

    (assignment,) = claim(third, 1)
    submit(assignment, "soy milk")
    assert doubts.sweep(now=NOW) == 1
    assert states(project) == {images[0].pk: "CHANGED"}
    assert selectors.found(project.pk).otherwise == 1


def test_a_label_changed_without_anybody_being_asked_is_doubted_no_more(
    project: Project, images: list[Image]
) -> None:
    note(project, images[:1])
    soy = project.labels.get(code="soy-milk")
    Consensus.objects.filter(image=images[0]).update(label=soy)

    assert doubts.sweep(now=NOW) == 1
    assert states(project) == {images[0].pk: "GONE"}


def test_a_volunteer_who_is_asked_again_sees_what_any_other_image_shows(
    project: Project, images: list[Image], bea: Annotator
) -> None:
    note(project, images[:1])
    ask(project, [images[0].pk], beside=make_images(project, 1))
    both = claim(bea, 2)

    asked, fresh = (queue_payloads.assignment(row) for row in both)
    assert {row.policy for row in both} == {"label errors 1", "margin 1"}
    assert asked.keys() == fresh.keys()
    assert asked["suggestion"] is None


# --- helpers ------------------------------------------------------------------------------


def note(
    project: Project, images: Sequence[Image], *, scores: Sequence[float] | None = None
) -> int:
    """Doubt that these are milk: the classifier says soy milk, the neighbours oat milk."""
    given = scores or np.linspace(0.9, 0.5, len(images)).tolist()
    found = [
        doubts.Doubt(image.pk, "milk", "soy-milk", 0.8, 0.1, "oat-milk", 0.7, 0.2, score)
        for image, score in zip(images, given, strict=True)
    ]
    return doubts.note(project_id=project.pk, doubts=found, now=NOW)


def states(project: Project) -> dict[int, str]:
    rows = LabelDoubt.objects.filter(project=project)
    return dict(rows.values_list("image_id", "state"))


def settle(
    project: Project, image: Image, who: Annotator, label: str | None, *, kind: str = "LABEL"
) -> Annotation:
    return review.settle(
        project_id=project.pk,
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


def ask(project: Project, image_ids: Sequence[int], *, beside: Sequence[Image] = ()) -> None:
    queue.refill(
        project_id=project.pk,
        entries=[
            *(queue.RefillEntry(key, 0.0, 1.0, slots.DOUBTED) for key in image_ids),
            *(queue.RefillEntry(image.pk, -1.0, 1.0) for image in beside),
        ],
        policy="margin 1",
        model_version=None,
        now=NOW,
    )


def answer_again(project: Project, image: Image, who: Annotator, label: str) -> None:
    note(project, [image])
    ask(project, [image.pk])
    (assignment,) = claim(who, 1)
    assert assignment.policy == slots.DOUBTED
    submit(assignment, label)
