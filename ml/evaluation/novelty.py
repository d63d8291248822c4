"""Which images may be of no known label: how torn the classifier is, and how far off they lie.

Neither score wins everywhere (OpenOOD v1.5, Zhang et al. 2023), so their ranks are averaged. Good
enough to fill a queue of "does any label fit?", not to refuse an image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Embeddings, Probabilities, Scores

_TOP = 10
_GAMMA = 0.1
_BLOCK_CELLS = 1 << 24


def gen(probabilities: Probabilities) -> Scores:
    """Give the generalised entropy of (n, k) rows: Σ (p (1 - p))^gamma over the ten likeliest.

    Higher is stranger. Source: Liu et al. 2023, "GEN: Pushing the Limits of Softmax-Based
    Out-of-Distribution Detection"; gamma = 0.1.
    """
    top = -np.partition(-probabilities, min(_TOP, probabilities.shape[1]) - 1, axis=1)[:, :_TOP]
    top = np.clip(top, 0.0, 1.0)
    found: Scores = ((top * (1 - top)) ** _GAMMA).sum(axis=1)
    return found


def knn_distance(prepared: Embeddings, labeled: Embeddings, *, neighbours: int = 3) -> Scores:
    """Give (n,) cosine distances to the k-th nearest labeled row; 2 where nothing is labeled.

    O(n m d) in blocks of bounded memory. Both (n, d), (m, d) are of unit length and of the original
    backbone: a fine-tuned one forgets what is strange to it. Source: Sun et al. 2022,
    "Out-of-Distribution Detection with Deep Nearest Neighbors".
    """
    if len(labeled) == 0:
        return np.full(len(prepared), 2.0)
    k = min(neighbours, len(labeled))
    found = np.empty(len(prepared))
    step = max(1, _BLOCK_CELLS // len(labeled))
    for start in range(0, len(prepared), step):
        rows = slice(start, start + step)
        similar = prepared[rows] @ labeled.T
        found[rows] = 1.0 - np.partition(similar, len(labeled) - k, axis=1)[:, len(labeled) - k]
    return found


def novelty(probabilities: Probabilities, prepared: Embeddings, labeled: Embeddings) -> Scores:
    """Give (n,) novelty scores in (0, 1]: the mean of the ranks by `gen` and by `knn_distance`."""
    ranks = [_ranks(gen(probabilities)), _ranks(knn_distance(prepared, labeled))]
    found: Scores = np.mean(ranks, axis=0)
    return found


def _ranks(scores: Scores) -> npt.NDArray[np.float64]:
    """Give ranks in (0, 1], ties alike."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_rank = last - (counts - 1) / 2
    found: npt.NDArray[np.float64] = mean_rank[place.ravel()] / max(len(scores), 1)
    return found
