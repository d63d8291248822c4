"""What the classifier says of the rows of a pool: asked of a few rows, or of all in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.guards import NeedsProbabilitiesError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from ml.types import Embeddings, Head, Indices, Pool, Probabilities, Scores

BLOCK_ROWS = 8192
"""Rows asked about at a time: 5 MB of probabilities of 81 labels, however large the pool."""


def needed_head(pool: Pool, name: str) -> Head:
    """Give the pool's classifier.

    Raises:
        NeedsProbabilitiesError: there is none.
    """
    if pool.head is None:
        raise _needs(name)
    return pool.head


def linear_scores(head: Head, rows: Embeddings) -> npt.NDArray[np.float64]:
    """Give the (b, k) scores of (b, d) prepared rows, before temperature and softmax."""
    product = rows @ head.weights.astype(np.float32)
    return np.asarray(product, dtype=np.float64) + head.bias


def head_probabilities(head: Head, rows: Embeddings) -> Probabilities:
    """Give the (b, k) calibrated probabilities of (b, d) prepared rows."""
    sharpened = head.temperature * linear_scores(head, rows)
    sharpened -= sharpened.max(axis=1, keepdims=True)
    np.exp(sharpened, out=sharpened)
    sharpened /= sharpened.sum(axis=1, keepdims=True)
    return sharpened


def probabilities_at(pool: Pool, positions: Indices, name: str) -> Probabilities:
    """Give the (b, k) probabilities of (b,) rows of the pool.

    Raises:
        NeedsProbabilitiesError: there is no classifier yet.
    """
    if pool.probabilities is not None:
        return pool.probabilities[positions]
    return head_probabilities(needed_head(pool, name), pool.embeddings[positions])


def scores_of_all(pool: Pool, score: Callable[[Probabilities], Scores], name: str) -> Scores:
    """Score every row by a function of its probabilities, in blocks of bounded memory.

    Raises:
        NeedsProbabilitiesError: there is no classifier yet.
    """
    if pool.probabilities is not None:
        return score(pool.probabilities)
    n = len(pool.image_ids)
    found = np.empty(n)
    for start in range(0, n, BLOCK_ROWS):
        positions = np.arange(start, min(start + BLOCK_ROWS, n))
        found[positions] = score(probabilities_at(pool, positions, name))
    return found


def _needs(name: str) -> NeedsProbabilitiesError:
    return NeedsProbabilitiesError(
        f"{name!r} needs a classifier's probabilities; use 'uherding' until there is one."
    )
