from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from labeling.consensus import em
from labeling.models import (
    AnnotatorSkill,
    Consensus,
    ConsensusState,
    CrowdModel,
    Label,
    Partition,
    Project,
    QueueEntry,
    Reason,
)
from labeling.selectors import crowd as crowd_selectors
from labeling.selectors import projects
from labeling.services import annotations as annotation_service
from labeling.services import crowd, schemes
from labeling.tests.crowd.crowds import assert_sums_hold, play
from labeling.tests.worlds import (
    NOW,
    direct,
    later,
    make_annotator,
    make_images,
    make_project,
)

pytestmark = pytest.mark.django_db


def test_finds_out_who_guesses() -> None:
    world = play(skills=(0.97, 0.95, 0.35), n_images=60, votes=3)
    outcome = crowd.sweep(project_id=world.project.pk, clock=lambda: NOW)
    assert outcome.is_ours
    assert outcome.n_votes == 180 + len(world.people)
    share = [
        row.n_right / (row.n_right + row.n_wrong)
        for row in AnnotatorSkill.objects.order_by("annotator_id")
    ]
    assert min(share[:2]) > 0.88
    assert share[2] < 0.6


def test_counts_stay_the_sum_over_images() -> None:
    world = play(skills=(0.95, 0.8, 0.5), n_images=40, votes=3)
    crowd.sweep(project_id=world.project.pk, clock=lambda: NOW)
    assert_sums_hold(world.project.pk)


def test_writes_what_all_annotators_share() -> None:
    world = play(skills=(0.95, 0.9, 0.9), n_images=60, votes=3)
    crowd.sweep(project_id=world.project.pk, clock=lambda: NOW)
    pool = crowd_selectors.pool(world.project.pk, projects.current_scheme(world.project.pk))
    assert pool.confusion.shape == (4, 4)
    off = pool.confusion - np.diag(np.diagonal(pool.confusion))
    np.testing.assert_allclose(off.sum(axis=1), 1)
    assert pool.alpha / (pool.alpha + pool.beta) > 0.8
    assert CrowdModel.objects.get().n_votes == 180 + len(world.people)


def test_a_second_sweep_of_the_same_votes_moves_nothing() -> None:
    world = play(skills=(0.95, 0.8, 0.5), n_images=40, votes=3)
    crowd.sweep(project_id=world.project.pk, clock=lambda: NOW)
    again = crowd.sweep(project_id=world.project.pk, clock=lambda: NOW)
    assert (again.moved, again.redecided) == (0, 0)


def test_leaves_what_is_decided_as_it_is() -> None:
    world = play(skills=(0.95, 0.9, 0.3), n_images=60, votes=3)
    decided = Consensus.objects.exclude(
        state__in=(ConsensusState.OPEN, ConsensusState.DISPUTED)
    ).order_by("pk")
    before = list(decided.values_list("pk", "state", "label_id", "posterior"))
    crowd.sweep(project_id=world.project.pk, clock=lambda: NOW)
    keys = [row[0] for row in before]
    after = decided.filter(pk__in=keys).values_list("pk", "state", "label_id", "posterior")
    assert list(after) == before


def test_settles_an_open_image_once_its_author_is_known_to_be_good() -> None:
    world = play(skills=(0.99, 0.99), n_images=40, votes=2)
    Project.objects.update(votes_pool=1)
    (image,) = make_images(world.project, 1)
    AnnotatorSkill.objects.all().update(n_right=0, n_wrong=0, confusions={}, by_label={})
    Consensus.objects.all().update(counted=None)
    direct(world.people[0], image)
    assert Consensus.objects.get(image=image).state == ConsensusState.OPEN
    outcome = crowd.sweep(project_id=world.project.pk, clock=lambda: NOW)
    assert Consensus.objects.get(image=image).state == ConsensusState.RESOLVED
    assert outcome.relabeled >= 1
    assert CrowdModel.objects.get().label_changes == 1


def test_a_dispute_that_the_sweep_settles_leaves_the_experts_queue() -> None:
    world = play(skills=(0.98, 0.98, 0.1), n_images=60, votes=3)
    (image,) = make_images(world.project, 1)
    AnnotatorSkill.objects.all().update(n_right=0, n_wrong=0, confusions={}, by_label={})
    Consensus.objects.all().update(counted=None)
    for who, label in zip(world.people, ("milk", "milk", "soy milk"), strict=True):
        direct(who, image, label)
    found = Consensus.objects.get(image=image)
    if found.state == ConsensusState.DISPUTED:
        assert QueueEntry.objects.filter(image=image, reason=Reason.DISPUTE, state="OPEN").exists()
    crowd.sweep(project_id=world.project.pk, clock=lambda: NOW)
    assert Consensus.objects.get(image=image).state == ConsensusState.RESOLVED
    assert not QueueEntry.objects.filter(image=image, state="OPEN").exists()


def test_takes_votes_for_a_retired_label_out_of_the_counts() -> None:
    world = play(skills=(0.9, 0.9, 0.9), n_images=30, votes=3)
    label = Label.objects.get(project=world.project, code="oat-milk")
    schemes.retire_label(label_id=label.pk, now=NOW)
    crowd.sweep(project_id=world.project.pk, clock=lambda: NOW)
    assert_sums_hold(world.project.pk)
    for row in AnnotatorSkill.objects.all():
        assert not [pair for pair in row.confusions if "oat-milk" in pair]
    pool = crowd_selectors.pool(world.project.pk, projects.current_scheme(world.project.pk))
    assert pool.confusion.shape == (3, 3)


