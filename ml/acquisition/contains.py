"""Which image to ask about which one label: "does this picture show a glacier?".

Where the classifier is sure of all labels of an image but one, to ask about all of them costs a
person the time of all for the news of one. And of a label with few images a likely one is worth
more than the whole set of another.
"""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.rare import FEW

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from ml.types import Groups, Probabilities, Weights

SURE = 0.1
"""A label is settled where its probability is no further than this from 0 or 1."""

Question = tuple[int, int]
"""A row of the pool and a column."""


def one_open(probabilities: Probabilities, *, most: int) -> list[Question]:
    """Give rows of which all labels but one are settled, and that one; the most torn first.

    Args:
        probabilities: (n, k), k >= 1, each of its own.
        most: how many to give at most.
    """
    distance = np.minimum(probabilities, 1 - probabilities)
    column = distance.argmax(axis=1)
    is_open = distance > SURE
    rows = np.flatnonzero(is_open.sum(axis=1) == 1)
    doubt = distance[rows, column[rows]]
    first = rows[np.argsort(-doubt, kind="stable")][:most]
    return list(zip(first.tolist(), column[first].tolist(), strict=True))


def rare_first(probabilities: Probabilities, counts: Weights, *, most: int) -> list[Question]:
    """Give rows likely to show labels that few images show, with the label; labels take turns.

    The rarest label's likeliest row first. A label that no image shows cannot be recognised.

    Args:
        probabilities: (n, k).
        counts: (k,) labeled images that show each label.
        most: how many to give at most.
    """
    order = np.argsort(counts, kind="stable")
    few = [int(label) for label in order if 1 <= counts[label] < FEW]
    turns = [
        [(int(row), label) for row in np.argsort(-probabilities[:, label], kind="stable")[:most]]
        for label in few
    ]
    return _in_turn(turns)[:most]


def choose(
    kinds: Iterable[list[Question]],
    groups: Groups,
    *,
    without: Container[Question],
    batch_size: int,
) -> list[Question]:
    """Take questions of each kind in turn: one a split group, none of those in `without`."""
    found: list[Question] = []
    seen: set[int] = set()
    for row, column in _in_turn(list(kinds)):
        group = int(groups[row])
        if len(found) < batch_size and group not in seen and (row, column) not in without:
            found.append((row, column))
            seen.add(group)
    return found


def _in_turn(turns: list[list[Question]]) -> list[Question]:
    mixed = chain.from_iterable(zip_longest(*turns))
    return [each for each in mixed if each is not None]
