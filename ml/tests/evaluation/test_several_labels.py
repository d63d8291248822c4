"""Measures of yes and no to several labels, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ml.evaluation.metrics import NothingToMeasureError
from ml.evaluation.several_labels import measure

HALF = np.array([0.5, 0.5])
SHOWS = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], dtype=bool)
SAID = np.array([[0.9, 0.1], [0.4, 0.8], [0.7, 0.6], [0.2, 0.3]])
ALL = np.ones((4, 2), dtype=bool)


def test_four_images_with_two_labels_by_hand() -> None:
    found = measure(SHOWS, SAID, ALL, HALF)

    mountain, glacier = found.by_label
    # Ranked .9 yes, .7 no, .4 yes, .2 no: precision 1 and 2/3 where a yes is met.
    assert mountain.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert glacier.average_precision == 1.0
    assert mountain.precision is not None
    assert mountain.recall is not None
    assert (mountain.precision.estimate, mountain.recall.estimate) == (0.5, 0.5)
    assert (mountain.f1, glacier.f1) == (0.5, 1.0)
    assert found.mean_average_precision == pytest.approx((5 / 6 + 1) / 2)
    assert found.macro_f1 == 0.75
    # Three of four said are right, three of four there are found.
    assert found.micro_f1 == 0.75
    assert found.exact is not None
    assert found.exact.estimate == 0.5


def test_what_is_not_known_counts_for_nothing() -> None:
    known = ALL.copy()
    known[1, 0] = known[2, 0] = False

    found = measure(SHOWS, SAID, known, HALF)

    assert (found.by_label[0].n, found.by_label[0].f1) == (2, 1.0)
    assert found.micro_f1 == 1.0
    assert found.exact is not None
    assert (found.exact.estimate, found.exact.n) == (1.0, 2)


def test_a_label_that_is_nowhere_and_never_said_has_no_figure() -> None:
    shows = np.array([[True, False], [False, False]])

    found = measure(shows, np.array([[0.9, 0.1], [0.2, 0.1]]), ALL[:2], HALF)

    nowhere = found.by_label[1]
    assert (nowhere.average_precision, nowhere.precision, nowhere.recall, nowhere.f1) == (None,) * 4
    assert found.macro_f1 == 1.0


def test_nothing_known_is_an_error_and_so_are_shapes_that_disagree() -> None:
    with pytest.raises(NothingToMeasureError):
        measure(SHOWS, SAID, ~ALL, HALF)
    with pytest.raises(ValueError, match=r"\(3,\)"):
        measure(SHOWS, SAID, ALL, np.ones(3))


CELLS = arrays.arrays(bool, (6, 3))


@given(CELLS, arrays.arrays(np.float64, (6, 3), elements=st.floats(0, 1)), CELLS)
def test_all_figures_are_shares_and_order_does_not_matter(
    shows: np.ndarray, said: np.ndarray, known: np.ndarray
) -> None:
    known[0, 0] = True
    bars = np.full(3, 0.5)

    found = measure(shows, said, known, bars)

    for value in (found.mean_average_precision, found.micro_f1, found.macro_f1):
        assert value is None or 0 <= value <= 1
    again = measure(shows[::-1], said[::-1], known[::-1], bars)
    assert again.micro_f1 == found.micro_f1
    assert again.exact == found.exact
