"""Labels that heads and neighbours speak against, from the answer to the question put again."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from labeling.selectors import doubts as doubt_selectors
from labeling.selectors import projects
from labeling.services import slots
from labeling.tests import worlds
from labeling.tests.rows import Annotator, Image, LabelDoubt, Partition, Project, QueueEntry
from ml.models import LabelErrorSearch
from ml.services import due, label_errors
from ml.tests.loop.test_several_labels import LABELS as SHOWN
from ml.tests.loop.test_several_labels import Landscapes
from ml.tests.loop.world import LABELS, World

pytestmark = pytest.mark.django_db


@dataclass
class Doubtful(World):
    """A world of which it is known which labels are wrong."""

    wrong: list[int] = field(default_factory=list)


@pytest.fixture
def world() -> Doubtful:
    """Eighty labels of which five are wrong, and a head."""
    world = Doubtful.make(pool=120, audit=12, doubt_serving_share=0.05)
    assert isinstance(world, Doubtful)
    world.label_some(75)
    world.wrong = world.unanswered()[:5]
    for image_id in world.wrong:
        said = LABELS[(LABELS.index(world.truth[image_id]) + 1) % 3]
        worlds.direct(world.annotator, Image.objects.get(pk=image_id), said)
        world.answered.add(image_id)
    world.label_some(6, Partition.AUDIT, scrambled=True)
    world.refit()
    return world


def search(world: World) -> int:
    return label_errors.search(project_id=world.project.pk, now=world.now)


def test_wrong_labels_are_doubted_and_the_right_one_is_suggested(world: Doubtful) -> None:
    assert label_errors.is_due(world.project.pk, now=world.now)
    search(world)

    found = LabelDoubt.objects.filter(project=world.project).select_related("suggested", "label")
    assert 3 <= len(found) <= 4  # at most 5 % of 80 labels
    for doubt in found:
        assert doubt.image_id in world.wrong
        assert doubt.suggested.name == doubt.alike.name == world.truth[doubt.image_id]
        assert doubt.own_probability < doubt.suggested_probability
        assert doubt.own_share < doubt.alike_share


def test_it_looks_again_after_a_tenth_more_labels_and_not_before(world: Doubtful) -> None:
    search(world)
    assert not label_errors.is_due(world.project.pk, now=world.now)
    assert "label_errors" not in kinds(world)

    world.label_some(9)
    world.refit()

    assert label_errors.is_due(world.project.pk, now=world.now)
    assert "label_errors" in kinds(world)
    last = LabelErrorSearch.objects.get(project=world.project)
    assert (last.n_labels, last.finished_at is not None) == (80, True)


def test_another_scheme_is_searched_at_once(world: Doubtful) -> None:
    search(world)
    worlds.make_scheme(world.project, [*LABELS, "rice milk"])
    assert projects.current_scheme(world.project.pk).version == 2

    assert label_errors.is_due(world.project.pk, now=world.now)


def test_with_few_labels_nothing_is_doubted() -> None:
    world = World.make(pool=60)
    world.label_some(20, scrambled=True)
    world.refit()

    assert not label_errors.is_due(world.project.pk, now=world.now)
    assert search(world) == 0


def test_refills_ask_one_other_person_within_the_share_of_labels(world: Doubtful) -> None:
    bea = worlds.make_annotator(world.project, "Bea")
    worlds.active(world.project, [bea])
    search(world)
    asked: set[int] = set()
    for _ in range(25):
        world.label_some(1)
        world.refit()
        entries = doubted_entries(world.project)
        assert len(entries) <= 1
        for image_id in entries:
            take(bea, image_id)
            asked.add(image_id)

    assert 1 <= len(asked) <= 0.05 * len(world.answered)
    assert asked <= set(world.wrong)
    assert len(asked) == doubt_selectors.asked(world.project.pk)


def test_a_share_of_nothing_asks_nobody(world: Doubtful) -> None:
    worlds.active(world.project, [worlds.make_annotator(world.project, "Bea")])
    Project.objects.filter(pk=world.project.pk).update(doubt_serving_share=0)
    search(world)
    for _ in range(8):
        world.label_some(1)
        world.refit()
        assert doubted_entries(world.project) == []


def test_planted_wrong_yeses_and_noes_of_single_labels_are_doubted() -> None:
    world = Landscapes(pool=150)
    world.answer(world.pool[:110])
    wrong = {}
    for place, image in enumerate(world.pool[110:115]):
        column = place % 3
        world.shows[image.pk][column] ^= True
        wrong[image.pk] = (SHOWN[column], bool(world.shows[image.pk][column]))
    world.answer(world.pool[110:115])
    world.refit()
    assert label_errors.is_due(world.project.pk, now=worlds.NOW)

    label_errors.search(project_id=world.project.pk, now=worlds.NOW)

    found = LabelDoubt.objects.filter(project=world.project).select_related("label")
    assert 4 <= len(found) <= 5  # at most 5 % of 115 pictures
    hits = [wrong.get(one.image_id) == (one.label.code, one.is_shown) for one in found]
    assert sum(hits) >= 4
    assert all(one.own_probability < 0.5 < one.suggested_probability for one in found)
    assert not label_errors.is_due(world.project.pk, now=worlds.NOW)


# --- helpers ------------------------------------------------------------------------------


def kinds(world: Doubtful) -> set[str]:
    return {each.kind for each in due.find(now=world.now)}


def doubted_entries(project: Project) -> list[int]:
    rows = QueueEntry.objects.filter(project=project, state="OPEN", policy=slots.DOUBTED)
    return list(rows.values_list("image_id", flat=True))


def take(who: Annotator, image_id: int) -> None:
    """It comes first; whoever holds it is asked about it and nobody else is."""
    (assignment,) = worlds.claim(who, 1)
    assert assignment.image_id == image_id
    worlds.submit(assignment, str(np.random.default_rng(image_id).choice(LABELS)))
