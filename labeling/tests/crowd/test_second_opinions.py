from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import numpy as np
import pytest

from labeling.models import Consensus, ConsensusState, Project, QueueEntry
from labeling.selectors import crowd as crowd_selectors
from labeling.selectors import projects
from labeling.services import crowd, image_priors, queue, slots
from labeling.tests.crowd.crowds import play
from labeling.tests.worlds import (
    LABELS,
    NOW,
    active,
    claim,
    direct,
    make_annotator,
    make_images,
    make_project,
    submit,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.django_db


def test_the_sweep_says_how_many_second_opinions_to_ask_and_why() -> None:
    project = answered_once()
    make_images(project, 5)
    crowd.sweep(project_id=project.pk, clock=lambda: NOW)
    share, why = crowd_selectors.relabel_share(project.pk)
    assert 0.1 <= share <= 0.5
    assert (why["labeled"], why["unlabeled"]) == (6, 5)
    assert "candidates" not in why


def test_before_the_first_sweep_there_is_nothing_to_compare() -> None:
    assert crowd_selectors.relabel_share(answered_once().pk) == (0.0, {})
    assert crowd_selectors.relabel_candidates(make_project().pk, 5) == []


def test_what_the_classifier_doubts_comes_first() -> None:
    project = answered_once(LABELS)
    rows = Consensus.objects.filter(image__partition="POOL").order_by("image_id")
    images = list(rows.values_list("image_id", flat=True))
    said = np.full((6, 3), 0.05, dtype=np.float32)
    said[np.arange(6), np.arange(6) % 3] = 0.9
    said[4] = [0.96, 0.02, 0.02]  # Ada has said soy milk
    image_priors.store(
        project_id=project.pk,
        scheme_id=projects.current_scheme(project.pk).id,
        image_ids=images,
        probabilities=said,
        model_version=uuid.uuid4(),
        now=NOW,
    )
    crowd.sweep(project_id=project.pk, clock=lambda: NOW)
    assert crowd_selectors.relabel_candidates(project.pk, 1) == [images[4]]
    assert len(crowd_selectors.relabel_candidates(project.pk, 10)) == 6


def test_images_answered_twice_or_decided_by_an_expert_are_no_candidates() -> None:
    world = play(skills=(0.9, 0.9), n_images=6, votes=2)
    crowd.sweep(project_id=world.project.pk, clock=lambda: NOW)
    assert crowd_selectors.relabel_candidates(world.project.pk, 10) == []


def test_a_second_opinion_asks_one_other_person_and_ends() -> None:
    project = answered_once()
    crowd.sweep(project_id=project.pk, clock=lambda: NOW)
    (image_id,) = crowd_selectors.relabel_candidates(project.pk, 1)
    ask_again(project, image_id)
    entry = QueueEntry.objects.get()
    assert (entry.open_slots, entry.policy) == (1, slots.SECOND_OPINION)
    first, second = project.annotators.order_by("pk")
    assert claim(first, 1) == []
    (assignment,) = claim(second, 1)
    assert assignment.policy == slots.SECOND_OPINION
    submit(assignment, "milk")
    found = Consensus.objects.get(image_id=image_id)
    assert (found.state, found.n_votes) == (ConsensusState.RESOLVED, 2)
    entry.refresh_from_db()
    assert entry.state == "CLOSED"


def test_a_second_opinion_that_differs_opens_the_question() -> None:
    project = answered_once()
    Project.objects.filter(pk=project.pk).update(vote_cap_pool=3)
    third = make_annotator(project, "Third")
    active(project, [third])
    crowd.sweep(project_id=project.pk, clock=lambda: NOW)
    (image_id,) = crowd_selectors.relabel_candidates(project.pk, 1)
    ask_again(project, image_id)
    second = project.annotators.order_by("pk")[1]
    (assignment,) = claim(second, 1)
    submit(assignment, "soy milk")
    assert Consensus.objects.get(image_id=image_id).state == ConsensusState.OPEN
    assert [each.image_id for each in claim(third, 1)] == [image_id]


def test_one_person_alone_is_not_asked_for_a_second_opinion() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    direct(make_annotator(project), image)
    crowd.sweep(project_id=project.pk, clock=lambda: NOW)
    ask_again(project, image.pk)
    assert not QueueEntry.objects.exists()


def test_a_sweep_does_not_close_what_it_has_asked_for() -> None:
    project = answered_once()
    crowd.sweep(project_id=project.pk, clock=lambda: NOW)
    (image_id,) = crowd_selectors.relabel_candidates(project.pk, 1)
    ask_again(project, image_id)
    queue.top_up(project_id=project.pk, now=NOW, rng=np.random.default_rng(0))
    crowd.sweep(project_id=project.pk, clock=lambda: NOW)
    assert QueueEntry.objects.get(image_id=image_id).state == "OPEN"


# --- helpers ------------------------------------------------------------------------------


def answered_once(labels: Sequence[str] = ("milk",)) -> Project:
    """Six images decided by one known good annotator; a second one is there to be asked."""
    project = make_project()
    ada, bea = make_annotator(project, "Ada"), make_annotator(project, "Bea")
    for place, image in enumerate(make_images(project, 6)):
        direct(ada, image, labels[place % len(labels)])
    active(project, [bea])
    assert set(Consensus.objects.filter(image__partition="POOL").values_list("state")) == {
        (ConsensusState.RESOLVED,)
    }
    return project


def ask_again(project: Project, image_id: int) -> None:
    queue.refill(
        project_id=project.pk,
        entries=[queue.RefillEntry(image_id, 0.0, 1.0, slots.SECOND_OPINION)],
        policy="margin 1",
        model_version=None,
        now=NOW,
    )
