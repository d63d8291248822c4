"""What every acquisition function refuses, and the order that makes it blind to row order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.errors import MlError
from ml.types import Pool

if TYPE_CHECKING:
    from ml.types import AcquisitionFunction, Indices, Probabilities, Scores


class EmptyPoolError(MlError):
    """There is nothing to choose from."""

    code = "empty_pool"
    status = 409


class NeedsProbabilitiesError(MlError):
    """This acquisition function asks a classifier, and there is none yet."""

    code = "needs_probabilities"
    status = 409


class NotProbabilitiesError(MlError):
    """Rows do not sum to 1; logits would rank images wrongly without failing."""

    code = "not_probabilities"
    status = 500


def check_probabilities(probabilities: Probabilities) -> None:
    """Refuse (n, k) values that are no probabilities.

    Raises:
        NotProbabilitiesError: a row is negative, not finite, or does not sum to 1.
    """
    sums = probabilities.sum(axis=1)
    is_bad = ~(np.abs(sums - 1.0) < 1e-4) | (probabilities < 0).any(axis=1)
    if is_bad.any():
        row = int(np.flatnonzero(is_bad)[0])
        message = f"Row {row} sums to {sums[row]:.4g}, not 1; give calibrated probabilities."
        raise NotProbabilitiesError(message)


def needed_probabilities(pool: Pool, name: str) -> Probabilities:
    """Give the pool's probabilities.

    Raises:
        NeedsProbabilitiesError: there are none.
    """
    if pool.probabilities is None:
        message = f"{name!r} needs a classifier's probabilities; use 'herding' until there is one."
        raise NeedsProbabilitiesError(message)
    return pool.probabilities


def guarded(choose: AcquisitionFunction) -> AcquisitionFunction:
    """Wrap a choice so that it refuses bad pools and does not depend on the order of rows.

    Rows are handed over sorted by image id, so that one seed draws one and the same images.
    """

    def chosen(pool: Pool, *, batch_size: int, rng: np.random.Generator) -> tuple[Indices, Scores]:
        if len(pool.image_ids) == 0:
            message = "The pool is empty: every image is labeled, reserved or excluded."
            raise EmptyPoolError(message)
        if batch_size < 1:
            message = f"batch_size must be at least 1, got {batch_size}"
            raise ValueError(message)
        if pool.probabilities is not None:
            check_probabilities(pool.probabilities)
        order = np.argsort(pool.image_ids, kind="stable")
        positions, shares = choose(_reordered(pool, order), batch_size=batch_size, rng=rng)
        return order[positions].astype(np.int64), shares

    return chosen


def one_a_group(order: Indices, pool: Pool, batch_size: int) -> Indices:
    """Take the first rows of an order, at most one of each split group while that suffices."""
    _, first = np.unique(pool.groups[order], return_index=True)
    is_first = np.zeros(len(order), dtype=bool)
    is_first[first] = True
    return np.concatenate([order[is_first], order[~is_first]])[:batch_size]


def _reordered(pool: Pool, order: Indices) -> Pool:
    probabilities = None if pool.probabilities is None else pool.probabilities[order]
    return Pool(
        pool.image_ids[order],
        pool.embeddings[order],
        probabilities,
        pool.groups[order],
        pool.labeled,
    )
