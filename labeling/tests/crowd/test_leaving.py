"""Effective votes: min(policy, active annotators), as people join and leave (rule 2)."""

from __future__ import annotations

import pytest

from labeling.models import Annotator, Consensus, ConsensusState, Partition, QueueEntry, Reason
from labeling.selectors import annotators, partitions
from labeling.selectors import skills as skill_selectors
from labeling.services import quarantine
from labeling.tests.crowd.crowds import play
from labeling.tests.worlds import (
    active,
    claim,
    direct,
    later,
    make_annotator,
    make_images,
    make_project,
    submit,
    top_up,
)

pytestmark = pytest.mark.django_db

A_MONTH = 30 * 24 * 3600


def test_one_person_alone_resolves_with_one_answer() -> None:
    project = make_project(votes_pool=2, votes_audit=3)
    images = make_images(project, 1) + make_images(project, 1, Partition.AUDIT)
    ada = make_annotator(project)
    for image in images:
        direct(ada, image)
    states = Consensus.objects.values_list("state", "effective_votes")
    assert list(states) == [(ConsensusState.RESOLVED, 1)] * 2


def test_audit_images_below_policy_reopen_when_people_join() -> None:
    project = make_project(votes_audit=3, audit_serving_share=1.0)
    images = make_images(project, 5, Partition.AUDIT)
    ada = make_annotator(project)
    for image in images:
        direct(ada, image)
    assert not QueueEntry.objects.exists()
    others = [make_annotator(project) for _ in range(2)]
    active(project, others)
    top_up(project)
    slots = QueueEntry.objects.filter(reason=Reason.AUDIT).values_list("open_slots", flat=True)
    assert list(slots) == [2] * 5
    for who in others:
        for assignment in claim(who, 3):
            submit(assignment)
    done = Consensus.objects.filter(n_votes=3, effective_votes=3, state=ConsensusState.RESOLVED)
    assert done.count() == 3


def test_what_waited_for_people_who_left_is_decided_without_them() -> None:
    project = make_project(votes_pool=3, vote_cap_pool=3)
    (image,) = make_images(project, 1)
    ada, bea, cem = (make_annotator(project) for _ in range(3))
    active(project, [ada, bea, cem])
    direct(ada, image)
    assert Consensus.objects.get(image=image).state == ConsensusState.OPEN
    assert (partitions.counts(project.pk).pool_open, partitions.counts(project.pk).pool) == (1, 1)
    ada.refresh_from_db()
    ada.last_seen_at = later(A_MONTH)
    ada.save()
    top_up(project, now=later(A_MONTH))
    assert Consensus.objects.get(image=image).state == ConsensusState.RESOLVED
    assert partitions.counts(project.pk).pool_open == 0


def test_a_tie_that_nobody_is_left_to_break_comes_before_an_expert() -> None:
    project = make_project(votes_pool=3, vote_cap_pool=3)
    (image,) = make_images(project, 1)
    ada, bea, cem = (make_annotator(project) for _ in range(3))
    active(project, [ada, bea, cem])
    direct(ada, image, "milk")
    direct(bea, image, "soy milk")
    assert Consensus.objects.get(image=image).state == ConsensusState.OPEN
    for who in (ada, bea):
        who.last_seen_at = later(A_MONTH)
        who.save()
    top_up(project, now=later(A_MONTH))
    assert Consensus.objects.get(image=image).state == ConsensusState.DISPUTED
    assert QueueEntry.objects.filter(image=image, reason=Reason.DISPUTE, state="OPEN").exists()


def test_shows_skill_with_its_interval_overall_and_by_label() -> None:
    world = play(skills=(0.97, 0.95, 0.4), n_images=60, votes=3)
    found = skill_selectors.of_project(world.project.pk)
    good, bad = found[world.people[0].pk], found[world.people[2].pk]
    assert good.overall.low > bad.overall.high
    assert good.overall.low < good.overall.mean < good.overall.high
    assert good.by_label.keys() >= {"milk", "soy-milk", "oat-milk"}
    for each in good.by_label.values():
        assert 0 < each.low < each.mean < each.high < 1
    assert sum(each.n for each in good.by_label.values()) == pytest.approx(good.overall.n)


def test_who_was_set_aside_a_moment_ago_is_not_waited_for() -> None:
    project = make_project(votes_pool=2, vote_cap_pool=2)
    (image,) = make_images(project, 1)
    ada, bea = make_annotator(project), make_annotator(project)
    active(project, [ada, bea])
    direct(ada, image)
    soon = later(0.5)
    quarantine.quarantine(annotator_id=bea.pk, user_id=None, now=soon, clock=lambda: soon)
    found = Consensus.objects.get(image=image)
    assert (found.state, found.effective_votes) == (ConsensusState.RESOLVED, 1)


def test_who_asked_to_be_forgotten_is_not_waited_for() -> None:
    project = make_project(votes_pool=2)
    ada, bea = make_annotator(project), make_annotator(project)
    active(project, [ada, bea])
    Annotator.objects.filter(pk=bea.pk).update(anonymised_at=later(0))
    assert annotators.active_count(project, later(0)) == 1
