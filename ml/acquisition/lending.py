"""Lending groups: images so alike that what is said of one may be lent to the others.

Complete-link: every pair of a group is at least as similar as the threshold, so a chain of small
steps cannot lead from milk to soy milk. Not to be confused with split groups, which join chains,
never change, and contain every lending group (`methods.md` §9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation.intervals import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from ml.types import Embeddings, Groups, Indices, Labels, Rows

    Similarities = npt.NDArray[np.float64]

MOST_MEMBERS = 20
LOWEST = 0.80
"""Split groups join every pair this similar, so a lending group never crosses one."""

THRESHOLDS: tuple[float, ...] = tuple(round(0.80 + step / 100, 2) for step in range(20))
WANTED_AGREEMENT = 0.98
MOST_AT_ONCE = 2000
"""Rows of a split group that are linked at once: 16 MB of distances, a tenth of a second."""

_ROUNDING = 5e-7
"""Similarities of float32 rows are good to six decimals."""


@dataclass(frozen=True, slots=True)
class Joins:
    """All joins that keep a group within 20 members, with the similarity each needs.

    Attributes:
        n: how many rows there are.
        edges: (m, 2) rows, one of either side of a join.
        similarities: (m,) of the least similar pair that the join brings together.
    """

    n: int
    edges: Indices
    similarities: Similarities

    def groups(self, threshold: float) -> Groups:
        """Number the groups at a threshold from 0, in order of their first row: (n,)."""
        from scipy.sparse import coo_array  # noqa: PLC0415 (kept off the web's import path)
        from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

        kept = self.edges[self.similarities >= threshold]
        ones = np.ones(len(kept), dtype=np.int8)
        graph = coo_array((ones, (kept[:, 0], kept[:, 1])), shape=(self.n, self.n))
        _, found = connected_components(graph, directed=False)
        _, first, number = np.unique(found, return_index=True, return_inverse=True)
        rank = np.empty(len(first), dtype=np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        numbered: Groups = rank[number]
        return numbered

    def among(self, is_kept: npt.NDArray[np.bool_]) -> Joins:
        """Give the joins of the rows marked in (n,), which must be whole split groups."""
        place = np.cumsum(is_kept) - 1
        inside = is_kept[self.edges[:, 0]]
        return Joins(int(is_kept.sum()), place[self.edges[inside]], self.similarities[inside])


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often images of a group bear one label, at one threshold.

    Attributes:
        threshold: the least similarity inside a group.
        n_groups: groups with two labeled members or more; each counts once.
        share: mean share of their other labeled members that agree with the most central one.
        lower: one-sided 95 % Wilson bound of that share; 0 without groups.
    """

    threshold: float
    n_groups: int
    share: float
    lower: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The threshold that the labels allow, and what each threshold was worth.

    Attributes:
        threshold: the lowest that is safe; None where none is, or too few labels tell.
        tried: one entry a threshold, ascending.
    """

    threshold: float | None
    tried: tuple[Agreement, ...]


def joins(rows: Embeddings | Rows, image_ids: Indices, split_groups: Groups) -> Joins:
    """Link prepared rows into trees of complete-link groups, within each split group.

    A tree is cut where a group would have more than 20 members; the parts stay groups. A split
    group of more than 2,000 rows is halved along its longest axis until its parts are not:
    groups across such a cut are lost, never wrong. The order of the rows does not matter.

    Cost: the sum of the squares of the split groups' sizes, at most 2,000 a row; rows are asked for
    a few thousand at a time.

    Args:
        rows: (n, d) centred unit rows of the original backbone, or what gives them when asked.
        image_ids: (n,) distinct; they decide where similarities tie.
        split_groups: (n,) split group of each row.
    """
    order = np.lexsort((image_ids, split_groups))
    bounds = np.flatnonzero(np.diff(split_groups[order])) + 1
    edges, similarities = [np.empty((0, 2), dtype=np.int64)], [np.empty(0)]
    for members in _batches([part for part in np.split(order, bounds) if len(part) > 1]):
        vectors = rows[np.concatenate(members)]
        ends = np.cumsum([len(part) for part in members])
        for part, block in zip(members, np.split(vectors, ends[:-1]), strict=True):
            for piece, some in _pieces(part, block):
                pairs, alike = _complete_link(some)
                edges.append(piece[pairs])
                similarities.append(alike)
    return Joins(len(image_ids), np.concatenate(edges), np.concatenate(similarities))


def calibrate(
    found: Joins,
    labeled: Indices,
    labels: Labels,
    rows: Embeddings,
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    wanted: float = WANTED_AGREEMENT,
) -> Calibration:
    """Find the lowest threshold at which images of a group surely bear one label.

    It is asked threshold by threshold whether the one-sided 95 % lower bound (Wilson) of the share
    of agreement reaches `wanted`. The unit is the group: its members are no independent cases.
    Without a disagreement that takes 133 groups at 98 %.

    Args:
        found: what `joins` gave.
        labeled: (m,) rows that have a label.
        labels: (m,) their labels.
        rows: (m, d) their prepared vectors.
        thresholds: to try, ascending.
        wanted: between 0 and 1.
    """
    tried = [_agreement(found.groups(each), each, labeled, labels, rows) for each in thresholds]
    safe = (each.threshold for each in tried if each.lower >= wanted)
    return Calibration(next(safe, None), tuple(tried))


def most_central(rows: Embeddings | Rows, groups: Groups, image_ids: Indices) -> Indices:
    """Give the row of each group that is most similar to all its members, by ascending group.

    Ties, and pairs always tie, go to the smallest image id. Rows are asked for a few thousand at a
    time, and only those of groups with several members.

    Args:
        rows: (n, d) prepared.
        groups: (n,) lending groups.
        image_ids: (n,) distinct.
    """
    order = np.lexsort((image_ids, groups))
    parts = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1) if len(order) else []
    chosen = np.array([part[0] for part in parts], dtype=np.int64)
    places = np.array([place for place, part in enumerate(parts) if len(part) > 2], dtype=np.int64)
    for start in range(0, len(places), MOST_AT_ONCE // MOST_MEMBERS):
        some = places[start : start + MOST_AT_ONCE // MOST_MEMBERS]
        vectors = rows[np.concatenate([parts[place] for place in some])]
        sizes = [len(parts[place]) for place in some]
        for place, block in zip(some, np.split(vectors, np.cumsum(sizes)[:-1]), strict=True):
            central = np.round(block @ block.sum(axis=0), 5)
            chosen[place] = parts[place][central.argmax()]
    return chosen


def _agreement(
    groups: Groups, threshold: float, labeled: Indices, labels: Labels, rows: Embeddings
) -> Agreement:
    _, group_of, counts = np.unique(groups[labeled], return_inverse=True, return_counts=True)
    is_told = counts[group_of] >= 2
    if not is_told.any():
        return Agreement(threshold, 0, 1.0, 0.0)
    told, here = np.unique(group_of[is_told], return_inverse=True)
    central = most_central(rows[is_told], here, labeled[is_told])
    agrees = labels[is_told] == labels[is_told][central][here]
    others = np.bincount(here, weights=agrees) - 1
    shares = others / (np.bincount(here) - 1)
    lower = wilson(float(shares.sum()), len(told), confidence=0.90).low
    return Agreement(threshold, len(told), float(shares.mean()), lower)


def _batches(parts: list[Indices]) -> Iterator[list[Indices]]:
    """Give split groups a few thousand rows at a time, so that rows are asked for in blocks."""
    batch: list[Indices] = []
    size = 0
    for part in parts:
        if batch and size + len(part) > 2 * MOST_AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(part)
        size += len(part)
    if batch:
        yield batch


def _pieces(members: Indices, rows: Embeddings) -> Iterator[tuple[Indices, Embeddings]]:
    """Halve a split group across its longest axis until no part has more than 2,000 rows.

    The axis runs from the row farthest from the mean to the row farthest from that one.
    """
    if len(members) <= MOST_AT_ONCE:
        yield members, rows
        return
    one = rows[np.argmin(rows @ rows.mean(axis=0))]
    other = rows[np.argmin(rows @ one)]
    along = np.argsort(np.round(rows @ (other - one), 6), kind="stable")
    middle = len(along) // 2
    for half in (np.sort(along[:middle]), np.sort(along[middle:])):
        yield from _pieces(members[half], rows[half])


def _complete_link(rows: Embeddings) -> tuple[Indices, Similarities]:
    """Link (b, d) rows; give the (m, 2) joins that stay within the bounds, and what they need."""
    from scipy.cluster.hierarchy import linkage  # noqa: PLC0415 (0.3 s, off the web's import path)
    from scipy.spatial.distance import squareform  # noqa: PLC0415

    b = len(rows)
    similar = np.round(np.asarray(rows @ rows.T, dtype=np.float64), 6)
    if b == 2:
        n_kept = int(similar[0, 1] >= LOWEST)
        pair = np.array([[0, 1]], dtype=np.int64)[:n_kept]
        alike = similar[0, 1:][:n_kept].astype(np.float64)
        return pair, alike
    distances = np.clip(1.0 - similar, 0.0, None)
    tree = linkage(squareform(distances, checks=False), method="complete")
    first = np.concatenate([np.arange(b), np.zeros(b - 1, dtype=np.int64)])  # a row of each node
    for node, left in enumerate(tree[:, 0].astype(np.int64), start=b):
        first[node] = first[left]
    is_kept = (tree[:, 3] <= MOST_MEMBERS) & (tree[:, 2] <= 1.0 - LOWEST + _ROUNDING)
    pairs: Indices = first[tree[is_kept, :2].astype(np.int64)]
    found: Similarities = np.round(1.0 - tree[is_kept, 2], 6)
    return pairs, found
