"""How a version's labeled images fared out of group, as its row keeps it, in a page's labels."""

from __future__ import annotations

import numpy as np

from ml.evaluation.practice import Practice

PRACTICE = "practice"
"""Where a version's metrics keep it: right and all split groups, by label code."""


def in_columns(
    kept: dict[str, list[float]], into: dict[str, str], column_of: dict[str, int]
) -> Practice | None:
    """Put the counts of each label in its column, and nothing of labels merged since.

    What the version mixed up among those was counted as wrong, and is right today.

    None where nothing was kept: fine-tuned backbones have learned from these images, several labels
    an image are judged otherwise, and versions of before did not count.
    """
    if not kept:
        return None
    found = np.zeros((2, len(column_of)))
    merged = {into[code] for code in kept if into.get(code, code) != code}
    for code, counts in kept.items():
        heir = into.get(code, code)
        if heir not in merged:
            found[:, column_of[heir]] = counts
    return Practice(found[0], found[1])


def in_order(
    found: Practice | None, codes: tuple[str, ...], wanted: tuple[str, ...]
) -> Practice | None:
    """Give the counts of the wanted labels, none of those that are not among the codes."""
    if found is None:
        return None
    column_of = {code: column for column, code in enumerate(codes)}
    counts = np.zeros((2, len(wanted)))
    for at, code in enumerate(wanted):
        if code in column_of:
            counts[:, at] = found.right[column_of[code]], found.cases[column_of[code]]
    return Practice(counts[0], counts[1])


def row(found: Practice | None, at: int) -> list[float] | None:
    """Give right and all split groups of one label; None where nobody counted."""
    return None if found is None else [float(found.right[at]), float(found.cases[at])]
