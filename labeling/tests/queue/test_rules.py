"""The queue's rules under any order of events: a small world, played by Hypothesis."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from labeling.models import (
    Annotation,
    AnnotationKind,
    Assignment,
    AssignmentState,
    Consensus,
    Partition,
    QueueEntry,
    Reason,
    ServeCounter,
)
from labeling.services import annotations as annotation_service
from labeling.services import queue
from labeling.tests.worlds import NOW, claim, make_annotator, make_images, make_project, submit

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
CAP = 3
LATE = (annotation_service.AssignmentExpiredError, annotation_service.AlreadyAnsweredError)
PEOPLE = st.integers(0, 2)
TABS = st.sampled_from(["left", "right"])
LABELS = st.sampled_from(["milk", "milk", "soy milk"])
KINDS = st.sampled_from(["LABEL", "LABEL", "LABEL", "SKIP", "CANT_TELL", "NONE_OF_THESE"])


class Queue(RuleBasedStateMachine):
    """Three people with two tabs each, nine images, a clock, and what everyone was told."""

    def __init__(self) -> None:
        super().__init__()
        # What one play has written is gone before the next.
        self.play = transaction.atomic()
        self.play.__enter__()
        self.now = NOW
        self.project = make_project(
            votes_pool=2,
            vote_cap_pool=CAP,
            votes_audit=2,
            vote_cap_audit=CAP,
            audit_serving_share=0.3,
            random_arm_share=0.2,
            window_size=5,
        )
        make_images(self.project, 7)
        make_images(self.project, 2, Partition.AUDIT)
        self.people = [make_annotator(self.project, name) for name in ("Ada", "Bea", "Cem")]
        self.known: dict[int, list[Assignment]] = {who: [] for who in range(3)}
        self.live: dict[int, tuple[uuid.UUID, Annotation, Assignment]] = {}
        self.keys: set[uuid.UUID] = set()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.play.__exit__(None, None, None)

    @rule(who=PEOPLE, tab=TABS, count=st.integers(1, 3))
    def claims(self, who: int, tab: str, count: int) -> None:
        held = claim(self.people[who], count, tab, self.now)
        assert len({one.image_id for one in held}) == len(held)
        self.known[who] += held

    @rule(who=PEOPLE, place=st.integers(0, 50), label=LABELS, kind=KINDS)
    def answers(self, who: int, place: int, label: str, kind: str) -> None:
        """Any assignment this person was ever given, however long ago."""
        if not self.known[who]:
            return
        assignment = self.known[who][place % len(self.known[who])]
        key = uuid.uuid4()
        try:
            stored = submit(assignment, label, kind=kind, key=key, now=self.now)
        except LATE:
            assert not Annotation.objects.filter(key=key).exists()
            return
        assert not stored.is_repeat
        self.keys.add(key)
        self.live[stored.annotation.pk] = (key, stored.annotation, assignment)

    @precondition(lambda self: self.live)
    @rule(place=st.integers(0, 50))
    def sends_again(self, place: int) -> None:
        key, annotation, assignment = list(self.live.values())[place % len(self.live)]
        codes = list(annotation.labels.values_list("label__name", flat=True))
        label = codes[0] if codes else None
        again = submit(assignment, label, kind=annotation.kind, key=key, now=self.now)
        assert again.is_repeat
        assert again.annotation.pk == annotation.pk

    @precondition(lambda self: self.live)
    @rule(place=st.integers(0, 50))
    def takes_back(self, place: int) -> None:
        """Any of the last 20, not only the last."""
        pk = list(self.live)[place % len(self.live)]
        _, annotation, assignment = self.live[pk]
        key = uuid.uuid4()
        mine = Annotation.objects.filter(
            annotator=annotation.annotator_id, withdrawn_at__isnull=True
        ).exclude(kind=AnnotationKind.UNDO)
        is_recent = pk in list(mine.order_by("-pk").values_list("pk", flat=True)[:20])
        try:
            undone = annotation_service.undo(
                annotator_id=annotation.annotator_id,
                annotation_public_id=annotation.public_id,
                key=key,
                now=self.now,
            )
        except annotation_service.CannotUndoError:
            assert not is_recent
            return
        assert is_recent
        self.keys.add(key)
        del self.live[pk]
        assert undone.assignment is not None
        assert undone.assignment.image_id == assignment.image_id
        who = [person.pk for person in self.people].index(annotation.annotator_id)
        self.known[who].append(undone.assignment)

    @rule(who=PEOPLE, tab=TABS)
    def leaves(self, who: int, tab: str) -> None:
        queue.release(annotator_id=self.people[who].pk, client=tab, now=self.now)
        held = Assignment.objects.filter(
            annotator=self.people[who], client=tab, state=AssignmentState.OPEN
        )
        assert not held.exists()

    @rule(who=PEOPLE, tab=TABS)
    def looks(self, who: int, tab: str) -> None:
        queue.renew(annotator_id=self.people[who].pk, client=tab, now=self.now)

    @rule(seconds=st.sampled_from([1, 60, 299, 400]))
    def waits(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def is_swept(self) -> None:
        queue.sweep(now=self.now)
        assert not Assignment.objects.filter(
            state=AssignmentState.OPEN, expires_at__lte=self.now
        ).exists()

    @invariant()
    def hands_no_image_to_more_people_than_its_cap(self) -> None:
        for image_id in Consensus.objects.values_list("image_id", flat=True):
            slots = QueueEntry.objects.filter(image_id=image_id, state="OPEN").exclude(
                reason=Reason.DISPUTE
            )
            used = sum(slots.values_list("open_slots", flat=True))
            used += Assignment.objects.filter(image_id=image_id, state="OPEN").count()
            answers = Annotation.objects.filter(image_id=image_id, withdrawn_at__isnull=True)
            used += answers.exclude(kind__in=(AnnotationKind.UNDO, AnnotationKind.SKIP)).count()
            assert used <= CAP

    @invariant()
    def keeps_every_answer_it_said_yes_to_and_no_other(self) -> None:
        stored = Annotation.objects.filter(project=self.project)
        assert set(stored.values_list("key", flat=True)) == self.keys
        live = stored.filter(withdrawn_at__isnull=True).exclude(kind=AnnotationKind.UNDO)
        assert set(live.values_list("pk", flat=True)) == set(self.live)
        assert len({(one.annotator_id, one.image_id) for one in live}) == len(live)
        states = live.values_list("assignment__state", flat=True)
        assert set(states) <= {AssignmentState.ANSWERED}

    @invariant()
    def gives_every_serve_number_once_and_in_a_row(self) -> None:
        numbers = Assignment.objects.values_list("serve_number", flat=True)
        assert sorted(set(numbers)) == list(range(ServeCounter.objects.get().served))

    @invariant()
    def tells_consensus_of_every_vote(self) -> None:
        for row in Consensus.objects.all():
            votes = Annotation.objects.filter(
                image_id=row.image_id,
                withdrawn_at__isnull=True,
                kind__in=("LABEL", "CANT_TELL", "NONE_OF_THESE"),
            )
            assert row.n_votes == votes.count()


def test_the_queue_keeps_its_rules_whatever_happens_in_whatever_order() -> None:
    run_state_machine_as_test(
        Queue,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_queue_always_ends() -> None:
    """Whoever comes gets images until a reason says why there are none."""
    project = make_project(votes_pool=2, vote_cap_pool=CAP, audit_serving_share=0.2)
    make_images(project, 15)
    make_images(project, 4, Partition.AUDIT)
    people = [make_annotator(project, name) for name in ("Ada", "Bea", "Cem")]
    left = set(people)
    for step in range(200):
        for who in sorted(left, key=lambda one: one.pk):
            claimed = queue.claim(
                project_id=project.pk, annotator_id=who.pk, count=3, client="tab", now=NOW
            )
            if claimed.done is not None and claimed.done.code != "held_by_others":
                left.discard(who)
            for one in claimed.assignments:
                submit(one, "milk" if (step + who.pk) % 3 else "oat milk")
        if not left:
            break
    assert not left
    assert not Assignment.objects.filter(state=AssignmentState.OPEN).exists()
