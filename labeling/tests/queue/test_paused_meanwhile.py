"""A request reads who asks before it locks them: what staff say in between holds."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from labeling.models import Annotation, Annotator, Assignment, AssignmentState
from labeling.selectors import labelers
from labeling.services import annotations as annotation_service
from labeling.services import answering, queue, roster
from labeling.tests.factories import make_user
from labeling.tests.worlds import NOW, claim, make_annotator, make_images, make_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from labeling.selectors.labelers import Labeler

    Stop = Callable[[Annotator], None]

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Annotator:
    project = make_project()
    make_images(project, 8)
    return make_annotator(project)


def pause(who: Annotator) -> None:
    roster.set_paused(annotator_id=who.pk, is_paused=True, user_id=make_user().pk, now=NOW)


def set_aside(who: Annotator) -> None:
    Annotator.objects.filter(pk=who.pk).update(quarantined_at=NOW)
    queue.release(annotator_id=who.pk, now=NOW)


def anonymise(who: Annotator) -> None:
    roster.anonymise(
        annotator_id=who.pk,
        display_name=who.display_name,
        user_id=make_user().pk,
        is_by_owner=True,
        now=NOW,
    )


def answer(
    labeler: Labeler, assignment: Assignment, key: uuid.UUID | None = None
) -> answering.Answered:
    return answering.answer_and_refill(
        labeler=labeler,
        client="tab",
        assignment_public_id=assignment.public_id,
        key=key or uuid.uuid4(),
        kind="LABEL",
        label_codes=["milk"],
        flag_reason="",
        time_spent_ms=900,
        shown={},
        now=NOW,
    )


def holds(who: Annotator) -> int:
    return Assignment.objects.filter(annotator=who, state=AssignmentState.OPEN).count()


STOPS = pytest.mark.parametrize("stop", [pause, set_aside, anonymise])


@STOPS
def test_no_answer_is_taken_and_nothing_handed_out(ada: Annotator, stop: Stop) -> None:
    held = claim(ada)[0]
    labeler = labelers.known(ada.pk)
    stop(ada)

    with pytest.raises(annotation_service.AnnotatorPausedError):
        answer(labeler, held)

    assert not Annotation.objects.exists()
    assert holds(ada) == 0


@STOPS
def test_a_claim_under_way_hands_nothing_out(ada: Annotator, stop: Stop) -> None:
    holder = queue.holder_of(labelers.known(ada.pk), "tab", 3)
    stop(ada)

    claimed = queue.claim_for(holder, NOW)

    assert claimed.assignments == []
    assert claimed.done is not None
    assert claimed.done.code == "annotator_paused"
    assert holds(ada) == 0


def test_a_retry_of_a_stored_answer_fills_no_window(ada: Annotator) -> None:
    held = claim(ada)[0]
    labeler = labelers.known(ada.pk)
    key = uuid.uuid4()
    stored = answer(labelers.known(ada.pk), held, key)
    pause(ada)

    again = answer(labeler, held, key)

    assert again.submitted.annotation == stored.submitted.annotation
    assert again.submitted.is_repeat
    assert again.claimed.assignments == []
    assert holds(ada) == 0
