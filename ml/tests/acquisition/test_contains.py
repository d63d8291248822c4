"""Which image is asked about which one label."""

from __future__ import annotations

import numpy as np

from ml.acquisition.contains import choose, one_open, rare_first

SAID = np.array(
    [
        [0.05, 0.60, 0.98],  # open: the second
        [0.50, 0.50, 0.02],  # two are open
        [0.02, 0.01, 0.99],  # none is
        [0.30, 0.95, 0.03],  # open: the first
        [0.03, 0.51, 0.92],  # open: the second
    ]
)


def test_the_label_is_asked_that_alone_is_open_the_most_torn_first() -> None:
    assert one_open(SAID, most=9) == [(4, 1), (0, 1), (3, 0)]
    assert one_open(SAID, most=1) == [(4, 1)]


def test_labels_that_few_images_show_are_asked_for_where_they_are_likely() -> None:
    counts = np.array([2.0, 40.0, 1.0])

    found = rare_first(SAID, counts, most=4)

    assert found == [(2, 2), (1, 0), (0, 2), (3, 0)]
    assert rare_first(SAID, np.array([0.0, 5.0, 9.0]), most=4) == []


def test_kinds_take_turns_and_no_burst_is_asked_about_twice() -> None:
    kinds = [[(4, 1), (0, 1), (3, 0)], [(2, 2), (1, 0)]]

    found = choose(kinds, np.array([7, 8, 9, 7, 5]), without={(2, 2)}, batch_size=9)

    assert found == [(4, 1), (1, 0), (0, 1)]
    assert choose(kinds, np.arange(5), without=set(), batch_size=2) == [(4, 1), (2, 2)]


def test_of_more_rare_labels_than_are_asked_the_rarest_come() -> None:
    said = np.tile(np.linspace(0.9, 0.1, 30)[:, None], 40)
    counts = np.full(40, 4.0)
    counts[[7, 30]] = 1.0, 2.0

    assert rare_first(said, counts, most=3) == [(0, 7), (0, 30), (0, 0)]
