"""Pools for the tests of acquisition functions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.acquisition.classifier import head_probabilities
from ml.evaluation.geometry import prepare
from ml.types import Embeddings, Head, Pool


def unit(rows: np.ndarray) -> Embeddings:
    return prepare(rows.astype(np.float32), np.zeros(rows.shape[1]))


def head_of(weights: np.ndarray, temperature: float = 1.0) -> Head:
    """Give a head with these (d, k) weights on rows that are prepared already."""
    d, k = weights.shape
    order = tuple(f"label-{column}" for column in range(k))
    return Head(weights.astype(np.float64), np.zeros(k), np.zeros(d), temperature, 0.1, order)


def asked(pool: Pool, head: Head) -> Pool:
    """Give the pool with this head and what it says."""
    assert isinstance(pool.embeddings, np.ndarray)
    return replace(pool, head=head, probabilities=head_probabilities(head, pool.embeddings))


def random_pool(*, n: int, k: int = 5, d: int = 16, seed: int = 3) -> Pool:
    """Draw a pool with a classifier in which every image is its own split group, ids shuffled."""
    rng = np.random.default_rng(seed)
    head = head_of(rng.normal(size=(d, k)), temperature=2.0)
    pool = Pool(
        image_ids=rng.permutation(10 * n)[:n].astype(np.int64),
        embeddings=unit(rng.normal(size=(n, d))),
        probabilities=None,
        groups=np.arange(n),
        labeled=unit(rng.normal(size=(6, d))),
        labeled_counts=np.ones(k),
    )
    return asked(pool, head)


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
    return replace(
        pool,
        image_ids=pool.image_ids[order],
        embeddings=pool.embeddings[order],
        probabilities=pool.probabilities[order],
        groups=pool.groups[order],
        doubt=None if pool.doubt is None else pool.doubt[order],
        stands_for=None if pool.stands_for is None else pool.stands_for[order],
    )
