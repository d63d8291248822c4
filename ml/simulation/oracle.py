"""Simulated annotators that know the answer, or mostly do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from ml.types import Indices, Labels


class Oracle(Protocol):
    """Answers for rows of a table."""

    def answer(self, rows: Indices) -> Labels:
        """Give one label for each of (b,) rows; asking again gives the same answer."""


@dataclass(frozen=True, slots=True)
class PerfectOracle:
    """Always right.

    Attributes:
        truth: (n,) label of every row of the table.
    """

    truth: Labels

    def answer(self, rows: Indices) -> Labels:
        """Give the true labels of (b,) rows."""
        return self.truth[rows]


@dataclass(frozen=True, slots=True)
class NoisyOracle:
    """Wrong about a fixed random share of rows, uniformly over the other labels.

    Attributes:
        truth: (n,) label of every row of the table.
        answers: (n,) what it says of them.
    """

    truth: Labels
    answers: Labels

    @classmethod
    def of(cls, truth: Labels, k: int, *, error: float, rng: np.random.Generator) -> NoisyOracle:
        """Draw which rows it is wrong about, and how.

        Args:
            truth: (n,) columns below k.
            k: how many labels there are; with one label nobody can be wrong.
            error: chance of a wrong answer, 0 to 1.
            rng: draws the mistakes.
        """
        if not 0 <= error <= 1:
            message = f"error must lie between 0 and 1, got {error}"
            raise ValueError(message)
        is_wrong = (rng.random(len(truth)) < error) & (k > 1)
        shift = rng.integers(1, max(k, 2), len(truth))
        return cls(truth, np.where(is_wrong, (truth + shift) % k, truth).astype(np.int64))

    def answer(self, rows: Indices) -> Labels:
        """Give what it holds to be the labels of (b,) rows."""
        return self.answers[rows]
