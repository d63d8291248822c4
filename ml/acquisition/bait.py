"""Ask about images that tell most about the classifier's weights, as the pool needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.classifier import (
    head_probabilities,
    needed_head,
    probabilities_at,
    refuse_several,
)
from ml.acquisition.guards import guarded
from ml.acquisition.picking import Openings, doubtful_and_uniform, uniform
from ml.acquisition.uncertainty import doubt_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Embeddings, Indices, Pool, Probabilities, Scores

    Matrix = npt.NDArray[np.float64]

MAX_CANDIDATES = MAX_REFERENCES = 2000
DIMENSIONS = 128
PRIOR = 0.01
"""Of unit rows; the paper's 1 is for rows many times as long. On 81 classes of the photographs the
area under the curve to 480 labels was .488 with 0.3, .511 with 0.1, .529 with 0.01 (two seeds)."""
_SPARE_DIMENSIONS, _POWER_STEPS = 12, 2


@guarded
def bait_binary(pool: Pool, *, batch_size: int, rng: np.random.Generator) -> tuple[Indices, Scores]:
    """Pick what shrinks the expected error of the pool most, after Fisher information.

    With g = sqrt(p (1 - p)) x for the most likely label's probability p, M = 0.01 I + the sum
    of gg' over labelled rows and F the mean of gg' over the pool, the next row is argmax
    g'M^-1 F M^-1 g / (1 + g'M^-1 g), the fall of tr(M^-1 F) by adding it (Sherman and Morrison);
    then M takes it in. x is the row in the first 128 principal directions of the pool.

    Half of at most 2,000 candidates are the most doubtful rows (selection probability 1), the
    others are drawn (their chance). Cost O((c + m) d 128 + c 128^2 + b c 128).

    Source: Ash et al. 2021, "Gone Fishing" (arXiv 2106.09675); the binary form is Huseljic et al.
    2024, "Fast Fishing" (arXiv 2404.08981); `methods.md` §1.5.
    """
    refuse_several(pool, "bait_binary")
    head = needed_head(pool, "bait_binary")
    doubt = doubt_of(pool, "bait_binary")
    limit = max(MAX_CANDIDATES, batch_size)
    candidates, chances = doubtful_and_uniform(doubt, limit, limit // 2, rng)
    references, _ = uniform(pool, MAX_REFERENCES, rng)
    rows = pool.embeddings[references]
    axes = principal_axes(rows, DIMENSIONS, rng)
    fisher = _information(rows @ axes, probabilities_at(pool, references, "bait_binary"))
    known = _information(pool.labeled @ axes, head_probabilities(head, pool.labeled))
    factors = _factors(
        pool.embeddings[candidates] @ axes, probabilities_at(pool, candidates, "bait_binary")
    )
    prior = PRIOR * np.eye(axes.shape[1])
    inverse = np.linalg.inv(prior + known).astype(np.float64, copy=False)
    chosen = _greedy(factors, inverse, fisher, pool.groups[candidates], batch_size)
    return candidates[chosen], chances[chosen]


def _greedy(
    factors: Matrix, inverse: Matrix, fisher: Matrix, groups: Indices, batch_size: int
) -> Indices:
    """Take one row after the other; M^-1 g and the fall of all rows follow by rank-one updates."""
    openings, chosen = Openings(groups), list[int]()
    turned = factors @ inverse  # (c, d) rows g'M^-1
    gain = ((turned @ fisher) * turned).sum(axis=1)  # g'M^-1 F M^-1 g
    room = (turned * factors).sum(axis=1)  # g'M^-1 g
    for _ in range(min(batch_size, len(factors))):
        best = int(np.where(openings.open(), gain / (1.0 + room), -1.0).argmax())
        openings.take(best)
        chosen.append(best)
        step = turned[best].copy()
        along, seen = factors @ step, fisher @ step
        share = along / (1.0 + room[best])
        gain += share * (share * (step @ seen) - 2.0 * (turned @ seen))
        room -= share * along
        turned -= np.outer(share, step)
    return np.array(chosen, dtype=np.int64)


def _factors(rows: Embeddings, probabilities: Probabilities) -> Matrix:
    top = probabilities.max(axis=1)
    return np.asarray(np.sqrt(top * (1.0 - top))[:, None] * rows, dtype=np.float64)


def _information(rows: Embeddings, probabilities: Probabilities) -> Matrix:
    """Give the (d, d) sum of gg'; the scale of the pool's does not change what is picked."""
    factors = _factors(rows, probabilities)
    return np.asarray(factors.T @ factors)


def principal_axes(rows: Embeddings, count: int, rng: np.random.Generator) -> Embeddings:
    """Give (d, count) orthonormal axes of about the largest variance; all of them where d is small.

    Source: Halko, Martinsson & Tropp 2011, the randomised range finder with power steps.
    """
    d = rows.shape[1]
    if d <= count:
        return np.eye(d, dtype=np.float32)
    centred = rows - rows.mean(axis=0)
    basis = rng.normal(size=(d, count + _SPARE_DIMENSIONS)).astype(np.float32)
    for _ in range(1 + _POWER_STEPS):
        basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
    small = centred @ basis
    _, turn = np.linalg.eigh(small.T @ small)
    axes: Embeddings = (basis @ turn[:, ::-1])[:, :count]
    return axes
