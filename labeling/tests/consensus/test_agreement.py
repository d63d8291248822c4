"""Krippendorff's alpha against a published example, by hand, and its properties."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.consensus import agreement

# Krippendorff 2011: four observers, twelve units, five values, 0 where nobody answered.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
]


def long_form() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    pairs = [
        (unit, value - 1)
        for row in OBSERVERS
        for unit, value in enumerate(row)
        if value
    ]  # fmt: skip
    table = np.array(pairs, dtype=np.int64)
    return table[:, 0], table[:, 1]


def alpha(image: list[int], label: list[int], k: int, seed: int = 0) -> agreement.Agreement:
    return agreement.krippendorff(
        np.array(image, dtype=np.int64),
        np.array(label, dtype=np.int64),
        n_outcomes=k,
        rng=np.random.default_rng(seed),
    )


def test_the_published_example() -> None:
    image, label = long_form()
    found = agreement.krippendorff(image, label, n_outcomes=5, rng=np.random.default_rng(0))

    assert found.overall.estimate == pytest.approx(0.743, abs=5e-4)
    assert found.overall.n_images == 11  # the twelfth unit has one answer
    assert found.overall.low < 0.743 < found.overall.high


def test_by_hand() -> None:
    # Six images of two answers; one of them apart. Named: 0 seven times, 1 five times, n = 12.
    # Overall D_o = 2 / 12, D_e = 2 * 7 * 5 / (12 * 11), alpha = 1 - (2 / 12) / (70 / 132).
    image = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    label = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 1]
    found = alpha(image, label, 2)

    assert found.overall.estimate == pytest.approx(1 - (2 / 12) / (70 / 132))
    # With two outcomes each against the rest is the same question; 1 was named on too few.
    assert found.by_outcome[0].n_images == 4
    assert math.isnan(found.by_outcome[0].estimate)


def test_of_two_outcomes_each_against_the_rest_is_the_whole() -> None:
    rng = np.random.default_rng(5)
    image = np.repeat(np.arange(40), 2)
    label = np.where(rng.random(80) < 0.2, 1 - image % 2, image % 2)
    found = agreement.krippendorff(image, label, n_outcomes=2, rng=rng)

    for one in found.by_outcome:
        assert one.estimate == pytest.approx(found.overall.estimate)


def test_a_label_that_is_confused_agrees_less() -> None:
    # Truths 0, 1, 2, twenty images each; 1 and 2 are told apart by nobody, 0 by everybody.
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(3), 20)
    said = np.where(truth == 0, 0, rng.integers(1, 3, 60))
    other = np.where(truth == 0, 0, rng.integers(1, 3, 60))
    image = np.concatenate([np.arange(60), np.arange(60)])
    found = agreement.krippendorff(
        image, np.concatenate([said, other]), n_outcomes=3, rng=np.random.default_rng(0)
    )

    assert found.by_outcome[0].estimate == 1.0
    assert found.by_outcome[1].high < 0.6
    assert found.by_outcome[1].estimate < found.overall.estimate < 1


def test_where_nobody_differs_from_anybody_it_is_unknown() -> None:
    found = alpha([0, 0, 1, 1, 2, 2, 3, 3, 4, 4], [0] * 10, 3)

    assert math.isnan(found.overall.estimate)
    assert math.isnan(found.overall.low)


def test_nothing_is_known_of_nothing() -> None:
    found = alpha([], [], 3)

    assert math.isnan(found.overall.estimate)
    assert found.overall.n_images == 0


def test_guessing_is_chance() -> None:
    rng = np.random.default_rng(2)
    image = np.repeat(np.arange(3000), 2)
    found = agreement.krippendorff(
        image, rng.integers(0, 4, 6000), n_outcomes=4, rng=rng, resamples=100
    )

    assert found.overall.low < 0 < found.overall.high
    assert abs(found.overall.estimate) < 0.05


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Two people, each right with probability 0.8 of three labels, else another one at random."""
    # P(same) = 0.64 + 2 * 0.1^2 = 0.66; labels are even: alpha = 1 - 0.34 / (2 / 3) = 0.49.
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(150):
        truth = rng.integers(0, 3, 120)
        said = [
            np.where(rng.random(120) < 0.8, truth, (truth + rng.integers(1, 3, 120)) % 3)
            for _ in range(2)
        ]
        found = agreement.krippendorff(
            np.tile(np.arange(120), 2), np.concatenate(said), n_outcomes=3, rng=rng, resamples=120
        )
        held += found.overall.low <= 0.49 <= found.overall.high

    assert held / 150 > 0.88


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), max_size=40),
    st.permutations(range(4)),
)
def test_names_and_order_do_not_matter(rows: list[tuple[int, int]], names: list[int]) -> None:
    image, label = [row[0] for row in rows], [row[1] for row in rows]
    one = alpha(image, label, 4).overall.estimate
    other = alpha(image[::-1], [names[each] for each in label[::-1]], 4).overall.estimate

    assert one == pytest.approx(other, nan_ok=True)
    assert math.isnan(one) or one <= 1


@pytest.mark.parametrize(("image", "label"), [([0, 1], [0]), ([0, 0], [0, 3]), ([0, 0], [-1, 0])])
def test_what_does_not_fit_is_refused(image: list[int], label: list[int]) -> None:
    with pytest.raises(ValueError, match=r"images for|must lie in"):
        alpha(image, label, 3)
