"""Which image to ask about which one label: "does this picture show a glacier?".

Where the classifier is sure of all labels of an image but one, to ask about all of them costs a
person the time of all for the news of one. And of a label with few images a likely one is worth
more than the whole set of another.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.picking import highest
from ml.acquisition.rare import FEW
from ml.acquisition.turns import in_turn

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
    few = [int(label) for label in order if 1 <= counts[label] < FEW][:most]
    rounds = -(-most // max(len(few), 1))
    turns = [
        [(row, label) for row in highest(probabilities[:, label], rounds).tolist()] for label in few
    ]
    return list(islice(in_turn(turns, lambda _: True), most))


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

    def is_free(question: Question) -> bool:
        return int(groups[question[0]]) not in seen and question not in without

    for question in islice(in_turn(kinds, is_free), batch_size):
        seen.add(int(groups[question[0]]))
        found.append(question)
    return found
