"""What consensus takes in and gives back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Vote:
    """One annotator's label for one image.

    Attributes:
        annotator: database key.
        label: column in the label order.
        tells: whether it tells how good its author is; not where a whole grid was confirmed at a
            glance.
    """

    annotator: int
    label: int
    tells: bool = True


@dataclass(frozen=True, slots=True)
class Hint:
    """One annotator's word that an image is one of several labels.

    Attributes:
        annotator: database key.
        label: key of the group, or of the label that was split.
        columns: what it may be.
        counts: whether it is an answer to the question as it is asked now; what was said before a
            label was split is believed, but asked again.
    """

    annotator: int
    label: int
    columns: tuple[int, ...]
    counts: bool


class State(StrEnum):
    """Where an image stands; the values are those of the `Consensus` table."""

    OPEN = "OPEN"
    RESOLVED = "RESOLVED"
    DISPUTED = "DISPUTED"
    NONE_OF_THESE = "NONE_OF_THESE"
    UNUSABLE = "UNUSABLE"


@dataclass(frozen=True, slots=True)
class Answers:
    """The live answers to one image, counted.

    A skip is no opinion ("not me, not now") and therefore not here.

    Attributes:
        labels: column in the label order to votes for it; only labels with votes.
        none_of_these: how many said that no label fits.
        cant_tell: how many could not tell; they abstain, but count towards the cap.
    """

    labels: Mapping[int, int] = field(default_factory=dict)
    none_of_these: int = 0
    cant_tell: int = 0

    @classmethod
    def of(cls, votes: list[Vote], *, none_of_these: int = 0, cant_tell: int = 0) -> Answers:
        """Count votes."""
        return cls(Counter(vote.label for vote in votes), none_of_these, cant_tell)

    @property
    def n_opinions(self) -> int:
        """How many named a label or said that none fits."""
        return sum(self.labels.values()) + self.none_of_these

    @property
    def n_votes(self) -> int:
        """How many answered, those who could not tell included."""
        return self.n_opinions + self.cant_tell


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from the answers so far.

    Attributes:
        state: OPEN asks for one more answer.
        label: column in the label order where the state is RESOLVED, else None.
    """

    state: State
    label: int | None = None
