"""Ask about the images of which the classifier is least sure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.guards import guarded, needed_probabilities, one_a_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from ml.types import AcquisitionFunction, Indices, Pool, Probabilities, Scores


def margin(probabilities: Probabilities) -> Scores:
    """Score each image by how close its two most likely labels are.

    Args:
        probabilities: (n, k), rows sum to 1, calibrated.

    Returns:
        (n,) in [0, 1]; 1 is a tie between two labels. 0 where there is one label only.

    Source: Scheffer, Decomain & Wrobel 2001, "Active Hidden Markov Models for Information
    Extraction".
    """
    if probabilities.shape[1] == 1:
        return np.zeros(len(probabilities))
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    closeness: Scores = 1.0 - (two[:, 1] - two[:, 0])
    return closeness


def least_confidence(probabilities: Probabilities) -> Scores:
    """Score each image by 1 - the probability of its most likely label: (n,) in [0, 1)."""
    doubt: Scores = 1.0 - probabilities.max(axis=1)
    return doubt


def entropy(probabilities: Probabilities) -> Scores:
    """Score each image by its entropy over log k: (n,) in [0, 1]; 1 is uniform.

    With many labels it prefers images that are vague about labels nobody confuses: on 81
    labels it was clearly worse than the margin (`methods.md` §1.4).
    """
    k = probabilities.shape[1]
    if k == 1:
        return np.zeros(len(probabilities))
    logs = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    spread: Scores = -(probabilities * logs).sum(axis=1) / math.log(k)
    return spread


def most_uncertain(score: Callable[[Probabilities], Scores], name: str) -> AcquisitionFunction:
    """Make an acquisition function that takes the highest scores.

    Ties are broken by the rng. Near-duplicates score alike, so a batch holds at most one row of
    each split group, unless there are fewer groups than the batch asks for. Nothing else is
    drawn: the selection probability is 1.
    """

    def choose(pool: Pool, *, batch_size: int, rng: np.random.Generator) -> tuple[Indices, Scores]:
        scores = score(needed_probabilities(pool, name))
        shuffled = rng.permutation(len(scores))
        order = shuffled[np.argsort(-scores[shuffled], kind="stable")]
        positions = one_a_group(order, pool, batch_size)
        return positions, np.ones(len(positions))

    return guarded(choose)
