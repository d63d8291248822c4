"""Which cells of the labeled sets are likely wrong: an image's yes or no to one label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Probabilities

LIKELY = 0.5
"""Heads must find the other answer likelier than the one given."""


def ranked(targets: Probabilities, out_of_group: Probabilities) -> npt.NDArray[np.int64]:
    """Give (m, 2) rows and columns of doubted cells, the most doubtful first.

    A cell is doubted where heads fitted without its image's split group find the other answer
    likelier. It is as doubtful as they contradict it, measured against how far they support that
    answer to that label usually: a rare label is seldom supported, and its every yes would come
    first.

    Args:
        targets: (n, k) probabilities that the image shows the label; one half where unknown.
        out_of_group: (n, k) probabilities by those heads.

    Source: Northcutt et al. 2021, "Confident Learning": self-confidence by class.
    """
    shows = targets > 0.5
    known = targets != 0.5
    support = np.where(shows, out_of_group, 1.0 - out_of_group)
    usual = np.zeros(support.shape)
    for side in (shows & known, ~shows & known):
        n = side.sum(axis=0)
        mean = np.where(side, support, 0.0).sum(axis=0) / np.maximum(n, 1)
        usual += np.where(side, mean, 0.0)
    rows, columns = np.nonzero(known & (support < LIKELY))
    margin = (support - usual)[rows, columns]
    order = np.lexsort((columns, rows, margin))
    return np.column_stack([rows[order], columns[order]]).astype(np.int64)
