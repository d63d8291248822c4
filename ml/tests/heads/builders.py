"""Small labeled sets with known structure, for the tests of heads."""

from __future__ import annotations

import numpy as np

from ml.types import LabeledSet


def blobs(
    rng: np.random.Generator, *, n: int = 40, k: int = 3, d: int = 8, n_groups: int = 15
) -> LabeledSet:
    """Draw soft-labeled rows around k centres, in split groups of one label each."""
    group_label = np.arange(n_groups) % k
    groups = rng.integers(0, n_groups, n)
    labels = group_label[groups]
    centres = 3 * rng.normal(size=(k, d))
    embeddings = (centres[labels] + rng.normal(size=(n, d))).astype(np.float32)
    targets = 0.9 * np.eye(k)[labels] + 0.1 / k
    return LabeledSet(
        image_ids=np.arange(n),
        embeddings=embeddings,
        targets=targets,
        weights=rng.uniform(0.5, 1.5, n),
        groups=groups,
        label_order=tuple(f"label-{c}" for c in range(k)),
    )


def hard(labels: list[int], embeddings: np.ndarray, k: int) -> LabeledSet:
    """Give rows of weight 1 with certain labels, every row its own group."""
    n = len(labels)
    return LabeledSet(
        image_ids=np.arange(n),
        embeddings=embeddings.astype(np.float32),
        targets=np.eye(k)[labels],
        weights=np.ones(n),
        groups=np.arange(n),
        label_order=tuple(f"label-{c}" for c in range(k)),
    )
