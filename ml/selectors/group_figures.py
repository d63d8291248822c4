"""How good the classifier is by groups of labels: milk at all, whichever milk it is.

A label without a group stands for itself. The version says the group of its likeliest label, and an
audit image of which people know only the group is judged here, while it stays open among labels.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.selectors import metrics

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.selectors.metrics import Checks, Measured


def page(found: Measured) -> dict[str, Any] | None:
    """Give the accuracy by groups, overall and of each; None where there are no groups."""
    if not found.groups or found.is_sets:
        return None
    coarse = by_group(found)
    rows = metrics.per_class(coarse)[: len(found.groups)]
    return {"overall": metrics.overall(coarse).to_json(), "per_group": rows}


def by_group(found: Measured) -> Measured:
    """Give the same images judged by groups: `codes` are groups, then labels without one.

    Images and predictions are taken to the group of their label, and so is what people had said
    before an expert looked; the estimates of `ml.selectors.metrics` then hold for groups.
    """
    in_group = {column: at for at, one in enumerate(found.groups) for column in one.columns}
    alone = [column for column in range(len(found.codes)) if column not in in_group]
    n = len(found.groups)
    outcome = in_group | {column: n + place for place, column in enumerate(alone)}
    # The last entry is what -1 picks.
    places = np.array([*(outcome[column] for column in range(len(found.codes))), -1])
    place_of = {group.code: at for at, group in enumerate(found.groups)}
    known = np.array([place_of.get(code, -1) for code in found.group_code], dtype=np.int64)
    return replace(
        found,
        codes=(*(one.code for one in found.groups), *(found.codes[at] for at in alone)),
        names=(*(one.name for one in found.groups), *(found.names[at] for at in alone)),
        truth=np.where(known >= 0, known, places[found.truth]),
        predicted=places[found.predicted],
        top=places[found.top],
        checks=_checks(found.checks, places),
        waiting=places[found.waiting],
        practice=None,  # It is kept by label, and a group is right more often than its labels.
        expected=None,  # What is said of a label's images says little of its group's.
    )


def _checks(checks: Checks, places: npt.NDArray[np.int64]) -> Checks:
    named = tuple(tuple(sorted({int(places[at]) for at in one})) for one in checks.named)
    return replace(checks, people=places[checks.people], named=named)
