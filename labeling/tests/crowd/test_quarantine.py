"""With somebody set aside, the project is what it would be had they never answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from labeling.models import (
    AnnotationKind,
    Annotator,
    AnnotatorKind,
    AnnotatorSkill,
    Assignment,
    AuditEvent,
    Consensus,
    ConsensusState,
    CrowdModel,
    Job,
    JobState,
)
from labeling.selectors import consensus as consensus_selectors
from labeling.services import annotations as annotation_service
from labeling.services import crowd, quarantine
from labeling.services import queue as queue_service
from labeling.tests.crowd.crowds import assert_sums_hold, play
from labeling.tests.worlds import (
    NOW,
    active,
    claim,
    direct,
    make_annotator,
    make_images,
    make_project,
)

if TYPE_CHECKING:
    from labeling.tests.crowd.crowds import World

pytestmark = pytest.mark.django_db

SKILLS = (0.95, 0.9, 0.85, 0.2)
BAD = 3


def test_consensus_is_that_of_a_world_without_them() -> None:
    with_them, without = two_worlds()
    assert states(with_them) == states(without)
    for mine, theirs in zip(posteriors(with_them), posteriors(without), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_skills_are_those_of_a_world_without_them() -> None:
    with_them, without = two_worlds()
    for place in range(BAD):
        mine, theirs = skill(with_them, place), skill(without, place)
        assert mine.n_right == pytest.approx(theirs.n_right, abs=1e-5)
        assert mine.n_wrong == pytest.approx(theirs.n_wrong, abs=1e-5)
        assert mine.confusions == pytest.approx(theirs.confusions, abs=1e-5)
    aside = skill(with_them, BAD)
    assert aside.n_right + aside.n_wrong == pytest.approx(0, abs=1e-6)
    assert aside.confusions == {}


def test_what_all_share_is_that_of_a_world_without_them() -> None:
    with_them, without = two_worlds()
    mine, theirs = (CrowdModel.objects.get(project=each.project) for each in (with_them, without))
    assert (mine.alpha, mine.beta) == pytest.approx((theirs.alpha, theirs.beta))
    np.testing.assert_allclose(confusion(mine), confusion(theirs), atol=1e-9)
    assert mine.minimum_votes == theirs.minimum_votes


def test_what_the_head_learns_and_is_measured_by_is_that_of_a_world_without_them() -> None:
    with_them, without = two_worlds()
    mine, theirs = (
        consensus_selectors.training_rows(each.project.pk) for each in (with_them, without)
    )
    assert places(with_them, mine.image_ids) == places(without, theirs.image_ids)
    np.testing.assert_allclose(mine.posteriors, theirs.posteriors, atol=1e-6)
    assert audit(with_them) == audit(without)


def test_lifting_it_brings_the_first_world_back() -> None:
    world = play(skills=SKILLS, n_images=40, votes=3, n_audit=10)
    exact(world)
    before = states(world), posteriors(world), skill(world, 0).n_right
    aside(world, BAD)
    assert states(world) != before[0]
    quarantine.lift(annotator_id=world.people[BAD].pk, user_id=None, now=NOW, clock=lambda: NOW)
    assert states(world) == before[0]
    for mine, theirs in zip(posteriors(world), before[1], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    assert skill(world, 0).n_right == pytest.approx(before[2], abs=1e-5)


def test_each_word_of_staff_is_written_down() -> None:
    world = play(skills=(0.9, 0.9), n_images=4, votes=2)
    who = world.people[0]
    quarantine.quarantine(
        annotator_id=who.pk, user_id=None, now=NOW, clock=lambda: NOW, why="copies"
    )
    quarantine.lift(annotator_id=who.pk, user_id=None, now=NOW, clock=lambda: NOW)
    verbs = AuditEvent.objects.filter(annotator=who).order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == [
        "annotator_quarantined",
        "quarantine_lifted",
    ]
    assert verbs[0].detail == {"answers": 5, "why": "copies"}


def test_saying_it_twice_is_as_once() -> None:
    world = play(skills=(0.9, 0.9), n_images=4, votes=2)
    assert aside(world, 0) is not None
    assert aside(world, 0) is None
    assert AuditEvent.objects.filter(verb="annotator_quarantined").count() == 1


def test_labels_of_an_import_are_not_set_aside() -> None:
    project = make_project()
    importer = make_annotator(project, "import", kind=AnnotatorKind.IMPORT)
    with pytest.raises(quarantine.NotAPersonError):
        quarantine.quarantine(annotator_id=importer.pk, user_id=None, now=NOW, clock=lambda: NOW)


def test_an_experts_decisions_are_set_aside_too() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    ada, expert = make_annotator(project), make_annotator(project, "Expert")
    direct(ada, image, "milk")
    annotation_service.adjudicate(
        project_id=project.pk,
        image_id=image.pk,
        annotator_id=expert.pk,
        kind=AnnotationKind.LABEL,
        label_code="soy-milk",
        now=NOW,
    )
    quarantine.quarantine(annotator_id=expert.pk, user_id=None, now=NOW, clock=lambda: NOW)
    found = Consensus.objects.get(image=image)
    assert (found.is_expert, found.label.code if found.label else None) == (False, "milk")
    assert skill_of(ada).n_wrong == pytest.approx(0)


def test_an_image_they_answered_alone_is_open_again_and_comes_back() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    bad, good = make_annotator(project, "Bad"), make_annotator(project, "Good")
    direct(bad, image)
    assert Consensus.objects.get().state == ConsensusState.RESOLVED
    quarantine.quarantine(annotator_id=bad.pk, user_id=None, now=NOW, clock=lambda: NOW)
    assert Consensus.objects.get().state == ConsensusState.OPEN
    assert [each.image_id for each in claim(good)] == [image.pk]


def test_they_give_back_what_they_hold(django_capture_on_commit_callbacks: Any) -> None:
    project = make_project()
    make_images(project, 3)
    ada = make_annotator(project)
    active(project, [ada])
    assert len(claim(ada)) == 3
    with django_capture_on_commit_callbacks(execute=True):
        quarantine.quarantine(annotator_id=ada.pk, user_id=None, now=NOW, clock=lambda: NOW)
    assert not Assignment.objects.filter(state="OPEN").exists()
    refusal = queue_service.claim(
        project_id=project.pk, annotator_id=ada.pk, count=1, client="tab", now=NOW
    )
    assert refusal.assignments == []


def test_counts_stay_the_sum_over_images() -> None:
    world = play(skills=SKILLS, n_images=30, votes=3)
    aside(world, BAD)
    assert_sums_hold(world.project.pk)


def test_a_large_project_is_replayed_by_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "AT_ONCE", 5)
    world = play(skills=SKILLS, n_images=20, votes=3)
    job = aside(world, BAD)
    assert job is not None
    assert job.state == JobState.QUEUED
    assert quarantine.run_job(job_id=job.pk, clock=lambda: NOW)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    assert job.done == job.total
    assert job.total >= 20
    assert not quarantine.run_job(job_id=job.pk, clock=lambda: NOW)


def test_a_replay_waits_for_a_sweep_under_way() -> None:
    world = play(skills=(0.9, 0.9), n_images=4, votes=2)
    sweeping = crowd.claim(project_id=world.project.pk, clock=lambda: NOW)
    assert sweeping is not None
    job = aside(world, 0)
    assert job is not None
    assert job.state == JobState.QUEUED
    sweeping.end()
    assert quarantine.run_job(job_id=job.pk, clock=lambda: NOW)
    assert Job.objects.get().state == JobState.SUCCEEDED


def test_head_and_evaluation_are_told() -> None:
    world = play(skills=(0.9, 0.9), n_images=4, votes=2)
    before = consensus_selectors.label_changes(world.project.pk)
    aside(world, 0)
    assert consensus_selectors.label_changes(world.project.pk) > before


# --- helpers ------------------------------------------------------------------------------


def two_worlds() -> tuple[World, World]:
    """One where somebody bad is set aside, and one where they have never answered."""
    first = play(skills=SKILLS, n_images=40, votes=3, n_audit=10)
    crowd.sweep(project_id=first.project.pk, clock=lambda: NOW)
    aside(first, BAD)
    second = play(skills=SKILLS, n_images=40, votes=3, n_audit=10, silent=[BAD])
    exact(second)
    return first, second


def aside(world: World, place: int) -> Job | None:
    return quarantine.quarantine(
        annotator_id=world.people[place].pk, user_id=None, now=NOW, clock=lambda: NOW
    )


def exact(world: World) -> None:
    """Fit and decide everything anew, by setting somebody aside who has said nothing."""
    nobody = make_annotator(world.project, "Nobody")
    quarantine.quarantine(annotator_id=nobody.pk, user_id=None, now=NOW, clock=lambda: NOW)


def states(world: World) -> list[tuple[Any, ...]]:
    """State and label of each image, by its place; nobody's answer is as no row at all."""
    found = {
        row.image_id: (row.state, row.label.code if row.label else None, row.n_votes)
        for row in Consensus.objects.filter(project=world.project).select_related("label")
    }
    nothing = (ConsensusState.OPEN, None, 0)
    return [found.get(image.pk, nothing) for image in world.images]


def posteriors(world: World) -> list[Any]:
    rows = Consensus.objects.filter(project=world.project, n_votes__gt=0)
    found = {
        image_id: np.frombuffer(bytes(posterior), dtype=np.float32)
        for image_id, posterior in rows.values_list("image_id", "posterior")
    }
    return [found[image.pk] for image in world.images if image.pk in found]


def skill(world: World, place: int) -> AnnotatorSkill:
    return skill_of(world.people[place])


def skill_of(who: Annotator) -> AnnotatorSkill:
    return AnnotatorSkill.objects.get(annotator=who)


def places(world: World, image_ids: Any) -> list[int]:
    keys = [image.pk for image in world.images]
    return [keys.index(key) for key in image_ids.tolist() if key in keys]


def confusion(model: CrowdModel) -> Any:
    return np.frombuffer(bytes(model.confusion or b""), dtype=np.float64)


def audit(world: World) -> list[tuple[Any, ...]]:
    rows = consensus_selectors.audit_rows(world.project.pk)
    said = zip(rows.image_ids.tolist(), rows.label_index.tolist(), rows.states, strict=True)
    keys = [image.pk for image in world.images]
    return sorted((keys.index(key), label, state) for key, label, state in said)
