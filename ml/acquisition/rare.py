"""Images likely of labels with few answers, and images that may be of no label at all.

What a classifier is unsure of is seldom what it has never seen: uncertainty cannot find labels
that are rare or missing, so a small share of the window goes to them.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.picking import highest, one_a_group
from ml.acquisition.turns import in_turn
from ml.evaluation.novelty import novelty

if TYPE_CHECKING:
    from ml.types import Embeddings, Groups, Indices, Probabilities, Weights

FEW = 5
"""A label with fewer images is rare; one with none cannot be recognised at all."""
_LIKELIEST = 3


def tail_first(
    probabilities: Probabilities,
    groups: Groups,
    counts: Weights,
    *,
    batch_size: int,
    rng: np.random.Generator,
) -> Indices:
    """Give at most `batch_size` rows likely of rare labels, the rarest label's likeliest first.

    Labels take turns; a row counts where the label is among its three likeliest. At most one row
    of a split group. The idea is Tail-First Sampling's: what lacks labels is asked for first.

    Args:
        probabilities: (n, k).
        groups: (n,) split groups.
        counts: (k,) labeled images of each label.
        batch_size: how many to give at most.
        rng: breaks ties between labels.
    """
    k = len(counts)
    shuffled = rng.permutation(k)
    order = shuffled[np.argsort(counts[shuffled], kind="stable")]
    # Posteriors are soft: half an image is the least that shows a label.
    rare = [int(label) for label in order if 0.5 <= counts[label] < FEW][:batch_size]
    turns = [_likely(probabilities, label, batch_size) for label in rare]
    return _one_a_group(turns, groups, batch_size)


def most_novel(
    probabilities: Probabilities,
    prepared: Embeddings,
    labeled: Embeddings,
    groups: Groups,
    *,
    batch_size: int,
) -> Indices:
    """Give the rows that may be of no label, the strangest first, one a group while that suffices.

    Args:
        probabilities: (n, k).
        prepared: (n, d) centred unit rows of the original backbone.
        labeled: (m, d) labeled ones, the same way.
        groups: (n,) split groups.
        batch_size: how many to give at most.
    """
    order = np.argsort(-novelty(probabilities, prepared, labeled), kind="stable")
    return one_a_group(order.astype(np.int64), groups, batch_size)


def _likely(probabilities: Probabilities, label: int, batch_size: int) -> Indices:
    """Give rows where a label is among the likeliest three, the likeliest first."""
    column = probabilities[:, label]
    top = highest(column, 20 * batch_size)
    n_better = (probabilities[top] > column[top, None]).sum(axis=1)
    found: Indices = top[n_better < _LIKELIEST]
    return found


def _one_a_group(turns: list[Indices], groups: Groups, batch_size: int) -> Indices:
    seen: set[int] = set()
    found: list[int] = []
    lists = [turn.tolist() for turn in turns]
    for row in islice(in_turn(lists, lambda one: int(groups[one]) not in seen), batch_size):
        seen.add(int(groups[row]))
        found.append(row)
    return np.array(found, dtype=np.int64)
