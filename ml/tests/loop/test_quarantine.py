"""Head, evaluation and gate after somebody's answers were set aside."""

from __future__ import annotations

import pytest

from labeling.selectors import consensus
from labeling.services import quarantine
from labeling.tests import worlds
from labeling.tests.rows import Annotator, Image, ImagePrior
from ml.models import Comparison, ComparisonKind, ModelVersion
from ml.services import refit_due, snapshots
from ml.tests.loop.world import LABELS, World

pytestmark = pytest.mark.django_db


def test_the_next_refit_learns_nothing_from_answers_set_aside() -> None:
    world, bad = two_people()
    spoiled = spoil(world, bad, world.unanswered()[:12])
    world.refit()
    aside(world, bad)
    assert refit_due.trigger(world.project.pk, now=world.now) == "labels"
    world.refit()
    newest = ModelVersion.objects.latest("pk")
    assert newest.snapshot is not None
    learnt = set(snapshots.load(newest.snapshot.pk).image_ids.tolist())
    assert not learnt & set(spoiled)
    assert learnt == world.answered


def test_lifting_it_brings_their_answers_back_to_the_head() -> None:
    world, bad = two_people()
    given = spoil(world, bad, world.unanswered()[:6])
    world.refit()
    aside(world, bad)
    world.refit()
    quarantine.lift(annotator_id=bad.pk, user_id=None, now=world.now, clock=lambda: world.now)
    assert refit_due.trigger(world.project.pk, now=world.now) == "labels"
    assert set(given) <= set(consensus.training_rows(world.project.pk).image_ids.tolist())


def test_a_refit_that_has_seen_it_has_nothing_to_do() -> None:
    world, bad = two_people()
    spoil(world, bad, world.unanswered()[:6])
    world.refit()
    aside(world, bad)
    world.refit()
    assert refit_due.trigger(world.project.pk, now=world.now) in {None, "window"}


def test_no_image_keeps_a_prior_of_the_head_that_had_learnt_from_them() -> None:
    world, bad = two_people()
    spoil(world, bad, world.unanswered()[:3])
    world.refit()
    aside(world, bad)
    outcome = world.refit()
    assert outcome.kind == "deployed"
    newest = ModelVersion.objects.latest("pk")
    assert set(ImagePrior.objects.values_list("model_version", flat=True)) == {newest.public_id}


def test_the_gate_counts_no_audit_image_that_only_they_have_answered() -> None:
    world, bad = two_people(audit=40)
    world.label_some(6, "AUDIT")
    spoil(world, bad, world.unanswered("AUDIT")[:6])
    world.refit()
    first = Comparison.objects.get(kind=ComparisonKind.CERTIFICATION)
    assert (first.decision, first.wins + first.losses + first.ties) == ("RUNNING", 12)
    aside(world, bad)
    world.refit()
    again = Comparison.objects.get(pk=first.pk)
    assert again.wins + again.losses + again.ties == 6
    rows = consensus.audit_rows(world.project.pk)
    assert ((rows.label_index >= 0).sum(), rows.n_people) == (6, 1)


# --- helpers ------------------------------------------------------------------------------


def two_people(audit: int = 0) -> tuple[World, Annotator]:
    world = World.make(audit=audit, vote_cap_pool=1, vote_cap_audit=1)
    world.label_some(45)
    return world, worlds.make_annotator(world.project, "Bad")


def spoil(world: World, bad: Annotator, image_ids: list[int]) -> list[int]:
    """Wrong answers to images that nobody else answers; one answer decides in this project."""
    for image_id in image_ids:
        wrong = LABELS[(LABELS.index(world.truth[image_id]) + 1) % len(LABELS)]
        worlds.direct(bad, Image.objects.get(pk=image_id), wrong)
    return image_ids


def aside(world: World, bad: Annotator) -> None:
    quarantine.quarantine(annotator_id=bad.pk, user_id=None, now=world.now, clock=lambda: world.now)
