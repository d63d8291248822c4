"""Sets of labels as codes, so that what compares codes compares whole answers.

With several labels an image an answer is right where it names exactly the labels that the image
shows: one bounded number an image, as the tests of the gate need it. A set is written "{a|b}" with
its codes sorted, "{}" where it is empty; no label code looks like that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

EMPTY = "{}"
"""Neither a mountain nor a glacier: a true answer as well."""


def written(codes: Iterable[str]) -> str:
    """Write a set."""
    return "{" + "|".join(sorted(set(codes))) + "}"


def is_set(code: str) -> bool:
    """Tell a set from a label's code."""
    return code.startswith("{")


def members(code: str) -> tuple[str, ...]:
    """Give the codes of a set, sorted; a label's code is a set of one."""
    if not is_set(code):
        return (code,)
    return tuple(code[1:-1].split("|")) if code != EMPTY else ()


def of_rows(shows: npt.NDArray[np.bool_], label_order: Sequence[str]) -> npt.NDArray[np.object_]:
    """Write the set of each of (n, k) rows."""
    named = np.array(label_order, dtype=object)
    return np.array([written(named[row]) for row in shows], dtype=object)


def names(code: str, name_of: dict[str, str], *, nothing: str = "none of the labels") -> str:
    """Say a set in the names of its labels."""
    return " + ".join(name_of.get(each, each) for each in members(code)) or nothing
