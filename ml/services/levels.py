"""The two levels at which a classifier of a project with groups of labels answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml.evaluation import levels, rounding
from ml.evaluation.intervals import wilson

if TYPE_CHECKING:
    from ml.services.serving import ServedModel
    from ml.types import Labels, Probabilities


def measure(served: ServedModel, true: Labels, probabilities: Probabilities) -> dict[str, Any]:
    """Say how often labels and groups are right, and what the API would say at which level.

    As the API answers: a label where it reaches the threshold, else a group that does, else
    nothing. Intervals are Wilson's at 95 %.
    """
    place_of = {group.code: place for place, group in enumerate(served.groups)}
    answers = []
    for row in probabilities:
        sure, group = served.accepted(row), served.group_of(row)
        if sure:
            answers.append((levels.LABEL, sure[0]))
        elif group is not None:
            answers.append((levels.GROUP, place_of[group[0].code]))
        else:
            answers.append((levels.NOTHING, 0))
    found = levels.measure(true, probabilities, [one.columns for one in served.groups], answers)
    return {
        "n": found.n,
        "label": rounding.share(wilson(found.right_label, found.n)),
        "group": rounding.share(wilson(found.right_group, found.n)),
        "threshold": rounding.number(served.threshold),
        "group_threshold": served.group_threshold,
        "said_label": rounding.share(wilson(found.said_label, found.n)),
        "said_label_right": rounding.share(wilson(found.said_label_right, found.said_label)),
        "said_group": rounding.share(wilson(found.said_group, found.n)),
        "said_group_right": rounding.share(wilson(found.said_group_right, found.said_group)),
    }
