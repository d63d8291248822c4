from __future__ import annotations

import uuid

import pytest

from labeling.models import (
    Annotation,
    Annotator,
    Assignment,
    Consensus,
    ConsensusState,
    Image,
)
from labeling.selectors import annotations as annotation_selectors
from labeling.services import annotations as annotation_service
from labeling.services import queue
from labeling.tests.worlds import (
    NOW,
    claim,
    later,
    make_annotator,
    make_images,
    make_project,
    submit,
)

pytestmark = pytest.mark.django_db


def undo(
    annotator: Annotator, answer: Annotation, key: uuid.UUID | None = None
) -> annotation_service.Undone:
    return annotation_service.undo(
        annotator_id=annotator.pk,
        annotation_public_id=answer.public_id,
        key=key or uuid.uuid4(),
        now=NOW,
    )


def test_withdraws_the_answer_and_gives_the_image_back() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    ada = make_annotator(project)
    answer = submit(claim(ada)[0]).annotation
    undone = undo(ada, answer)
    assert undone.assignment is not None
    assert undone.assignment.image_id == image.pk
    assert Annotation.objects.get(pk=answer.pk).withdrawn_at == NOW
    assert Annotation.objects.get(kind="UNDO").undoes_id == answer.pk
    assert Consensus.objects.get(image=image).state == ConsensusState.OPEN
    submit(undone.assignment, "oat milk")
    found = Consensus.objects.get(image=image)
    assert found.label is not None
    assert found.label.code == "oat-milk"


def test_nobody_else_gets_the_image_meanwhile() -> None:
    project = make_project()
    make_images(project, 1)
    ada = make_annotator(project)
    undo(ada, submit(claim(ada)[0]).annotation)
    assert claim(make_annotator(project, "Bea")) == []


def test_the_image_goes_on_when_the_second_chance_runs_out() -> None:
    project = make_project()
    make_images(project, 1)
    ada = make_annotator(project)
    undo(ada, submit(claim(ada)[0]).annotation)
    queue.expire(now=later(301))
    assert len(claim(make_annotator(project, "Bea"), now=later(302))) == 1


def test_the_same_key_undoes_once() -> None:
    project = make_project()
    make_images(project, 1)
    ada, key = make_annotator(project), uuid.uuid4()
    answer = submit(claim(ada)[0]).annotation
    first, again = undo(ada, answer, key), undo(ada, answer, key)
    assert again.is_repeat
    assert first.assignment == again.assignment
    assert Annotation.objects.filter(kind="UNDO").count() == 1


def test_refuses_to_undo_twice_under_two_keys() -> None:
    project = make_project()
    make_images(project, 1)
    ada = make_annotator(project)
    answer = submit(claim(ada)[0]).annotation
    undo(ada, answer)
    with pytest.raises(annotation_service.CannotUndoError):
        undo(ada, answer)


def test_reaches_back_twenty_answers_and_no_further() -> None:
    project = make_project(client_window=1)
    make_images(project, 21)
    ada = make_annotator(project)
    answers = [submit(claim(ada, count=1)[0]).annotation for _ in range(21)]
    with pytest.raises(annotation_service.CannotUndoError):
        undo(ada, answers[0])
    assert undo(ada, answers[1]).assignment is not None
    assert len(annotation_selectors.undoable(ada.pk)) == 20


def test_refuses_the_answer_of_another_person() -> None:
    project = make_project()
    make_images(project, 1)
    answer = submit(claim(make_annotator(project, "Bea"))[0]).annotation
    with pytest.raises(annotation_service.AnnotationNotFoundError):
        undo(make_annotator(project, "Ada"), answer)


def test_an_undone_flag_brings_the_image_back() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    ada = make_annotator(project)
    answer = submit(claim(ada)[0], kind="FLAG", flag_reason="BROKEN").annotation
    undo(ada, answer)
    assert Image.objects.get(pk=image.pk).flagged_at is None


def test_an_answer_after_staff_kept_the_image_does_not_flag_it_again() -> None:
    project = make_project(votes_pool=2)
    (image,) = make_images(project, 1)
    submit(claim(make_annotator(project, "Ada"))[0], kind="FLAG", flag_reason="BROKEN")
    Image.objects.filter(pk=image.pk).update(flagged_at=None)
    submit(claim(make_annotator(project, "Bea"))[0])
    assert Image.objects.get(pk=image.pk).flagged_at is None


@pytest.mark.parametrize("stop", ["paused_at", "quarantined_at"])
def test_somebody_paused_or_set_aside_takes_nothing_back(stop: str) -> None:
    project = make_project()
    make_images(project, 1)
    ada = make_annotator(project)
    answer = submit(claim(ada)[0]).annotation
    Annotator.objects.filter(pk=ada.pk).update(**{stop: NOW})
    with pytest.raises(annotation_service.AnnotatorPausedError):
        undo(ada, answer)
    answer.refresh_from_db()
    assert answer.withdrawn_at is None
    assert not Assignment.objects.filter(state="OPEN").exists()


def test_an_undo_that_is_sent_again_after_a_pause_is_told_the_same() -> None:
    project = make_project()
    make_images(project, 1)
    ada = make_annotator(project)
    answer = submit(claim(ada)[0]).annotation
    key = uuid.uuid4()
    undo(ada, answer, key)
    Annotator.objects.filter(pk=ada.pk).update(paused_at=NOW)
    assert undo(ada, answer, key).is_repeat