def test_the_shared_model_outlives_a_new_label_until_the_next_sweep() -> None:
    world = play(skills=(0.9, 0.9, 0.9), n_images=30, votes=3)
    crowd.sweep(project_id=world.project.pk, clock=lambda: NOW)
    schemes.add_label(project_id=world.project.pk, name="Rice milk", now=NOW)
    pool = crowd_selectors.pool(world.project.pk, projects.current_scheme(world.project.pk))
    assert pool.confusion.shape == (5, 5)
    off = pool.confusion - np.diag(np.diagonal(pool.confusion))
    np.testing.assert_allclose(off.sum(axis=1), 1)
    assert (pool.minimum_votes >= 1).all()


def test_the_classifier_has_no_say_about_audit_images() -> None:
    from labeling.selectors import vote_table
    from labeling.services import image_priors

    project = make_project()
    images = make_images(project, 2) + make_images(project, 2, Partition.AUDIT)
    for who in (make_annotator(project), make_annotator(project)):
        for image in images:
            direct(who, image)
    scheme = projects.current_scheme(project.pk)
    image_priors.store(
        project_id=project.pk,
        scheme_id=scheme.id,
        image_ids=[image.pk for image in images],
        probabilities=np.full((4, 3), 1 / 3, dtype=np.float32),
        model_version=uuid.uuid4(),
        now=NOW,
    )
    told = vote_table.read(project.pk, scheme)
    assert told.table.has_prior is not None
    assert told.table.has_prior.tolist() == [True, True, False, False]


def test_only_one_sweeps_a_project_at_a_time() -> None:
    project = make_project()
    first = crowd.claim(project_id=project.pk, clock=lambda: NOW)
    assert first is not None
    assert not crowd.sweep(project_id=project.pk, clock=lambda: NOW).is_ours
    first.end()
    assert crowd.sweep(project_id=project.pk, clock=lambda: NOW).is_ours


def test_who_was_silent_for_too_long_is_fenced_off() -> None:
    project = make_project()
    first = crowd.claim(project_id=project.pk, clock=lambda: NOW)
    assert first is not None
    assert crowd.sweep(project_id=project.pk, clock=lambda: later(61)).is_ours
    with pytest.raises(crowd.TakenOverError):
        first.beat()


def test_a_sweep_is_due_after_five_minutes_with_a_new_answer() -> None:
    project = make_project()
    image, other = make_images(project, 2)
    ada = make_annotator(project)
    direct(ada, image)
    assert crowd_selectors.due(NOW) == [project.pk]
    crowd.sweep(project_id=project.pk, clock=lambda: NOW)
    assert crowd_selectors.due(later(600)) == []
    direct(ada, other)
    assert crowd_selectors.due(later(60)) == []
    assert crowd_selectors.due(NOW + timedelta(minutes=6)) == [project.pk]


def test_a_sweep_is_due_after_a_thousand_answers() -> None:
    from labeling.models import Annotation

    project = make_project()
    image = make_images(project, 1)[0]
    ada = make_annotator(project)
    first = direct(ada, image)
    crowd.sweep(project_id=project.pk, clock=lambda: NOW)
    Annotation.objects.bulk_create(
        Annotation(
            project=project,
            image=image,
            annotator=ada,
            scheme=first.scheme,
            kind="SKIP",
            key=uuid.uuid4(),
            request_hash="",
            created_at=NOW,
            withdrawn_at=NOW,
        )
        for _ in range(1000)
    )
    assert crowd_selectors.due(later(10)) == [project.pk]


def test_several_labels_an_image_keep_their_own_rule() -> None:
    project = make_project(mode="MULTI")
    (image,) = make_images(project, 1)
    for who in (make_annotator(project), make_annotator(project)):
        direct(who, image)
    assert crowd.sweep(project_id=project.pk, clock=lambda: NOW).is_ours
    assert not AnnotatorSkill.objects.exists()


def test_an_answer_during_a_sweep_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """An undo between reading and writing: the sweep must not bring the vote back."""
    world = play(skills=(0.9, 0.9, 0.5), n_images=20, votes=3)
    answer = world.answers[0]
    fitted = em.sweep

    def undo_meanwhile(*args: Any, **kwargs: Any) -> em.Swept:
        annotation_service.undo(
            annotator_id=answer.annotator_id,
            annotation_public_id=world.newest_of(answer.annotator_id).public_id,
            key=uuid.uuid4(),
            now=NOW,
        )
        return fitted(*args, **kwargs)

    monkeypatch.setattr(em, "sweep", undo_meanwhile)
    crowd.sweep(project_id=world.project.pk, clock=lambda: NOW)
    assert_sums_hold(world.project.pk)
    taken_back = world.newest_of(answer.annotator_id)
    counted = Consensus.objects.get(image_id=taken_back.image_id).counted
    assert counted is not None
    assert answer.annotator_id not in [who for who, _ in counted["votes"]]
