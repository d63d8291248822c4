"""Answers of several people in one transaction: what one by one would have given, or alone."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError

from labeling import events
from labeling.models import (
    Annotation,
    AnnotationLabel,
    Annotator,
    AnnotatorSkill,
    Assignment,
    AssignmentState,
    Consensus,
    ConsensusState,
    Project,
    QueueEntry,
    Reason,
    ServeCounter,
)
from labeling.selectors import labelers
from labeling.services import answering, joint_claims, queue
from labeling.services.answers import Answer, hash_of
from labeling.services.batches import Asked
from labeling.services.queue import RefillEntry
from labeling.tests.worlds import (
    NOW,
    active,
    claim,
    later,
    make_annotator,
    make_images,
    make_project,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_django import DjangoCaptureOnCommitCallbacks

pytestmark = pytest.mark.django_db
SAID = ["milk", "soy-milk", "milk", "soy-milk", "milk"]


def people(project: Project, count: int) -> list[Annotator]:
    return [make_annotator(project, f"Person {number}") for number in range(count)]


def asked(assignment: Assignment, label: str = "milk", **said: Any) -> Asked:
    labeler = labelers.known(assignment.annotator_id)
    given = {"kind": "LABEL", "label_codes": [label], "key": uuid.uuid4(), **said}
    request_hash = hash_of(str(assignment.public_id), given["kind"], given["label_codes"])
    holder = queue.holder_of(labeler, "tab", labeler.project.client_window)
    answer = Answer(request_hash=request_hash, shown={"order": [1]}, **given)
    return Asked(labeler, holder, assignment.public_id, answer, later(1))


def together(questions: Sequence[Asked]) -> list[answering._Done | None]:
    return answering._answer_all(questions)


@pytest.fixture
def project() -> Project:
    made = make_project()
    make_images(made, 30)
    return made


def test_each_answer_is_stored_and_each_tab_is_filled_again(project: Project) -> None:
    held = [claim(one)[0] for one in people(project, 5)]
    done = together([asked(one, label) for one, label in zip(held, SAID, strict=True)])
    assert all(one is not None and not one.submitted.is_repeat for one in done)
    rows = Annotation.objects.order_by("pk")
    assert [row.assignment_id for row in rows] == [one.pk for one in held]
    said = AnnotationLabel.objects.order_by("annotation_id").values_list("label__code", flat=True)
    assert list(said) == SAID
    assert rows[0].shown == {"order": [1]}
    closed = Assignment.objects.filter(pk__in=[one.pk for one in held])
    assert set(closed.values_list("state", flat=True)) == {AssignmentState.ANSWERED}
    for one in done:
        assert one is not None
        assert one.held is not None
        assert len(one.held) == project.client_window
    numbers = Assignment.objects.order_by("serve_number").values_list("serve_number", flat=True)
    assert list(numbers) == list(range(len(numbers)))
    assert ServeCounter.objects.get(project=project).served == len(numbers)


def test_what_follows_is_what_one_by_one_would_have_given() -> None:
    one_by_one, at_once = outcome(at_once=False), outcome(at_once=True)
    assert one_by_one == at_once
    states = {state for state, *_ in at_once[0]}
    assert states == {ConsensusState.RESOLVED, ConsensusState.OPEN}


def outcome(*, at_once: bool) -> tuple[list[Any], list[Any], list[Any]]:
    """Five people, three answers an image; in each round everybody at another image answers."""
    project = make_project(votes_pool=3, vote_cap_pool=4, client_window=1)
    images = make_images(project, 6)
    crowd = people(project, 5)
    active(project, crowd)
    entries = [RefillEntry(image.pk, -image.pk, 1.0) for image in images]
    queue.refill(
        project_id=project.pk, entries=entries, policy="first", model_version=None, now=NOW
    )
    for _ in range(6):
        questions: dict[int, Asked] = {}
        for one in crowd:
            held = claim(one)
            if held:
                label = "milk" if held[0].image_id % 2 else "soy-milk"
                questions.setdefault(held[0].image_id, asked(held[0], label))
        batches = [list(questions.values())] if at_once else [[one] for one in questions.values()]
        assert all(None not in together(batch) for batch in batches)
    first = images[0].pk
    decided = Consensus.objects.filter(project=project).order_by("image_id")
    waiting = QueueEntry.objects.filter(project=project).order_by("image_id", "pk")
    skills = AnnotatorSkill.objects.filter(annotator__project=project).order_by("annotator_id")
    return (
        [(row.state, row.image_id - first, row.n_votes) for row in decided],
        [(row.image_id - first, row.state, row.open_slots) for row in waiting],
        [round(row.n_right + row.n_wrong, 6) for row in skills],
    )


def test_what_is_not_plain_is_left_for_its_own_thread(project: Project) -> None:
    paused, twice, wrong, flags, judged, theirs, fine = people(project, 7)
    held = {one.pk: claim(one) for one in (paused, twice, wrong, flags, judged, theirs, fine)}
    repeated = asked(held[twice.pk][0])
    assert together([repeated])[0] is not None
    Annotator.objects.filter(pk=paused.pk).update(paused_at=NOW)
    Assignment.objects.filter(pk=held[judged.pk][0].pk).update(reason=Reason.GOLD)
    somebody_elses = asked(held[fine.pk][1])
    questions = [
        asked(held[paused.pk][0]),
        repeated,
        asked(held[wrong.pk][0], "no-such-label"),
        asked(held[flags.pk][0], kind="FLAG", label_codes=[], flag_reason="PERSON"),
        asked(held[judged.pk][0]),
        Asked(
            labelers.known(theirs.pk),
            somebody_elses.holder,
            somebody_elses.assignment_public_id,
            somebody_elses.answer,
            later(1),
        ),
        asked(held[fine.pk][0]),
    ]
    before = Annotation.objects.count()
    *alone, last = together(questions)
    assert alone == [None] * 6
    assert last is not None
    assert Annotation.objects.count() == before + 1
    states = Assignment.objects.filter(annotator__in=[paused, wrong, flags, judged])
    assert set(states.values_list("state", flat=True)) == {AssignmentState.OPEN}


def test_of_two_answers_to_one_image_the_second_decides_it() -> None:
    project = make_project(votes_pool=2, vote_cap_pool=3, client_window=1)
    (image,) = make_images(project, 1)
    crowd = people(project, 2)
    active(project, crowd)
    first, second = together([asked(claim(one)[0]) for one in crowd])
    assert first is not None
    assert second is not None
    assert [first.submitted.decides, second.submitted.decides] == [False, True]
    decided = Consensus.objects.get(image=image)
    assert (decided.state, decided.n_votes) == (ConsensusState.RESOLVED, 2)
    assert AnnotatorSkill.objects.filter(n_right__gt=0.9).count() == 2


def test_two_who_quarrel_about_one_image_leave_what_one_after_the_other_would() -> None:
    def outcome(at_once: bool) -> tuple[Any, ...]:
        project = make_project(votes_pool=2, vote_cap_pool=3, client_window=1)
        (image,) = make_images(project, 1)
        crowd = people(project, 2)
        active(project, crowd)
        said = zip(crowd, ["milk", "soy-milk"], strict=True)
        questions = [asked(claim(one)[0], label) for one, label in said]
        for batch in [questions] if at_once else [[one] for one in questions]:
            assert None not in together(batch)
        decided = Consensus.objects.get(image=image)
        waiting = QueueEntry.objects.filter(image=image).order_by("pk")
        skills = AnnotatorSkill.objects.filter(annotator__project=project).order_by("pk")
        return (
            (decided.state, decided.n_votes, bytes(decided.posterior)),
            [(row.state, row.open_slots) for row in waiting],
            [(round(row.n_right, 6), round(row.n_wrong, 6)) for row in skills],
        )

    assert outcome(at_once=True) == outcome(at_once=False)


def test_an_expired_assignment_goes_alone(project: Project) -> None:
    held = [claim(one)[0] for one in people(project, 2)]
    queue.expire(now=later(10_000))
    Assignment.objects.filter(pk=held[1].pk).update(state=AssignmentState.OPEN)
    expired, still_open = together([asked(one) for one in held])
    assert expired is None
    assert still_open is not None


def test_a_failing_database_stores_nothing_and_sends_everybody_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    held = [claim(one)[0] for one in people(project, 3)]
    questions = [asked(one) for one in held]

    def fail(*_: Any, **__: Any) -> list[joint_claims.Granted]:
        raise OperationalError("the third claim was one too many")

    with monkeypatch.context() as patch:
        patch.setattr(joint_claims, "take_all", fail)
        assert together(questions) == [None] * 3
    assert "3 answers together failed" in caplog.text
    assert Annotation.objects.count() == 0
    assert not any(answering._alone(one).submitted.is_repeat for one in questions)
    assert Annotation.objects.count() == 3


def test_listeners_hear_of_every_answer_after_the_commit(
    project: Project, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    heard: list[int] = []

    def hear(*, annotation_id: int, **_: Any) -> None:
        heard.append(annotation_id)

    held = [claim(one)[0] for one in people(project, 3)]
    events.annotation_submitted.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            together([asked(one) for one in held])
            assert heard == []
    finally:
        events.annotation_submitted.disconnect(hear)
    assert heard == list(Annotation.objects.order_by("pk").values_list("pk", flat=True))
