from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation.intervals import wilson
from ml.evaluation.stopping import Advice, Checkpoint, advise, is_due, is_label_done, kappa
from ml.types import Interval


def points(*kappas: float, audit: Interval | None = None) -> list[Checkpoint]:
    found = audit or wilson(320, 400)
    return [Checkpoint(400 + 20 * at, value, found) for at, value in enumerate(kappas)]


def test_kappa_by_hand() -> None:
    # Agree on 3 of 4; by chance .5 * .75 + .5 * .25 = .5: (.75 - .5) / .5.
    assert kappa(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), 2) == pytest.approx(0.5)
    assert kappa(np.zeros(5, int), np.zeros(5, int), 3) == 1.0
    with pytest.raises(ValueError, match="stop set"):
        kappa(np.array([0]), np.array([0, 1]), 2)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_kappa_is_even_handed_and_at_most_one(pairs: list[tuple[int, int]]) -> None:
    first, second = (np.array(side) for side in zip(*pairs, strict=True))

    assert kappa(first, second, 4) == pytest.approx(kappa(second, first, 4))
    assert kappa(first, second, 4) <= 1.0
    assert kappa(first, first, 4) == pytest.approx(1.0)


def test_a_checkpoint_is_due_at_five_percent_more_labels() -> None:
    assert not is_due(419, 400)
    assert is_due(420, 400)
    assert not is_due(4, 4)


def test_three_stable_checkpoints_advise_to_stop_and_two_do_not() -> None:
    assert advise(points(0.99, 0.995, 1.0), target=None, ceiling=None) is Advice.STABLE
    assert advise(points(0.995, 1.0), target=None, ceiling=None) is Advice.GO_ON
    assert advise(points(0.9, 0.995, 1.0), target=None, ceiling=None) is Advice.GO_ON


def test_stable_predictions_with_rising_accuracy_are_no_plateau() -> None:
    rising = [*points(0.995, 0.995), Checkpoint(440, 0.995, wilson(370, 400))]

    assert advise(rising, target=None, ceiling=None) is Advice.GO_ON


def test_the_target_is_met_by_the_lower_end_and_not_by_the_estimate() -> None:
    assert advise(points(0.8), target=0.79, ceiling=None) is Advice.GO_ON
    assert advise(points(0.8), target=0.755, ceiling=None) is Advice.TARGET_MET


def test_a_target_above_the_ceiling_points_to_a_fine_tune() -> None:
    assert advise(points(0.99, 0.99, 0.99), target=0.95, ceiling=0.85) is Advice.CEILING
    assert advise(points(0.5, 0.5, 0.5), target=0.95, ceiling=0.805) is Advice.CEILING
    assert advise([], target=0.9, ceiling=0.8) is Advice.GO_ON


def test_a_label_is_done_when_met_or_when_nothing_looks_like_it() -> None:
    assert is_label_done(wilson(30, 30), 0.9, target=0.88)
    assert not is_label_done(wilson(30, 30), 0.9, target=0.9)
    assert is_label_done(wilson(0, 0), 0.1, target=0.9)
