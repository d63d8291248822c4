"""Ask about the images of which the classifier is least sure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.classifier import scores_of_all
from ml.acquisition.guards import guarded
from ml.acquisition.picking import best_first

if TYPE_CHECKING:
    from collections.abc import Callable

    from ml.types import AcquisitionFunction, Indices, Pool, Probabilities, Scores

POWER = 4.0
"""How sharply `power_margin` follows the score; infinity would be the margin itself."""


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


def doubt_of(pool: Pool, name: str) -> Scores:
    """Give the (n,) margin scores of a pool: those kept from the last pass, or new ones.

    Raises:
        NeedsProbabilitiesError: there is no classifier yet.
    """
    return pool.doubt if pool.doubt is not None else scores_of_all(pool, margin, name)


def most_uncertain(score: Callable[[Probabilities], Scores], name: str) -> AcquisitionFunction:
    """Make an acquisition function that takes the highest scores.

    Ties are broken by the rng. Near-duplicates score alike, so a batch holds at most one row of
    each split group, unless there are fewer groups than the batch asks for. Nothing else is
    drawn: the selection probability is 1.
    """

    def choose(pool: Pool, *, batch_size: int, rng: np.random.Generator) -> tuple[Indices, Scores]:
        scores = doubt_of(pool, name) if score is margin else scores_of_all(pool, score, name)
        positions = best_first(scores, pool.groups, batch_size, rng)
        return positions, np.ones(len(positions))

    return guarded(choose)


@guarded
def power_margin(
    pool: Pool, *, batch_size: int, rng: np.random.Generator
) -> tuple[Indices, Scores]:
    """Draw rows without replacement in proportion to a power of their margin score.

    Takes the largest values of 4 log u + Gumbel noise, which is such a draw; the noise spreads a
    batch that the score alone would put into one corner. The selection probability stated is that
    of a row in the batch, approximately: min(1, b u^4 / sum u^4). Cost O(n).

    Source: Kirsch et al. 2021, "Stochastic Batch Acquisition" (arXiv 2106.12059).
    """
    doubt = np.clip(doubt_of(pool, "power_margin"), 1e-12, 1.0)
    perturbed = POWER * np.log(doubt) + rng.gumbel(size=len(doubt))
    positions = best_first(perturbed, pool.groups, batch_size, rng)
    powers = doubt**POWER
    shares = batch_size * powers[positions] / powers.sum()
    return positions, np.clip(shares, 1e-12, 1.0)
