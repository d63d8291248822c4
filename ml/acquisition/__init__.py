"""Which image next: pure functions with one contract, and the only registry of their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml.acquisition.guards import EmptyPoolError, NeedsProbabilitiesError, NotProbabilitiesError
from ml.acquisition.herding import max_herding, uncertainty_herding
from ml.acquisition.random_choice import at_random
from ml.acquisition.start import cold_start
from ml.acquisition.uncertainty import entropy, least_confidence, margin, most_uncertain

if TYPE_CHECKING:
    from ml.types import AcquisitionFunction

ACQUISITION_FUNCTIONS: dict[str, AcquisitionFunction] = {
    "random": at_random,
    "herding": max_herding,
    "margin": most_uncertain(margin, "margin"),
    "least_confidence": most_uncertain(least_confidence, "least_confidence"),
    "entropy": most_uncertain(entropy, "entropy"),
    "uherding": uncertainty_herding,
}

NEEDS_NO_PROBABILITIES = frozenset({"random", "herding"})
"""The names that work before there is a classifier."""

__all__ = [
    "ACQUISITION_FUNCTIONS",
    "NEEDS_NO_PROBABILITIES",
    "EmptyPoolError",
    "NeedsProbabilitiesError",
    "NotProbabilitiesError",
    "cold_start",
]
