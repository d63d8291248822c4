"""Simulated annotators that know the answer, or mostly do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from ml.types import Embeddings, Indices, Labels

ALIKE = 3
"""Among how many labels a look-alike is drawn."""


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
class GivenOracle:
    """Says what it was given to say.

    Attributes:
        answers: (n,) its answer for every row of the table.
    """

    answers: Labels

    def answer(self, rows: Indices) -> Labels:
        """Give the answers for (b,) rows."""
        return self.answers[rows]


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


@dataclass(frozen=True, slots=True)
class LookalikeOracle:
    """Takes some images for another label that looks like theirs.

    Attributes:
        truth: (n,) label of every row of the table.
        answers: (n,) what it says of them.
    """

    truth: Labels
    answers: Labels

    @classmethod
    def of(
        cls, truth: Labels, k: int, rows: Embeddings, *, error: float, rng: np.random.Generator
    ) -> LookalikeOracle:
        """Draw which rows it is wrong about; each is taken for one of the three likest labels.

        The likest are the other labels whose mean row is nearest to the image; the nearest is
        drawn in proportion to 1, the second to 1/2, the third to 1/3.

        Args:
            truth: (n,) columns below k.
            k: how many labels there are; with one label nobody can be wrong.
            rows: (n, d) prepared embeddings.
            error: chance of a wrong answer, 0 to 1.
            rng: draws the mistakes.
        """
        if not 0 <= error <= 1:
            message = f"error must lie between 0 and 1, got {error}"
            raise ValueError(message)
        n_alike = min(ALIKE, len(np.unique(truth)) - 1)
        if n_alike < 1:
            return cls(truth, truth)
        is_wrong = rng.random(len(truth)) < error
        chances = 1.0 / np.arange(1, n_alike + 1)
        place = rng.choice(n_alike, size=len(truth), p=chances / chances.sum())
        likest = _likest(truth, k, rows, n_alike)
        wrong = likest[np.arange(len(truth)), place]
        return cls(truth, np.where(is_wrong, wrong, truth).astype(np.int64))

    def answer(self, rows: Indices) -> Labels:
        """Give what it holds to be the labels of (b,) rows."""
        return self.answers[rows]


def _likest(truth: Labels, k: int, rows: Embeddings, count: int) -> Labels:
    """Give (n, count) labels whose mean is nearest to each row, its own left out."""
    similar = np.full((len(rows), k), -np.inf)
    for label in np.unique(truth):
        mean = rows[truth == label].mean(axis=0, dtype=np.float64)
        similar[:, label] = rows @ mean - (mean @ mean) / 2
    similar[np.arange(len(rows)), truth] = -np.inf
    return np.argsort(-similar, axis=1, kind="stable")[:, :count].astype(np.int64)
