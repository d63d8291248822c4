"""Which cells of the labeled sets are likely wrong: an image's yes or no to one label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation.label_errors import FEWEST_OTHERS, N_NEIGHBOURS

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Embeddings, Groups, Probabilities

LIKELY = 0.5
"""Heads must find the other answer likelier than the one given."""

_BLOCK_ROWS = 1024


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


@dataclass(frozen=True, slots=True)
class Doubted:
    """The cells to look at, the most doubtful first; (m,) each.

    Attributes:
        rows, columns: the image and the label.
        is_shown: what is said of it.
        support: what heads fitted without the image's split group give that answer, below one half.
        other_share: of the images most like it, those of which the other answer is said.
        score: 0 (sure) to 1: the mean of both witnesses' doubt.
    """

    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    is_shown: npt.NDArray[np.bool_]
    support: npt.NDArray[np.float64]
    other_share: npt.NDArray[np.float64]
    score: npt.NDArray[np.float64]


def doubted(
    targets: Probabilities,
    out_of_group: Probabilities,
    prepared: Embeddings,
    groups: Groups,
    *,
    most: int,
) -> Doubted:
    """Give the (at most `most`) cells that heads and the nearest images speak against.

    Heads have to find the other answer likelier. An answer that fewer than three split groups
    beside its own have got is left alone: heads that have hardly seen a label deny it everywhere.

    O(m n d) for the m images with such a cell.

    Args:
        targets: (n, k) as `ranked`.
        out_of_group: (n, k).
        prepared: (n, d) centred rows of unit length, of the original backbone.
        groups: (n,) split groups: near-duplicates share their mistake, so they are no witness.
        most: how many cells.

    Source: Northcutt et al. 2021 (self-confidence); Zhu et al. 2022 (neighbours), as
    `label_errors`.
    """
    shows, known = targets > 0.5, targets != 0.5
    support = np.where(shows, out_of_group, 1.0 - out_of_group)
    usual = _groups_saying(shows & known, groups), _groups_saying(~shows & known, groups)
    is_usual = np.where(shows, *usual) > FEWEST_OTHERS
    rows, columns = np.nonzero(known & is_usual & (support < LIKELY))
    others = _other_shares(rows, columns, targets, prepared, groups)
    score = (1.0 - support[rows, columns] + others) / 2
    kept = np.lexsort((columns, rows, -score))[:most]
    rows, columns = rows[kept], columns[kept]
    return Doubted(
        rows.astype(np.int64),
        columns.astype(np.int64),
        shows[rows, columns],
        support[rows, columns],
        others[kept],
        score[kept],
    )


def _groups_saying(cells: npt.NDArray[np.bool_], groups: Groups) -> npt.NDArray[np.int64]:
    """Give how many split groups have some of (n, k) cells, by column: (k,)."""
    _, group_of = np.unique(groups, return_inverse=True)
    found = np.zeros((int(group_of.max(initial=-1)) + 1, cells.shape[1]), dtype=np.bool_)
    np.logical_or.at(found, group_of, cells)
    counts: npt.NDArray[np.int64] = found.sum(axis=0)
    return counts


def _other_shares(
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    targets: Probabilities,
    prepared: Embeddings,
    groups: Groups,
) -> npt.NDArray[np.float64]:
    """Give (m,) shares of the other answer among the nearest images of other split groups.

    Of those of which it is known; nothing where none is.
    """
    found = np.zeros(len(rows))
    images, place_of = np.unique(rows, return_inverse=True)
    wanted = min(N_NEIGHBOURS, len(targets))
    for start in range(0, len(images), _BLOCK_ROWS):
        block = images[start : start + _BLOCK_ROWS]
        similar = prepared[block] @ prepared.T
        similar[groups[block][:, None] == groups[None, :]] = -np.inf
        nearest = np.argpartition(-similar, wanted - 1, axis=1)[:, :wanted]
        is_real = np.isfinite(np.take_along_axis(similar, nearest, axis=1))
        of_block = np.flatnonzero((place_of >= start) & (place_of < start + len(block)))
        at = place_of[of_block] - start
        said = targets[nearest[at], columns[of_block][:, None]]
        own = targets[rows[of_block], columns[of_block]] > 0.5
        counts = is_real[at] & (said != 0.5)
        is_other = counts & ((said > 0.5) != own[:, None])
        found[of_block] = is_other.sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    return found
