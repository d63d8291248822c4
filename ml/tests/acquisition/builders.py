"""Pools for the tests of acquisition functions."""

from __future__ import annotations

import numpy as np

from ml.evaluation.geometry import prepare
from ml.types import Embeddings, Pool


def unit(rows: np.ndarray) -> Embeddings:
    return prepare(rows.astype(np.float32), np.zeros(rows.shape[1]))


def random_pool(*, n: int, k: int = 5, d: int = 16, seed: int = 3) -> Pool:
    """Draw a pool in which every image is its own split group, ids shuffled."""
    rng = np.random.default_rng(seed)
    return Pool(
        image_ids=rng.permutation(10 * n)[:n].astype(np.int64),
        embeddings=unit(rng.normal(size=(n, d))),
        probabilities=rng.dirichlet(np.ones(k), size=n).reshape(n, k),
        groups=np.arange(n),
        labeled=unit(rng.normal(size=(6, d))),
    )


def pool_of(
    embeddings: np.ndarray,
    *,
    probabilities: np.ndarray | None = None,
    labeled: np.ndarray | None = None,
) -> Pool:
    """Give a pool with these unit rows, each its own group."""
    n, d = embeddings.shape
    return Pool(
        image_ids=np.arange(n),
        embeddings=embeddings.astype(np.float32),
        probabilities=probabilities,
        groups=np.arange(n),
        labeled=np.empty((0, d), np.float32) if labeled is None else labeled.astype(np.float32),
    )


def reordered(pool: Pool, order: np.ndarray) -> Pool:
    assert pool.probabilities is not None
    return Pool(
        pool.image_ids[order],
        pool.embeddings[order],
        pool.probabilities[order],
        pool.groups[order],
        pool.labeled,
    )
