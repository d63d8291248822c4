"""A label that the scheme lacks, seen in the images that people say fit none of its labels.

Each such image joins the cluster it resembles most, or leads a new one; a cluster of five images
that resemble each other is worth asking staff about. Leader clustering: Hartigan 1975, "Clustering
Algorithms", chapter 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ml.types import Embeddings, Groups, Indices, Labels

ALIKE = 0.80
"""Mean cosine of a cluster where nothing is known of the project's own labels."""

LEAST_ALIKE = 0.40
ENOUGH = 5
_STRANGERS = 0.995
SAMPLE = 2000
"""Labeled images compared with each other."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Images that may be of one new label.

    Attributes:
        rows: positions, in the order of the answers.
        similarity: their mean pairwise cosine.
        n_groups: split groups among them.
    """

    rows: Indices
    similarity: float
    n_groups: int


def alike_for(prepared: Embeddings, labels: Labels, *, rng: np.random.Generator) -> float:
    """Learn from labeled images how alike images of one label are, and no two labels.

    The cosine that 99.5 % of pairs of different labels stay below, between 0.40 and 0.80. One fixed
    0.80 is near-duplicate distance on the grocery photographs: half of their labels never have
    five images so close.

    Args:
        prepared: (n, d) labeled images, of unit length; 2,000 of them are compared.
        labels: (n,) columns.
    """
    rows = rng.permutation(len(labels))[:SAMPLE]
    if len(np.unique(labels[rows])) < 2:
        return ALIKE
    cosines = prepared[rows] @ prepared[rows].T
    strangers = cosines[labels[rows][:, None] != labels[rows][None, :]]
    return float(np.clip(np.quantile(strangers, _STRANGERS), LEAST_ALIKE, ALIKE))


def propose(
    prepared: Embeddings,
    groups: Groups,
    *,
    alike: float = ALIKE,
    enough: int = ENOUGH,
) -> list[Proposal]:
    """Cluster (n,) images answered "none of these", in the order of the answers.

    Deterministic, and an answer more never takes an image out of the cluster it is in. O(n² d).

    Args:
        prepared: (n, d) centred rows of unit length, of the original backbone.
        groups: (n,) split groups, named in the proposal: five pictures of one capture are less
            than five of as many.
        alike: mean cosine to a cluster's images above which an image joins it.
        enough: images from which a cluster is proposed.

    Returns:
        Clusters of `enough` images whose mean pairwise cosine exceeds `alike`, largest first.
    """
    sums: list[Embeddings] = []
    members: list[list[int]] = []
    for row, vector in enumerate(prepared):
        means = [
            float(vector @ total) / len(rows) for total, rows in zip(sums, members, strict=True)
        ]
        best = int(np.argmax(means)) if means else -1
        if best >= 0 and means[best] > alike:
            sums[best] = sums[best] + vector
            members[best].append(row)
        else:
            sums.append(vector.copy())
            members.append([row])
    found = [_proposal(rows, prepared, groups) for rows in members if len(rows) >= enough]
    kept = [each for each in found if each.similarity > alike]
    return sorted(kept, key=lambda each: (-len(each.rows), int(each.rows[0])))


def _proposal(rows: list[int], prepared: Embeddings, groups: Groups) -> Proposal:
    at = np.array(rows, dtype=np.int64)
    cosines = prepared[at] @ prepared[at].T
    pairs = len(at) * (len(at) - 1)
    similarity = float((cosines.sum() - np.trace(cosines)) / pairs)
    return Proposal(at, similarity, len(np.unique(groups[at])))
