"""Simulated crowds: who answers what about which image, drawn once and the same for all methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from ml.types import Labels, Probabilities

    Matrix = npt.NDArray[np.float64]

SIZE = 12


@dataclass(frozen=True, slots=True)
class Person:
    """How one annotator answers.

    Attributes:
        says: (k, k) chance of each answer by truth; rows sum to 1.
        copies: position of the annotator whose every answer this one repeats, or None.
    """

    says: Matrix
    copies: int | None = None


def look_alikes(out_of_group: Probabilities, truth: Labels) -> Matrix:
    """Give (k, k) how a classifier's wrong belief about each label spreads; diagonal 0.

    The mean of its probabilities over the images of a label, without the label itself.

    Args:
        out_of_group: (n, k) of heads that have not seen a row's split group.
        truth: (n,) labels.
    """
    k = out_of_group.shape[1]
    mass = np.zeros((k, k))
    np.add.at(mass, truth, out_of_group)
    mass += 1e-6
    np.fill_diagonal(mass, 0.0)
    return np.asarray(mass / mass.sum(axis=1, keepdims=True))


def answers(people: list[Person], truth: Labels, rng: np.random.Generator) -> Labels:
    """Draw (n, a) what everybody would say of every image."""
    said = np.empty((len(truth), len(people)), dtype=np.int64)
    for position, person in enumerate(people):
        if person.copies is not None:
            said[:, position] = said[:, person.copies]
            continue
        edges = np.cumsum(person.says, axis=1)[truth]
        drawn = rng.random((len(truth), 1)) * edges[:, -1:]
        said[:, position] = (drawn >= edges).sum(axis=1)
    return said


def honest(alike: Matrix, rng: np.random.Generator) -> Person:
    """Right about nine times of ten; half of the errors are look-alikes."""
    return Person(_erring(rng.uniform(0.86, 0.98, len(alike)), 0.5, alike))


def hasty(alike: Matrix, rng: np.random.Generator) -> Person:
    """Right six to eight times of ten; most errors are slips to any label."""
    return Person(_erring(np.full(len(alike), rng.uniform(0.6, 0.8)), 0.3, alike))


def confusing(alike: Matrix, rng: np.random.Generator) -> Person:
    """Sure of half of the labels; of the half with the closest look-alikes right half the time.

    Every error about those is the look-alike, and everybody makes the same.
    """
    is_close = alike.max(axis=1) > np.median(alike.max(axis=1))
    right = np.where(is_close, rng.uniform(0.5, 0.7), rng.uniform(0.93, 0.99))
    sharp = alike**2
    return Person(_erring(right, 1.0, sharp / sharp.sum(axis=1, keepdims=True)))


def random_spammer(alike: Matrix, rng: np.random.Generator) -> Person:
    """Says anything."""
    k = len(alike)
    return Person(np.full((k, k), 1 / k))


def constant_spammer(alike: Matrix, rng: np.random.Generator) -> Person:
    """Says the same to everything."""
    k = len(alike)
    return Person(np.tile(np.eye(k)[rng.integers(k)], (k, 1)))


def careless(alike: Matrix, rng: np.random.Generator) -> Person:
    """Right half of the time; the one who is copied."""
    return Person(_erring(np.full(len(alike), rng.uniform(0.4, 0.6)), 0.5, alike))


CROWDS: Mapping[str, Sequence[Callable[[Matrix, np.random.Generator], Person]]] = {
    "honest": [honest] * SIZE,
    "hasty": [hasty] * SIZE,
    "look_alike": [confusing] * SIZE,
    "spammer": [honest] * 8 + [random_spammer] * 2 + [constant_spammer] * 2,
    "colluding": [honest] * 10 + [careless],
    "mixed": [honest] * 4 + [hasty] * 3 + [confusing] * 2 + [random_spammer] + [careless],
}
"""By name; a crowd with a careless person has one more, who copies that one."""


def people(name: str, alike: Matrix, rng: np.random.Generator) -> list[Person]:
    """Draw the annotators of a crowd."""
    drawn = [kind(alike, rng) for kind in CROWDS[name]]
    for position, kind in enumerate(CROWDS[name]):
        if kind is careless:
            drawn.append(Person(drawn[position].says, copies=position))
    return drawn


def _erring(right: Matrix, share_alike: float, alike: Matrix) -> Matrix:
    k = len(alike)
    even = (1 - np.eye(k)) / (k - 1)
    wrong = share_alike * alike + (1 - share_alike) * even
    says = (1 - right)[:, None] * wrong
    says[np.arange(k), np.arange(k)] = right
    return np.asarray(says)
