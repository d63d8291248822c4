"""Sets of labels as codes, so that what compares codes compares whole answers.

With several labels an image an answer is right where it names exactly the labels that the image
shows, among those that people were asked about: one bounded number an image, as the tests of the
gate need it. A set is written "{a|b}" with its codes sorted, "{}" where it is empty; no label code
looks like that. A truth names the labels that nobody was asked about as well: "{a|b|~c}".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

EMPTY = "{}"
"""Neither a mountain nor a glacier: a true answer as well."""
UNASKED = "~"


def written(codes: Iterable[str], unasked: Iterable[str] = ()) -> str:
    """Write a set, and the labels of which it says nothing."""
    left_out = sorted({UNASKED + code for code in unasked})
    return "{" + "|".join([*sorted(set(codes)), *left_out]) + "}"


def is_set(code: str) -> bool:
    """Tell a set from a label's code."""
    return code.startswith("{")


def members(code: str) -> tuple[str, ...]:
    """Give the codes of a set, sorted; a label's code is a set of one."""
    return tuple(each for each in _parts(code) if not each.startswith(UNASKED))


def unasked(code: str) -> frozenset[str]:
    """Give the codes that a set says nothing of."""
    return frozenset(each[1:] for each in _parts(code) if each.startswith(UNASKED))


def same(truth: npt.NDArray[np.object_], said: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Tell which of (n,) answers name what is true, leaving out what nobody was asked about."""
    return np.array([_is_same(*pair) for pair in zip(truth, said, strict=True)], dtype=np.bool_)


def of_rows(
    shows: npt.NDArray[np.bool_],
    label_order: Sequence[str],
    known: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.object_]:
    """Write the set of each of (n, k) rows, with what is not `known` of it."""
    named = np.array(label_order, dtype=object)
    if known is None:
        return np.array([written(named[row]) for row in shows], dtype=object)
    rows = zip(shows & known, known, strict=True)
    return np.array([written(named[row], named[~asked]) for row, asked in rows], dtype=object)


def names(code: str, name_of: dict[str, str], *, nothing: str = "none of the labels") -> str:
    """Say a set in the names of its labels."""
    return " + ".join(name_of.get(each, each) for each in members(code)) or nothing


def _parts(code: str) -> tuple[str, ...]:
    if not is_set(code):
        return (code,)
    return tuple(code[1:-1].split("|")) if code != EMPTY else ()


def _is_same(truth: str, said: str) -> bool:
    left_out = unasked(truth)
    if not left_out:
        return truth == said
    return set(members(truth)) == set(members(said)) - left_out
