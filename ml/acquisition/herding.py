"""Ask about images that stand for many others: MaxHerding, and Uncertainty Herding.

Both maximise sum over references r of w_r u_r * max over labelled l of exp(-|r - l|^2 / s2),
greedily. MaxHerding (u = 1) needs no classifier; Uncertainty Herding weights the references by the
classifier's doubt, and is MaxHerding until there is a classifier that knows the labels.

Source: Bae et al. 2024 (arXiv 2407.12212) and 2025 (arXiv 2412.20644); `methods.md` §1.5.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.guards import guarded
from ml.acquisition.picking import (
    MOST_LABELED,
    Openings,
    affordable,
    doubtful_and_uniform,
    thinned,
    uniform,
)
from ml.acquisition.start import cold_start
from ml.acquisition.uncertainty import doubt_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Embeddings, Groups, Indices, Pool, Scores

    Kernel = npt.NDArray[np.float32]

MAX_CANDIDATES, MAX_REFERENCES = 1700, 2000
"""Bounds of the kernel: 14 MB and about 0.3 s on one core, whatever the size of the pool. With more
than 6,000 labelled rows there are fewer references: `picking.affordable`."""
_DOUBTFUL_SHARE = 1000 / 1700
_SMALLEST_RADIUS, _LARGEST_RADIUS = 0.05, 1.0
_RADIUS_ROWS = 256
_BLOCK_ROWS = 4096


@guarded
def max_herding(pool: Pool, *, batch_size: int, rng: np.random.Generator) -> tuple[Indices, Scores]:
    """Cover the pool: choose rows that are most like the most rows not yet represented.

    Candidates are a uniform sample where the pool is larger than `MAX_CANDIDATES`; the
    selection probability is a row's chance of being a candidate. Cost O(c r (d + log c)) for
    c candidates and r references, plus O(r m d) for m labeled rows.
    """
    candidates, chance = uniform(pool, max(MAX_CANDIDATES, batch_size), rng)
    references, _ = uniform(pool, affordable(MAX_REFERENCES, len(pool.labeled)), rng)
    chosen = _cover(pool, candidates, references, np.ones(len(references)), batch_size)
    return candidates[chosen], np.full(len(chosen), chance)


@guarded
def uncertainty_herding(
    pool: Pool, *, batch_size: int, rng: np.random.Generator
) -> tuple[Indices, Scores]:
    """Cover the doubtful part of the pool; doubt is the margin score of each reference.

    Its own cold start: without a classifier, or while `cold_start` says that labels are missing,
    every doubt is 1. After that a thousand candidates are the most doubtful rows (selection
    probability 1), the others are drawn from the rest (their chance of being drawn). Cost as
    `max_herding`.
    """
    if is_cold(pool):
        return max_herding(pool, batch_size=batch_size, rng=rng)
    doubt = doubt_of(pool, "uherding")
    limit = max(MAX_CANDIDATES, batch_size)
    n_doubtful = round(limit * _DOUBTFUL_SHARE)
    candidates, chances = doubtful_and_uniform(doubt, limit, n_doubtful, rng)
    references, _ = uniform(pool, affordable(MAX_REFERENCES, len(pool.labeled)), rng)
    chosen = _cover(pool, candidates, references, doubt[references], batch_size)
    return candidates[chosen], chances[chosen]


def is_cold(pool: Pool) -> bool:
    """Tell whether every doubt counts as 1: there is no classifier, or it lacks labels.

    Waiting for every label, however rare, cost 1.5 points of area on 81 classes of the photographs
    (.558 for .572 to 480 labels, three seeds), so `cold_start` gives up after one image a label.
    """
    if pool.probabilities is None and pool.head is None and pool.doubt is None:
        return True
    counts = pool.labeled_counts
    return counts is not None and cold_start(counts, len(counts))


def _cover(
    pool: Pool,
    candidates: Indices,
    references: Indices,
    weights: npt.NDArray[np.float64],
    batch_size: int,
) -> Indices:
    """Choose positions in `candidates`, greedily, one of a split group while that suffices."""
    labeled = thinned(pool.labeled, MOST_LABELED)
    radius = squared_radius(labeled)
    rows = pool.embeddings[references]
    if pool.stands_for is not None:
        weights = weights * pool.stands_for[references]
    kernel = similarity(pool.embeddings[candidates], rows, radius)  # (candidates, references)
    covered = nearest_similarity(rows, labeled, radius)
    return _greedy(kernel, covered, weights.astype(np.float32), pool.groups[candidates], batch_size)


def _greedy(
    kernel: Kernel, covered: Kernel, weights: Kernel, groups: Groups, batch_size: int
) -> Indices:
    """Pick what adds most, again and again; only gains that may lead are computed anew.

    A gain never grows as more is covered, so an old one is a bound: a candidate whose fresh gain
    beats every other's old one is the best (Minoux 1978, "Accelerated greedy algorithms").
    """
    openings = Openings(groups)
    gains = _gains(kernel, covered, weights)
    waiting = [(-float(gain), row) for row, gain in enumerate(gains)]
    heapq.heapify(waiting)
    set_aside: list[tuple[float, int]] = []
    chosen: list[int] = []
    while len(chosen) < min(batch_size, len(kernel)):
        if not waiting:
            waiting, set_aside = set_aside, []
            heapq.heapify(waiting)
            openings.is_blocked[:] = False
        old, row = heapq.heappop(waiting)
        if openings.is_blocked[row]:
            set_aside.append((old, row))
            continue
        fresh = (-float(_gains(kernel[row : row + 1], covered, weights)[0]), row)
        if waiting and fresh > waiting[0]:
            heapq.heappush(waiting, fresh)
            continue
        chosen.append(row)
        openings.take(row)
        covered = np.maximum(covered, kernel[row])
    return np.array(chosen, dtype=np.int64)


def _gains(kernel: Kernel, covered: Kernel, weights: Kernel) -> npt.NDArray[np.float64]:
    added = np.maximum(kernel - covered, 0.0)
    return np.asarray(added.astype(np.float64) @ weights.astype(np.float64))


def similarity(first: Embeddings, second: Embeddings, radius: float) -> Kernel:
    """Give the (n, m) Gaussian kernel exp(-|a - b|^2 / radius) of prepared rows."""
    exponents = squared_distances(first, second)
    exponents /= -radius
    return np.exp(exponents, out=exponents)


def nearest_similarity(rows: Embeddings, labeled: Embeddings, radius: float) -> Kernel:
    """Give the (n,) kernel of rows with the labelled row nearest to each; 0 with none labelled."""
    if not len(labeled):
        return np.zeros(len(rows), dtype=np.float32)
    nearest: Kernel = np.exp(nearest_squared_distance(rows, labeled) / -radius)
    return nearest


def squared_radius(labeled: Embeddings) -> float:
    """Give the median squared distance of labelled rows to their nearest labelled row.

    Bounded to [0.05, 1]; 1 where fewer than two rows are labelled. It shrinks as labels grow:
    from covering the whole pool at first to looking only near the boundary. Of more than 256
    rows the median is that of 256, evenly spaced, against all.
    """
    m = len(labeled)
    if m < 2:
        return _LARGEST_RADIUS
    asked = np.unique(np.linspace(0, m - 1, min(m, _RADIUS_ROWS)).astype(np.int64))
    nearest = nearest_squared_distance(labeled[asked], labeled, leave_out=asked)
    return float(np.clip(np.median(nearest), _SMALLEST_RADIUS, _LARGEST_RADIUS))


def nearest_squared_distance(
    rows: Embeddings, others: Embeddings, *, leave_out: Indices | None = None
) -> Kernel:
    """Give each of (n,) rows its squared distance to the nearest of (m,) others, in blocks.

    Args:
        rows: (n, d) prepared.
        others: (m, d) prepared, at least one.
        leave_out: (n,) the other that is the row itself.
    """
    nearest = np.full(len(rows), np.inf, dtype=np.float32)
    for start in range(0, len(others), _BLOCK_ROWS):
        squared = squared_distances(rows, others[start : start + _BLOCK_ROWS])
        if leave_out is not None:
            is_here = (leave_out >= start) & (leave_out < start + _BLOCK_ROWS)
            squared[is_here, leave_out[is_here] - start] = np.inf
        np.minimum(nearest, squared.min(axis=1), out=nearest)
    return nearest


def squared_distances(first: Embeddings, second: Embeddings) -> Kernel:
    """Give (n, m) squared distances."""
    squared: Kernel = -2.0 * (first @ second.T)
    squared += (first**2).sum(axis=1)[:, None]
    squared += (second**2).sum(axis=1)
    return np.maximum(squared, 0.0, out=squared)
