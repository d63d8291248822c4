"""Which given labels are likely wrong, for a second opinion.

Three witnesses have to agree: heads fitted without the image's split group doubt its label by that
label's own standard, they prefer another one, and so do its nearest labeled neighbours of other
groups. Sources: Northcutt et al. 2021, "Confident Learning" (per-label thresholds); Zhu et al.
2022, "Detecting Corrupted Labels Without Training a Model to Predict" (neighbours).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation.splits import groups_by_label

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Embeddings, Groups, Indices, Labels, Probabilities

N_NEIGHBOURS = 10
FEWEST_OTHERS = 3
"""Split groups of a label, beside an image's own, before it is doubted there. Heads that have
hardly seen a label deny it everywhere, and among ten neighbours its few images are outvoted."""

_BLOCK_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Suspicion:
    """How doubtful each label is, (n,) each.

    Attributes:
        score: 0 (sure) to 1: what ranks them.
        is_flagged: all three witnesses speak against the label.
        suggestion: the label that heads without the image's group prefer.
        neighbour_share: share of the nearest neighbours that have the given label.
        alike: the label that most of the nearest neighbours have.
        alike_share: their share.
    """

    score: npt.NDArray[np.float64]
    is_flagged: npt.NDArray[np.bool_]
    suggestion: Labels
    neighbour_share: npt.NDArray[np.float64]
    alike: Labels
    alike_share: npt.NDArray[np.float64]

    def ranked(self) -> Indices:
        """Give row positions, most doubtful first: flagged ones, then by score, then by row."""
        order = np.lexsort((np.arange(len(self.score)), -self.score, ~self.is_flagged))
        return order.astype(np.int64)


def suspect(
    labels: Labels,
    out_of_group: Probabilities,
    prepared: Embeddings,
    groups: Groups,
    *,
    asks_all: bool = True,
) -> Suspicion:
    """Rank (n,) given labels by how likely they are wrong.

    O(n² d) for the neighbours, in blocks of 1,024 rows; without `asks_all` O(m n d) for the m
    labels that heads doubt, and the neighbours of the others count as agreeing with them: the
    flags are the same, and so is the order of the flagged.

    Args:
        labels: (n,) columns.
        out_of_group: (n, k) leave-group-out probabilities.
        prepared: (n, d) centred rows of unit length, of the original backbone.
        groups: (n,) split groups: near-duplicates share their wrong label, so they are no witness.
        asks_all: whether neighbours are asked about labels that heads do not doubt, too.
    """
    n, k = out_of_group.shape
    own = out_of_group[np.arange(n), labels]
    preferred = out_of_group.argmax(axis=1).astype(np.int64)
    is_known = groups_by_label(labels, groups, k)[labels] > FEWEST_OTHERS
    is_doubted = (own < thresholds(labels, out_of_group)[labels]) & (preferred != labels) & is_known
    asked = np.arange(n) if asks_all else np.flatnonzero(is_doubted)
    votes = np.eye(k)[labels]
    votes[asked] = neighbour_votes(labels, prepared, groups, k, rows=asked)
    neighbour_share = votes[np.arange(n), labels]
    alike = votes.argmax(axis=1).astype(np.int64)
    best_other = np.where(np.eye(k, dtype=bool)[labels], 0.0, out_of_group).max(axis=1, initial=0.0)
    margin = (1 + best_other - own) / 2  # Northcutt's normalised margin: 1 is surely wrong
    return Suspicion(
        score=(margin + (1 - neighbour_share)) / 2,
        is_flagged=is_doubted & (alike != labels),
        suggestion=preferred,
        neighbour_share=neighbour_share,
        alike=alike,
        alike_share=votes.max(axis=1, initial=0.0),
    )


def thresholds(labels: Labels, out_of_group: Probabilities) -> npt.NDArray[np.float64]:
    """Give each label's (k,) usual self-confidence: its mean over images labeled so; else 0."""
    k = out_of_group.shape[1]
    own = out_of_group[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=k)
    sums = np.bincount(labels, weights=own, minlength=k)
    return np.divide(sums, counts, out=np.zeros(k), where=counts > 0)


def neighbour_votes(
    labels: Labels,
    prepared: Embeddings,
    groups: Groups,
    k: int,
    *,
    rows: Indices | None = None,
) -> npt.NDArray[np.float64]:
    """Give the (m, k) shares of labels among the ten nearest rows of other split groups.

    For the (m,) `rows`, or all. Rows without any such neighbour vote for their own label.
    """
    n = len(labels)
    asked = np.arange(n) if rows is None else rows
    votes = np.zeros((len(asked), k))
    for start in range(0, len(asked), _BLOCK_ROWS):
        block = asked[start : start + _BLOCK_ROWS]
        similar = prepared[block] @ prepared.T
        similar[groups[block][:, None] == groups[None, :]] = -np.inf
        wanted = min(N_NEIGHBOURS, n)
        nearest = np.argpartition(-similar, wanted - 1, axis=1)[:, :wanted]
        is_real = np.isfinite(np.take_along_axis(similar, nearest, axis=1))
        at = np.repeat(np.arange(start, start + len(block)), wanted)
        np.add.at(votes, (at, labels[nearest].ravel()), is_real.ravel().astype(np.float64))
    total = votes.sum(axis=1, keepdims=True)
    lonely = total[:, 0] == 0
    votes[lonely, labels[asked][lonely]] = 1.0
    return votes / np.where(total > 0, total, 1.0)
