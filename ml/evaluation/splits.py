"""Split groups, and splits that never divide one.

An image-level hold-out of near-duplicates said 97 % where the truth was 74 %
(`methods.md` §6): everything that is measured is divided by group.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation.geometry import prepare
from ml.types import Indices

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Embeddings, Groups, Labels

_BLOCK_CELLS = 1 << 24
_ROUNDING = 5e-7
"""Similarities are kept to six decimals: two equal rows are 1.0, not 0.99999994."""

_ALWAYS_ALLOWED = 10
"""A burst of ten photographs may be one group, however small the project."""


def groups_by_label(labels: Labels, groups: Groups, k: int) -> npt.NDArray[np.int64]:
    """Give how many split groups bear each of k labels, of (n,) rows with a column and a group."""
    pairs = np.unique(np.stack([labels, groups], axis=1), axis=0)
    return np.bincount(pairs[:, 0], minlength=k)


def group_folds(groups: Groups, n_folds: int, rng: np.random.Generator) -> Indices:
    """Deal (n,) rows into folds 0..n_folds-1 of about one size, whole groups at a time.

    Large groups are dealt first, groups of one size in random order, each to the fold with the
    fewest rows. With fewer groups than folds some folds stay empty.
    """
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of, filled = np.zeros(len(sizes), dtype=np.int64), np.zeros(n_folds, dtype=np.int64)
    for group in order:
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of[group_of]


def grouped_holdout(
    groups: Groups, share: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Mark about `share` of (n,) rows as held out, whole groups at a time, at random.

    Where there are two groups or more, both sides get at least one.
    """
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = rng.permutation(len(sizes))
    taken = np.concatenate([[0], np.cumsum(sizes[order])])
    n_groups = int(np.abs(taken - share * len(groups)).argmin())
    if len(sizes) > 1:
        n_groups = min(max(n_groups, 1), len(sizes) - 1)
    is_out = np.zeros(len(sizes), dtype=bool)
    is_out[order[:n_groups]] = True
    return is_out[group_of]


def connected_components(n: int, edges: npt.ArrayLike) -> Groups:
    """Number the components of n nodes joined by (m, 2) edges, in order of their first node."""
    pairs = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
    forest = _Forest(n)
    for a, b in pairs:
        forest.join(int(a), int(b))
    return forest.numbered()


def near_duplicate_groups(
    embeddings: Embeddings,
    *,
    cosine: float,
    max_share: float = 0.05,
    linked: npt.ArrayLike = (),
) -> tuple[Groups, float]:
    """Group rows that are linked by a chain of near-duplicates.

    Rows are centred by their mean and compared by cosine. Pairs are joined from the most
    similar down to `cosine`, and not further than the first that would make a group larger
    than `max_share` of all rows (ten rows are always allowed).

    Args:
        embeddings: (n, d), raw, of the original backbone.
        cosine: the lowest similarity that joins two rows.
        max_share: of all rows, the largest group that cosine may build.
        linked: (m, 2) pairs that belong together anyway (capture session, perceptual hash);
            a group that they alone make too large is kept, and no cosine joins it further.

    Returns:
        (n,) groups numbered from 0 in order of their first row, and the threshold used:
        `cosine`, or where that was too low the next 0.001 above the similarity that went too far.
    """
    n = len(embeddings)
    forest = _Forest(n)
    for a, b in np.asarray(linked, dtype=np.int64).reshape(-1, 2):
        forest.join(int(a), int(b))
    if n == 0:
        return forest.numbered(), cosine
    rows = prepare(embeddings, np.asarray(embeddings).mean(axis=0, dtype=np.float64))
    pairs, similarities = _similar_forest(rows, cosine)
    limit = max(max_share * n, _ALWAYS_ALLOWED)
    used = _threshold(forest.copy(), pairs, similarities, limit, cosine)
    for a, b in pairs[similarities >= used]:
        forest.join(int(a), int(b))
    return forest.numbered(), used


def neighbours(new: Embeddings, old: Embeddings, cosine: float) -> Indices:
    """List (m, 2) positions (in new, in old) of prepared rows at least this similar.

    Both must be prepared with one and the same centre (`ml.evaluation.geometry.prepare`).
    """
    found = [np.empty((0, 2), dtype=np.int64)]
    step = max(1, _BLOCK_CELLS // max(1, len(old)))
    for start in range(0, len(new), step):
        similar = np.argwhere(new[start : start + step] @ old.T >= cosine - _ROUNDING)
        found.append(similar + np.array([start, 0]))
    return np.concatenate(found)


def _similar_forest(rows: Embeddings, cosine: float) -> tuple[Indices, npt.NDArray[np.float64]]:
    """Give a maximum spanning forest of all pairs at least this similar, most similar first.

    It joins the same rows as all the pairs do, at every threshold, in at most n - 1 edges.
    """
    n = len(rows)
    pairs = np.empty((0, 2), dtype=np.int64)
    similarities = np.empty(0)
    step = max(1, _BLOCK_CELLS // n)
    for start in range(0, n, step):
        block = rows[start : start + step] @ rows[start:].T
        a, b = np.nonzero(np.triu(block >= cosine - _ROUNDING, k=1))
        pairs = np.concatenate([pairs, np.stack([a + start, b + start], axis=1)])
        similarities = np.concatenate([similarities, block[a, b].astype(np.float64)])
        pairs, similarities = _spanning(n, pairs, similarities)
    return pairs, similarities


def _spanning(
    n: int, pairs: Indices, similarities: npt.NDArray[np.float64]
) -> tuple[Indices, npt.NDArray[np.float64]]:
    from scipy.sparse import coo_array  # noqa: PLC0415 (kept off the web's import path)
    from scipy.sparse.csgraph import minimum_spanning_tree  # noqa: PLC0415

    costs = coo_array((3.0 - similarities, (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    tree = minimum_spanning_tree(costs.tocsr()).tocoo()
    order = np.argsort(tree.data, kind="stable")
    kept = np.stack([tree.row, tree.col], axis=1).astype(np.int64)[order]
    return kept, np.round(3.0 - tree.data[order], 6)


def _threshold(
    forest: _Forest,
    pairs: Indices,
    similarities: npt.NDArray[np.float64],
    limit: float,
    cosine: float,
) -> float:
    for (a, b), similarity in zip(pairs, similarities, strict=True):
        if forest.joined_size(int(a), int(b)) > limit:
            return max(cosine, math.floor(float(similarity) * 1000 + 1) / 1000)
        forest.join(int(a), int(b))
    return cosine


class _Forest:
    """Union-find whose root is the smallest member."""

    def __init__(self, n: int) -> None:
        self.parent = list(range(n))
        self.size = [1] * n

    def copy(self) -> _Forest:
        twin = _Forest(0)
        twin.parent, twin.size = self.parent.copy(), self.size.copy()
        return twin

    def root(self, node: int) -> int:
        parent = self.parent
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def joined_size(self, a: int, b: int) -> int:
        """Give the size after joining; 0 where the two are one already."""
        first, second = self.root(a), self.root(b)
        return 0 if first == second else self.size[first] + self.size[second]

    def join(self, a: int, b: int) -> None:
        low, high = sorted((self.root(a), self.root(b)))
        if low != high:
            self.parent[high] = low
            self.size[low] += self.size[high]

    def numbered(self) -> Groups:
        roots = np.array([self.root(node) for node in range(len(self.parent))], dtype=np.int64)
        return np.unique(roots, return_inverse=True)[1].astype(np.int64)
