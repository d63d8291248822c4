"""What it would cost to know one label's accuracy to a chosen width, and what can be had at all.

An image joins the audit slice by chance when it comes in, and stays (rule 1). So a label's interval
can be narrowed by the audit images that still wait, those the version takes for the label first,
and beyond them only by new pictures.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import projects
from ml.evaluation import intervals, weighted
from ml.selectors import metrics, versions

if TYPE_CHECKING:
    from ml.selectors.metrics import Measured


def cost(project_id: int, *, code: str, half_width: float) -> dict[str, Any]:
    """Say how many images and answers a label takes until its interval is +-`half_width`.

    Args:
        project_id: whose label.
        code: of the label.
        half_width: a share: 0.1 is ten points either way.

    Raises:
        LabelNotFoundError: the project has no such label in its scheme.
    """
    project, label = projects.by_id(project_id), projects.label(project_id, code)
    pointer = versions.pointer(project_id)
    found = metrics.of_version(project_id, pointer.version if pointer else None)
    if code not in found.codes:
        raise projects.LabelNotFoundError(f"The label {code!r} has been retired.")
    at = found.codes.index(code)
    row = metrics.by_labels(found)[at]
    right = row.estimate * row.n if row.n else 0.0
    votes = max(1, min(project.votes_audit, found.n_people))
    hits = _hit_rate(found, at)
    missing = intervals.answers_missing_for(right, row.n, half_width=half_width)
    answers = weighted.top_up_answers(
        right, row.n, half_width=half_width, hit_rate=hits, votes=votes
    )
    waiting = int((found.waiting == at).sum())
    more = round(waiting * hits)
    figures = {
        "label": code,
        "half_width": half_width,
        "now": intervals.half_width_with(right, row.n, 0),
        "missing": missing,
        "answers": answers,
        "waiting": waiting,
        "waiting_answers": waiting * votes,
        "reachable": intervals.half_width_with(right, row.n, more),
        "new_pictures": math.ceil(max(missing - more, 0) / project.audit_partition_share)
        if project.audit_partition_share
        else None,
    }
    return figures | {"sentence": _sentence(figures, label.name, project.audit_partition_share)}


def _hit_rate(found: Measured, at: int) -> float:
    """Give the share of images taken for the label that are of it; a few doubts on either side."""
    taken = found.is_judged & (found.predicted == at)
    return float((np.sum(taken & found.is_right) + 1) / (np.sum(taken) + 2))


def _sentence(figures: dict[str, Any], name: str, share: float) -> str:
    wanted, now = _points(figures["half_width"]), _points(figures["now"])
    if figures["missing"] == 0:
        return f"{name} is known to {now} points already."
    said = (
        f"{name} is known to {now} points. {wanted} points take about {figures['missing']:,} more "
        f"audit images of it, about {figures['answers']:,} answers."
    )
    if figures["new_pictures"] == 0:
        return f"{said} They wait in the audit slice and are asked about in random order."
    if figures["waiting"] == 0:
        held = "The audit slice holds none that looks like it."
    else:
        held = (
            f"The audit slice holds about {figures['waiting']:,} that may be of it: "
            f"{figures['waiting_answers']:,} answers, and {_points(figures['reachable'])} points."
        )
    if figures["new_pictures"] is None:
        return f"{said} {held} No picture joins the slice: its share is 0."
    return (
        f"{said} {held} The rest takes about {figures['new_pictures']:,} new pictures of it, of "
        f"which {round(100 * share)} in 100 join the slice."
    )


def _points(half: float) -> str:
    return f"±{round(100 * half)}"
