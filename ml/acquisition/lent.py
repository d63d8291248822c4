"""What a lending group does with an answer: who is lent it, who is asked about, who objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation.splits import groups_by_label

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Groups, Indices, Probabilities, Weights

    Mask = npt.NDArray[np.bool_]

LENT_WEIGHT = 0.5
CONTRADICTION = 20.0
"""A classifier that holds another label for so many times likelier than the lent one objects."""

KNOWN_FROM = 2
"""Split groups beside its own that must bear a label before a classifier may object to it."""


@dataclass(frozen=True, slots=True)
class Loans:
    """What is lent.

    Attributes:
        rows: (m,) unanswered rows that something is lent to, ascending.
        posteriors: (m, k) what is lent to each.
        is_mixed: (n,) rows of groups whose answers disagree: these lend nothing.
    """

    rows: Indices
    posteriors: Probabilities
    is_mixed: Mask


def lend(groups: Groups, answered: Indices, posteriors: Probabilities, is_returned: Mask) -> Loans:
    """Lend each group's answers to its unanswered members.

    Several answers that decide for one label lend their mean. Where they decide for different
    labels the group is no group, and lends nothing.

    Args:
        groups: (n,) lending groups.
        answered: (a,) rows with an answer of their own; it replaces what was lent.
        posteriors: (a, k) of these answers.
        is_returned: (n,) rows that nothing is lent to any more (`objections`).
    """
    n_groups = int(groups.max(initial=-1)) + 1
    sums = np.zeros((n_groups, posteriors.shape[1]))
    np.add.at(sums, groups[answered], posteriors)
    counts = np.bincount(groups[answered], minlength=n_groups)
    chosen = posteriors.argmax(axis=1)
    low, high = np.full(n_groups, posteriors.shape[1]), np.full(n_groups, -1)
    np.minimum.at(low, groups[answered], chosen)
    np.maximum.at(high, groups[answered], chosen)
    is_mixed = low < high
    is_open = np.ones(len(groups), dtype=bool)
    is_open[answered] = False
    lends = (counts > 0) & ~is_mixed
    rows = np.flatnonzero(is_open & ~is_returned & lends[groups])
    of = groups[rows]
    return Loans(rows, sums[of] / counts[of, None], is_mixed[groups])


def worth_asking(
    groups: Groups,
    central: Indices,
    is_busy: Mask,
    is_returned: Mask,
    is_mixed: Mask,
) -> Mask:
    """Mark the (n,) rows that may be asked about: one of each group nobody is busy with.

    Rows that were returned, and those of mixed groups, may be asked about by themselves.

    Args:
        groups: (n,) lending groups, numbered from 0.
        central: (g,) the row that stands for each group.
        is_busy: (n,) rows that are answered, or being asked about.
        is_returned: (n,) rows that contradict what was lent to them.
        is_mixed: (n,) rows of groups whose answers disagree.
    """
    is_alone = is_returned | is_mixed
    is_taken = np.zeros(len(central), dtype=bool)
    is_taken[groups[is_busy]] = True
    may = is_alone.copy()
    may[central] |= ~is_taken
    # The central one may be out of reach alone (returned, or gone); its group is asked through it.
    return may & ~is_busy


def stands_for(groups: Groups, rows: Indices) -> Weights:
    """Give (m,) how many images each of these rows stands for: its group's size."""
    sizes: Weights = np.bincount(groups)[groups[rows]].astype(np.float64)
    return sizes


def objections(
    said: Probabilities, lent: Probabilities, answered: Probabilities, split_groups: Groups
) -> Mask:
    """Mark the (m,) rows whose classifier strongly contradicts what is lent to them.

    Strongly: another label is at least 20 times as likely as the lent one. A classifier fitted
    without the only group that bears a label knows nothing of it, and is sure of another: it has a
    say only where two other split groups' answers or more bear the lent label. (Without that rule
    all 116 objections within 300 answers on the photographs were wrong.)

    Args:
        said: (m, k) of a classifier fitted without the row's split group (leave-group-out): else
            it would repeat what was lent.
        lent: (m, k).
        answered: (a, k) posteriors of the images with an answer of their own.
        split_groups: (a,) split groups of these.
    """
    label = lent.argmax(axis=1)
    n_groups = groups_by_label(answered.argmax(axis=1), split_groups, lent.shape[1])
    own = said[np.arange(len(label)), label]
    is_sure = said.max(axis=1, initial=0.0) >= CONTRADICTION * np.maximum(own, 1e-12)
    found: Mask = is_sure & (n_groups[label] > KNOWN_FROM)
    return found
