"""What every acquisition function refuses, and the order that makes it blind to row order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ml.errors import MlError

if TYPE_CHECKING:
    from ml.types import AcquisitionFunction, Indices, Pool, Probabilities, Scores


class EmptyPoolError(MlError):
    """There is nothing to choose from."""

    code = "empty_pool"
    status = 409


class NeedsProbabilitiesError(MlError):
    """This acquisition function asks a classifier, and there is none yet."""

    code = "needs_probabilities"
    status = 409


class NeedsOneLabelError(MlError):
    """This acquisition function works for one label an image only."""

    code = "needs_one_label"
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


def guarded(choose: AcquisitionFunction) -> AcquisitionFunction:
    """Wrap a choice so that it refuses bad pools and does not depend on the order of rows.

    Rows are handed over sorted by image id, so that one seed draws one and the same images. A
    pool that is sorted already is handed over as it is: a large one is never copied.
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
        if (np.diff(pool.image_ids) > 0).all():
            return choose(pool, batch_size=batch_size, rng=rng)
        order = np.argsort(pool.image_ids, kind="stable")
        positions, shares = choose(_reordered(pool, order), batch_size=batch_size, rng=rng)
        return order[positions].astype(np.int64), shares

    return chosen


def _reordered(pool: Pool, order: Indices) -> Pool:
    return replace(
        pool,
        image_ids=pool.image_ids[order],
        embeddings=pool.embeddings[order],
        probabilities=None if pool.probabilities is None else pool.probabilities[order],
        groups=pool.groups[order],
        doubt=None if pool.doubt is None else pool.doubt[order],
        stands_for=None if pool.stands_for is None else pool.stands_for[order],
    )
