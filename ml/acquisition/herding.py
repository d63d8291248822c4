"""Ask about images that stand for many others: MaxHerding, and Uncertainty Herding.

Both maximise sum over references r of u_r * max over labelled l of exp(-|r - l|^2 / s2), greedily.
MaxHerding (u = 1) needs no classifier and is the cold start; Uncertainty Herding weights the
references by the classifier's doubt.

Source: Bae et al. 2024 (arXiv 2407.12212) and 2025 (arXiv 2412.20644); `methods.md` §1.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.guards import guarded, needed_probabilities
from ml.acquisition.uncertainty import margin

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Embeddings, Groups, Indices, Pool, Scores

    Kernel = npt.NDArray[np.float32]

MAX_CANDIDATES = 1200
MAX_REFERENCES = 1200
"""Bounds of the kernel: about 0.3 s on one core, whatever the size of the pool."""
_UNCERTAIN_SHARE = 2 / 3
_SMALLEST_RADIUS, _LARGEST_RADIUS = 0.05, 1.0


@guarded
def max_herding(pool: Pool, *, batch_size: int, rng: np.random.Generator) -> tuple[Indices, Scores]:
    """Cover the pool: choose rows that are most like the most rows not yet represented.

    Candidates are a uniform sample where the pool is larger than `MAX_CANDIDATES`; the
    selection probability is a row's chance of being a candidate.
    """
    n = len(pool.image_ids)
    candidates = rng.permutation(n)[: max(MAX_CANDIDATES, batch_size)]
    references = rng.permutation(n)[:MAX_REFERENCES]
    chosen = _cover(pool, candidates, references, np.ones(len(references)), batch_size)
    return candidates[chosen], np.full(len(chosen), len(candidates) / n)


@guarded
def uncertainty_herding(
    pool: Pool, *, batch_size: int, rng: np.random.Generator
) -> tuple[Indices, Scores]:
    """Cover the doubtful part of the pool; doubt is the margin score of each reference.

    Two thirds of the candidates are the most doubtful rows (selection probability 1), the
    others uniform (their chance of being a candidate).
    """
    doubt = margin(needed_probabilities(pool, "uherding"))
    n, limit = len(doubt), max(MAX_CANDIDATES, batch_size)
    shuffled = rng.permutation(n)
    by_doubt = shuffled[np.argsort(-doubt[shuffled], kind="stable")]
    n_sure = n if n <= limit else int(limit * _UNCERTAIN_SHARE)
    drawn = rng.permutation(by_doubt[n_sure:])[: limit - n_sure]
    candidates = np.concatenate([by_doubt[:n_sure], drawn])
    chances = np.ones(len(candidates))
    chances[n_sure:] = len(drawn) / max(n - n_sure, 1)
    references = rng.permutation(n)[:MAX_REFERENCES]
    chosen = _cover(pool, candidates, references, doubt[references], batch_size)
    return candidates[chosen], chances[chosen]


def _cover(
    pool: Pool,
    candidates: Indices,
    references: Indices,
    weights: npt.NDArray[np.float64],
    batch_size: int,
) -> Indices:
    """Choose positions in `candidates`, greedily, one of a split group while that suffices."""
    radius = squared_radius(pool.labeled)
    rows = pool.embeddings[references]
    kernel = similarity(pool.embeddings[candidates], rows, radius)  # (candidates, references)
    covered = np.zeros(len(references), dtype=np.float32)
    if len(pool.labeled):
        covered = similarity(rows, pool.labeled, radius).max(axis=1)
    return _greedy(kernel, covered, weights.astype(np.float32), pool.groups[candidates], batch_size)


def _greedy(
    kernel: Kernel, covered: Kernel, weights: Kernel, groups: Groups, batch_size: int
) -> Indices:
    n = len(kernel)
    is_taken, is_blocked = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    chosen: list[int] = []
    for _ in range(min(batch_size, n)):
        if (is_taken | is_blocked).all():
            is_blocked[:] = False
        gains = np.maximum(kernel - covered, 0.0) @ weights
        gains[is_taken | is_blocked] = -1.0
        best = int(gains.argmax())
        chosen.append(best)
        is_taken[best] = True
        is_blocked |= groups == groups[best]
        covered = np.maximum(covered, kernel[best])
    return np.array(chosen, dtype=np.int64)


def similarity(first: Embeddings, second: Embeddings, radius: float) -> Kernel:
    """Give the (n, m) Gaussian kernel exp(-|a - b|^2 / radius) of prepared rows."""
    exponents = _squared_distances(first, second)
    exponents /= -radius
    return np.exp(exponents, out=exponents)


def squared_radius(labeled: Embeddings) -> float:
    """Give the median squared distance of labelled rows to their nearest labelled row.

    Bounded to [0.05, 1]; 1 where fewer than two rows are labelled. It shrinks as labels grow:
    from covering the whole pool at first to looking only near the boundary.
    """
    if len(labeled) < 2:
        return _LARGEST_RADIUS
    squared = _squared_distances(labeled, labeled)
    np.fill_diagonal(squared, np.inf)
    return float(np.clip(np.median(squared.min(axis=1)), _SMALLEST_RADIUS, _LARGEST_RADIUS))


def _squared_distances(first: Embeddings, second: Embeddings) -> Kernel:
    squared: Kernel = -2.0 * (first @ second.T)
    squared += (first**2).sum(axis=1)[:, None]
    squared += (second**2).sum(axis=1)
    return np.maximum(squared, 0.0, out=squared)
