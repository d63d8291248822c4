"""Right about the label, right about its group, and what is answered at which level."""

from __future__ import annotations

import numpy as np

from ml.evaluation.levels import GROUP, LABEL, NOTHING, Levels, measure


def test_a_label_of_the_right_group_is_right_at_one_level() -> None:
    # Milk and soy milk are a group; juice stands alone.
    true = np.array([0, 0, 1, 2, 2])
    said = np.array(
        [[0.8, 0.1, 0.1], [0.4, 0.5, 0.1], [0.2, 0.3, 0.5], [0.1, 0.2, 0.7], [0.4, 0.3, 0.3]]
    )
    answers = [(LABEL, 0), (GROUP, 0), (NOTHING, 0), (LABEL, 2), (GROUP, 0)]

    found = measure(true, said, [(0, 1)], answers)

    assert found == Levels(
        n=5,
        right_label=2,
        right_group=3,
        said_label=2,
        said_label_right=2,
        said_group=2,
        said_group_right=1,
    )


def test_without_groups_both_levels_are_one() -> None:
    found = measure(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]), [], [(LABEL, 0)] * 2)

    assert (found.right_label, found.right_group) == (1, 1)
    assert (found.said_label_right, found.said_group) == (1, 0)
