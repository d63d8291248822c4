"""Several labels an image: each label is a yes or no that people agree on by itself.

A page that lists all labels asks about all of them, so a label that an answer leaves out is a no.
A label made since nobody was asked about: it stays unknown, at one half exactly. "Does it show a
glacier?" asks about one label, and says nothing of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from labeling.consensus.types import Decision, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

UNKNOWN = 0.5
"""The probability of a label that nobody was asked about, or nobody can tell."""


@dataclass(frozen=True, slots=True)
class SetVote:
    """One annotator's labels for one image.

    Attributes:
        yes: columns of the labels it names; none where it says that no label fits.
        asked: columns of the labels that the page had listed.
        is_whole: whether all of them were listed, and not one alone.
    """

    yes: frozenset[int]
    asked: frozenset[int]
    is_whole: bool = True


def posterior(votes: Sequence[SetVote], k: int) -> npt.NDArray[np.float64]:
    """Give (k,) probabilities that the image shows each label: (yes + 1/2) / (asked + 1).

    One half exactly where nobody was asked, or as many said yes as no.
    """
    yes, asked = _counted(votes, k)
    share: npt.NDArray[np.float64] = (yes + 0.5) / (asked + 1)
    return share


def known_so_far(votes: Sequence[SetVote], k: int, *, needed: int) -> npt.NDArray[np.float64]:
    """Give the (k,) probabilities of an image whose set is open still.

    As `posterior` where `needed` opinions are there of a label, whoever asked for them; one half
    exactly of every other.
    """
    _, asked = _counted(votes, k)
    return np.where(asked >= needed, posterior(votes, k), 0.5)


def by_one(vote: SetVote, k: int) -> npt.NDArray[np.float64]:
    """Give the (k,) probabilities where one answer decides alone: 1, 0, or one half unasked."""
    yes, asked = _counted([vote], k)
    return np.where(asked > 0, yes, 0.5)


def with_settled(
    posterior: npt.NDArray[np.float64], settled: Mapping[int, float]
) -> npt.NDArray[np.float64]:
    """Give (k,) probabilities with those that an expert has settled: 1, 0, or one half unknown."""
    found = posterior.copy()
    found[list(settled)] = list(settled.values())
    return found


def decide(
    votes: Sequence[SetVote],
    k: int,
    *,
    n_votes: int,
    n_answers: int,
    needed: int,
    cap: int,
    settled: Mapping[int, float] = MappingProxyType({}),
) -> Decision:
    """Decide an image label by label: resolved where each label that was asked has a majority.

    It takes `needed` opinions of the whole set; answers about one label alone add to that label.
    A label that an expert has settled is asked of nobody.

    Args:
        votes: the opinions, those who could not tell left out.
        k: how many labels there are.
        n_votes: answers about the whole set, those who could not tell included.
        n_answers: all answers, also those about one label: nobody is asked about an image twice, so
            once somebody has said something of the whole set they count towards the cap as well.
        needed: opinions an image needs.
        cap: answers after which nobody more is asked.
        settled: columns that an expert has settled: 1 shown, 0 not, one half where nobody can tell.

    Returns:
        RESOLVED with the label most people named, the first of equals; NONE_OF_THESE where no
        label has a majority; DISPUTED or UNUSABLE where the cap is reached without a decision.
    """
    n_whole = sum(vote.is_whole for vote in votes)
    is_full = n_votes > 0 and n_answers >= cap
    if n_whole < needed:
        if not is_full:
            return Decision(State.OPEN)
        return Decision(State.DISPUTED if n_whole and n_votes < cap else State.UNUSABLE)
    yes, asked = _counted(votes, k)
    for column, share in settled.items():
        # More than all others together; of what nobody can tell nothing is known.
        asked[column] = 0 if share == UNKNOWN else n_answers + 1
        yes[column] = share * asked[column]
    if bool(((asked > 0) & (2 * yes == asked)).any()):
        return Decision(State.DISPUTED if is_full else State.OPEN)
    chosen = np.flatnonzero(2 * yes > asked)
    if not len(chosen):
        return Decision(State.NONE_OF_THESE)
    return Decision(State.RESOLVED, int(chosen[np.argmax(yes[chosen])]))


def _counted(
    votes: Sequence[SetVote], k: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    yes, asked = np.zeros(k), np.zeros(k)
    for vote in votes:
        yes[list(vote.yes & vote.asked)] += 1
        asked[list(vote.asked)] += 1
    return yes, asked
