"""Which rows a function weighs at all, and how a batch keeps to one image of a burst."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Embeddings, Groups, Indices, Pool, Scores

_ORDERED, _ORDERED_A_PICK = 4000, 50
_MOST_PAIRS, _FEWEST = 12_000_000, 400
MOST_LABELED = _MOST_PAIRS // _FEWEST
"""Labelled rows beyond which those compared with are thinned out: 30,000."""


class Openings:
    """The rows that may be picked next: none twice, one of a split group while that suffices."""

    def __init__(self, groups: Groups) -> None:
        self.groups = groups
        self.is_taken = np.zeros(len(groups), dtype=bool)
        self.is_blocked = np.zeros(len(groups), dtype=bool)

    def open(self) -> npt.NDArray[np.bool_]:
        """Give the (n,) mask of rows that may be picked; some, until all are taken."""
        is_open = ~(self.is_taken | self.is_blocked)
        if not is_open.any():
            self.is_blocked[:] = False
            is_open = ~self.is_taken
        return is_open

    def take(self, row: int) -> None:
        """Pick a row; the others of its group have to wait."""
        self.is_taken[row] = True
        self.is_blocked |= self.groups == self.groups[row]


def one_a_group(order: Indices, groups: Groups, batch_size: int) -> Indices:
    """Take the first rows of an order, at most one of each split group while that suffices.

    Args:
        order: (m,) rows, best first.
        groups: (n,) split group of every row of the pool.
        batch_size: how many to take at most.
    """
    _, first = np.unique(groups[order], return_index=True)
    is_first = np.zeros(len(order), dtype=bool)
    is_first[first] = True
    return np.concatenate([order[is_first], order[~is_first]])[:batch_size]


def highest(scores: Scores, most: int) -> Indices:
    """Give the rows with the highest of (n,) scores, the highest first; at most so many.

    As sorting all of them does, at a tenth of the time. Of equal scores the first row comes first,
    but which of those at the end are left out is not said.
    """
    n = min(len(scores), most)
    if n == 0:
        return np.empty(0, dtype=np.int64)
    top = np.argpartition(-scores, n - 1)[:n]
    return top[np.lexsort((top, -scores[top]))].astype(np.int64)


def best_first(
    scores: Scores, groups: Groups, batch_size: int, rng: np.random.Generator
) -> Indices:
    """Give the (b,) rows with the highest scores, one a split group while that suffices.

    Ties are broken by the rng. Of a large pool only the top is put in order, unless it holds too
    few groups. Cost O(n).
    """
    shuffled = rng.permutation(len(scores))
    n_top = max(_ORDERED_A_PICK * batch_size, _ORDERED)
    if len(scores) > n_top:
        top = shuffled[np.argpartition(-scores[shuffled], n_top)[:n_top]]
        if len(np.unique(groups[top])) >= batch_size:
            shuffled = rng.permutation(np.sort(top))
    order = shuffled[np.argsort(-scores[shuffled], kind="stable")]
    return one_a_group(order, groups, batch_size)


def affordable(limit: int, n_labeled: int) -> int:
    """Give how many rows can be compared with all labelled ones: fewer than `limit` where many.

    At most twelve million pairs, a third of a second on two cores, but never fewer than 400 rows.
    """
    return max(_FEWEST, min(limit, _MOST_PAIRS // max(n_labeled, 1)))


def thinned(labeled: Embeddings, limit: int) -> Embeddings:
    """Give at most `limit` labelled rows, evenly spaced in the order they are given in."""
    if len(labeled) <= limit:
        return labeled
    return labeled[np.linspace(0, len(labeled) - 1, limit).astype(np.int64)]


def uniform(pool: Pool, limit: int, rng: np.random.Generator) -> tuple[Indices, float]:
    """Draw at most `limit` rows; give them, ascending, and each row's chance of being drawn."""
    n = len(pool.image_ids)
    if n <= limit:
        return np.arange(n), 1.0
    return np.sort(rng.choice(n, size=limit, replace=False, shuffle=False)), limit / n


def doubtful_and_uniform(
    doubt: Scores, limit: int, n_doubtful: int, rng: np.random.Generator
) -> tuple[Indices, Scores]:
    """Take the most doubtful rows and draw others: (m,) rows and their chances of being there.

    All rows where they are no more than `limit`; then every chance is 1. Ties at the edge are
    broken by the rng.
    """
    n = len(doubt)
    if n <= limit:
        return np.arange(n), np.ones(n)
    # Less than the smallest gap between two doubts that differ in a float's first six digits.
    jittered = doubt + 1e-7 * rng.random(n)
    top = np.argpartition(-jittered, n_doubtful - 1)[:n_doubtful]
    is_rest = np.ones(n, dtype=bool)
    is_rest[top] = False
    rest = np.flatnonzero(is_rest)
    drawn = rest[rng.choice(len(rest), size=limit - n_doubtful, replace=False, shuffle=False)]
    chances = np.concatenate([np.ones(n_doubtful), np.full(len(drawn), len(drawn) / len(rest))])
    rows = np.concatenate([top, drawn]).astype(np.int64)
    order = np.argsort(rows)
    return rows[order], chances[order]
