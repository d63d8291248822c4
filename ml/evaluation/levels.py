"""How often a classifier is right about labels, about their groups, and what it says of which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml.types import Labels, Probabilities

LABEL, GROUP, NOTHING = "label", "group", "nothing"


@dataclass(frozen=True, slots=True)
class Levels:
    """What n images come to.

    Attributes:
        n: images.
        right_label: whose likeliest label is theirs.
        right_group: whose likeliest label is of their group; a label without one is its own.
        said_label, said_label_right: answered with a label, and rightly.
        said_group, said_group_right: answered with a group, since no label sufficed, and rightly.
    """

    n: int
    right_label: int
    right_group: int
    said_label: int
    said_label_right: int
    said_group: int
    said_group_right: int


def measure(
    true: Labels,
    probabilities: Probabilities,
    groups: Sequence[Sequence[int]],
    answers: Sequence[tuple[str, int]],
) -> Levels:
    """Count (n,) images by what is right at which level.

    Args:
        true: columns.
        probabilities: (n, k).
        groups: the columns of each group; none in two.
        answers: what is said of each image: `LABEL` with a column, `GROUP` with the place of a
            group, or `NOTHING` with anything.
    """
    k = probabilities.shape[1]
    group_of = np.arange(k)
    for place, columns in enumerate(groups):
        group_of[list(columns)] = k + place
    likeliest = probabilities.argmax(axis=1)
    level = np.array([kind for kind, _ in answers])
    said = np.array([place for _, place in answers], dtype=np.int64)
    is_label, is_group = level == LABEL, level == GROUP
    return Levels(
        n=len(true),
        right_label=int((likeliest == true).sum()),
        right_group=int((group_of[likeliest] == group_of[true]).sum()),
        said_label=int(is_label.sum()),
        said_label_right=int((said[is_label] == true[is_label]).sum()),
        said_group=int(is_group.sum()),
        said_group_right=int((k + said[is_group] == group_of[true[is_group]]).sum()),
    )
