"""What a label of before, or one that several share, means in the columns of a scheme version.

A merged label stands for the one it went into. A split label stands for all it was split into, and
so does a group of labels: an answer that names it narrows the question and does not settle it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Step:
    """What became of a label in one step of the scheme.

    Attributes:
        label: key of the label of before.
        heir: key of a label after it; a split has one step an heir.
        is_split: whether the heirs share it; else everything of it went into the heir.
        at: when.
    """

    label: int
    heir: int
    is_split: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Lineage:
    """What labels that are no column of a scheme version mean in it.

    Attributes:
        merged: label to the column it went into.
        several: label to the columns it may be: one that was split, or a group.
        split_at: of those that were split, when.
    """

    merged: Mapping[int, int] = field(default_factory=dict)
    several: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    split_at: Mapping[int, datetime] = field(default_factory=dict)


def follow(
    label_ids: Sequence[int],
    steps: Sequence[Step],
    groups: Mapping[int, tuple[int, ...]] | None = None,
) -> Lineage:
    """Follow every label of before to the columns of a scheme version.

    Args:
        label_ids: (k,) the labels of the version, one a column.
        steps: of the scheme's history until this version, oldest first.
        groups: label that stands for each group to the columns of its labels.
    """
    column_of = {label: column for column, label in enumerate(label_ids)}
    merged: dict[int, int] = {}
    several: dict[int, tuple[int, ...]] = {}
    split_at: dict[int, datetime] = {}
    # The newest first: what a label went into has been followed before the label itself.
    for label in dict.fromkeys(step.label for step in reversed(steps)):
        if label in column_of:
            continue
        mine = [step for step in steps if step.label == label and step.heir != label]
        columns: set[int] = set()
        for step in mine:
            columns |= _columns_of(step.heir, column_of, merged, several)
            if step.heir in split_at:
                split_at[label] = split_at[step.heir]
        if any(step.is_split for step in mine):
            split_at[label] = mine[-1].at
        if not columns:  # Whatever it went into has been retired.
            split_at.pop(label, None)
        elif label in split_at:
            several[label] = tuple(sorted(columns))
        else:
            merged[label] = min(columns)
    return Lineage(merged, several | dict(groups or {}), split_at)


def _columns_of(
    label: int,
    column_of: Mapping[int, int],
    merged: Mapping[int, int],
    several: Mapping[int, tuple[int, ...]],
) -> set[int]:
    if label in column_of:
        return {column_of[label]}
    if label in merged:
        return {merged[label]}
    return set(several.get(label, ()))
