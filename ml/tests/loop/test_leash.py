"""Refits are held near the last proven version, whatever served between."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labeling.tests.rows import Partition
from ml.heads.ridge import FittedHead
from ml.models import Champion, Evidence, ModelState, ModelVersion
from ml.services import common_ground, gate
from ml.tests.loop.world import World
from ml.types import LabeledSet

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    """A world whose first version is proven, and whose images are hard to tell apart."""
    made = World.make(pool=200, audit=120, noise=2.5)
    made.label_some(110, Partition.AUDIT)
    made.label_some(90)
    made.refit()
    assert Champion.objects.get().proven is not None
    return made


def _closely_beaten(labeled: LabeledSet, fitted: FittedHead, count: int) -> FittedHead:
    """Let the nearest miss win on the `count` rows that the head is right about by least."""
    said, rows = fitted.out_of_group.copy(), np.arange(len(labeled.image_ids))
    truth = labeled.targets.argmax(axis=1)
    first, second = said.argsort(axis=1)[:, -1], said.argsort(axis=1)[:, -2]
    lead = np.where(first == truth, said[rows, first] - said[rows, second], np.inf)
    for row in lead.argsort()[:count]:
        said[row, [first[row], second[row]]] = said[row, [second[row], first[row]]]
    return replace(fitted, out_of_group=said)


def test_a_head_that_lost_more_than_the_margin_is_held_though_its_log_loss_is_fine(
    world: World,
) -> None:
    proven = Champion.objects.get().proven
    assert proven is not None
    labeled = common_ground.labeled_set(proven)
    same = common_ground.refitted(proven, labeled)

    equal = gate.judge(labeled, same, champion=proven, proven=proven)
    beaten = _closely_beaten(labeled, same, 6)
    behind = gate.judge(labeled, beaten, champion=proven, proven=None)
    held = gate.judge(labeled, beaten, champion=proven, proven=proven)

    assert equal.is_passed
    assert behind.is_passed  # by log-loss alone nothing is wrong with it
    assert not held.is_passed
    leash = held.numbers["leash"]
    assert leash["difference"] == pytest.approx(-6 / 90)
    assert leash["right"] == leash["proven_right"] - 6
    assert held.sentence == (
        f"Held back: right on {leash['right']} of 90 labeled images it had not learned, where v1, "
        f"the last proven version, is right on {leash['right'] + 6}; that is not enough to be sure "
        "it is no more than 2 points worse."
    )


def test_the_leash_is_tied_to_the_proven_version_and_not_to_the_one_that_serves(
    world: World,
) -> None:
    for _ in range(3):
        world.label_some(8)
        world.refit()

    newest = ModelVersion.objects.order_by("-number").first()
    assert newest is not None
    assert newest.number == 4
    proven = ModelVersion.objects.filter(evidence=Evidence.PROVEN).latest("number")
    assert newest.gate["leash"]["proven"] == proven.number
    assert newest.gate["leash"]["n"] > 90
    assert newest.gate["champion"] > proven.number or newest.state == ModelState.REJECTED


def test_where_most_labels_of_the_proven_version_have_changed_there_is_no_leash(
    world: World,
) -> None:
    proven = Champion.objects.get().proven
    assert proven is not None
    labeled = common_ground.labeled_set(proven)
    shifted = replace(labeled, targets=np.roll(labeled.targets, 1, axis=1))
    fitted = common_ground.refitted(proven, shifted)

    found = gate.judge(shifted, fitted, champion=proven, proven=proven)

    assert found.is_passed
    assert found.numbers["leash"] == {"proven": 1, "is_common_ground": False}


def test_what_is_kept_and_what_is_computed_from_the_stored_rows_agree(world: World) -> None:
    proven = Champion.objects.get().proven
    assert proven is not None
    kept = common_ground.out_of_group(proven)
    common_ground.forget()

    again = common_ground.out_of_group(proven)

    assert again.image_ids.tolist() == kept.image_ids.tolist()
    assert again.probabilities == pytest.approx(kept.probabilities, abs=1e-6)
