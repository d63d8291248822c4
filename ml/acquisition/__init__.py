"""Which image next: pure functions with one contract, and the only registry of their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml.acquisition.badge import badge
from ml.acquisition.bait import bait_binary
from ml.acquisition.cluster_margin import cluster_margin
from ml.acquisition.dropquery import dropquery
from ml.acquisition.guards import (
    EmptyPoolError,
    NeedsOneLabelError,
    NeedsProbabilitiesError,
    NotProbabilitiesError,
)
from ml.acquisition.herding import max_herding, uncertainty_herding
from ml.acquisition.k_center import k_center
from ml.acquisition.random_choice import at_random
from ml.acquisition.rows import PreparedRows
from ml.acquisition.start import cold_start
from ml.acquisition.typiclust import typiclust
from ml.acquisition.uncertainty import (
    entropy,
    least_confidence,
    margin,
    most_uncertain,
    power_margin,
)

if TYPE_CHECKING:
    from ml.types import AcquisitionFunction

ACQUISITION_FUNCTIONS: dict[str, AcquisitionFunction] = {
    "random": at_random,
    "least_confidence": most_uncertain(least_confidence, "least_confidence"),
    "entropy": most_uncertain(entropy, "entropy"),
    "margin": most_uncertain(margin, "margin"),
    "power_margin": power_margin,
    "k_center": k_center,
    "typiclust": typiclust,
    "max_herding": max_herding,
    "uherding": uncertainty_herding,
    "dropquery": dropquery,
    "badge": badge,
    "bait_binary": bait_binary,
    "cluster_margin": cluster_margin,
}

DEFAULT = "uherding"

NEEDS_NO_PROBABILITIES = frozenset({"random", "k_center", "typiclust", "max_herding", "uherding"})
"""The names that work before there is a classifier."""

WEIGHS_EVERY_PICK = frozenset(ACQUISITION_FUNCTIONS) - {
    "random", "least_confidence", "entropy", "margin", "power_margin"
}  # fmt: skip
"""The names whose cost grows with the batch, because each pick depends on the ones before."""

NEEDS_ONE_LABEL = frozenset({"badge", "bait_binary", "dropquery"})
"""The names that compare labels with each other: with several labels an image they refuse, and the
default chooses in their place."""

OLD_NAMES = {"herding": "max_herding"}
"""What projects and exports made before a function was renamed may still call it."""


COLD_START = "max_herding"
"""Whose turn it is while a function that asks the classifier cannot be asked."""


def whose_turn(name: str, *, can_ask: bool) -> str:
    """Name the function that chooses: the one wanted, or the cold start until it can be asked.

    Args:
        name: a name of the registry.
        can_ask: whether there is a classifier that knows enough labels.
    """
    return name if can_ask or name in NEEDS_NO_PROBABILITIES else COLD_START


def current_name(name: str) -> str:
    """Give the name that a function has in the registry now; an unknown one as it is."""
    return OLD_NAMES.get(name, name)


__all__ = [
    "ACQUISITION_FUNCTIONS",
    "COLD_START",
    "DEFAULT",
    "NEEDS_NO_PROBABILITIES",
    "NEEDS_ONE_LABEL",
    "OLD_NAMES",
    "WEIGHS_EVERY_PICK",
    "EmptyPoolError",
    "NeedsOneLabelError",
    "NeedsProbabilitiesError",
    "NotProbabilitiesError",
    "PreparedRows",
    "cold_start",
    "current_name",
    "whose_turn",
]
