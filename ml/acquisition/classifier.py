"""What the classifier says of the rows of a pool: asked of a few rows, or of all in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.guards import NeedsOneLabelError, NeedsProbabilitiesError
from ml.evaluation import yes_or_no

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
    """Give the (b, k) calibrated probabilities of (b, d) prepared rows, one each for several."""
    scores = linear_scores(head, rows)
    if head.several is not None:
        return yes_or_no.probabilities(head.several, scores)
    sharpened = head.temperature * scores
    sharpened -= sharpened.max(axis=1, keepdims=True)
    np.exp(sharpened, out=sharpened)
    sharpened /= sharpened.sum(axis=1, keepdims=True)
    return sharpened


def every_label(pool: Pool, positions: Indices, name: str) -> Probabilities:
    """Give the (b, k) probabilities of every label of (b,) rows, one each for several.

    Rows are prepared a block at a time: 50,000 at once were half a gigabyte.

    Raises:
        NeedsProbabilitiesError: there is no classifier yet.
    """
    is_one = pool.head is None or pool.head.several is None
    if pool.probabilities is not None and is_one:
        return pool.probabilities[positions]
    head = needed_head(pool, name)
    said = np.empty((len(positions), len(head.label_order)))
    for start in range(0, len(positions), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        said[block] = head_probabilities(head, pool.embeddings[positions[block]])
    return said


def most_doubtful(probabilities: Probabilities) -> Probabilities:
    """Give (n, 2) yes and no of the label nearest to one half, of (n, k) independent ones.

    Acquisition functions ask how torn a classifier is between labels. With several labels an image
    it is torn about each label between yes and no, and an image is as doubtful as its most doubtful
    label: margin, entropy and least confidence all rank by that label then.

    Source: the binary version minimum of Brinker 2006, "On Active Learning in Multi-label
    Classification" (the label with the smallest distance to its boundary).
    """
    if probabilities.shape[1] == 0:
        return np.tile([1.0, 0.0], (len(probabilities), 1))
    nearest = np.abs(probabilities - 0.5).argmin(axis=1)
    yes = probabilities[np.arange(len(probabilities)), nearest]
    return np.column_stack([yes, 1.0 - yes])


def any_fits(probabilities: Probabilities) -> Probabilities:
    """Give (n, 2) that are the more undecided, the less any of (n, k) independent labels fits."""
    best = np.maximum(probabilities.max(axis=1, initial=0.0), 0.5)
    return np.column_stack([best, 1.0 - best])


def refuse_several(pool: Pool, name: str) -> None:
    """Refuse a pool whose images may bear several labels.

    Raises:
        NeedsOneLabelError: its labels are independent questions.
    """
    if pool.head is not None and pool.head.several is not None:
        raise NeedsOneLabelError(
            f"{name!r} compares labels with each other, and in a project with several labels an "
            "image they are questions of their own; use 'uherding'."
        )


def probabilities_at(pool: Pool, positions: Indices, name: str) -> Probabilities:
    """Give the (b, k) probabilities of (b,) rows of the pool, each row summing to 1.

    With several labels an image, (b, 2) of the most doubtful label (`most_doubtful`).

    Raises:
        NeedsProbabilitiesError: there is no classifier yet.
    """
    if pool.probabilities is not None:
        return pool.probabilities[positions]
    said = every_label(pool, positions, name)
    return said if needed_head(pool, name).several is None else most_doubtful(said)


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
