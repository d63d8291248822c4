"""What it would cost to know one label's accuracy to a chosen width, and what can be had at all.

An image joins the audit slice by chance when it comes in, and stays (rule 1). So a label's interval
can be narrowed by the audit images that still wait, and beyond them only by new pictures: of those
that look like the label a larger share joins where staff have asked for it (ADR 14).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import projects
from ml.errors import MlError
from ml.evaluation import intervals, weighted
from ml.models import AuditTopUp
from ml.selectors import metrics, versions

if TYPE_CHECKING:
    from labeling.selectors.projects import ProjectRow
    from ml.evaluation import by_label
    from ml.selectors.metrics import Measured


class SeveralLabelsError(MlError):
    """A figure that is made for one label an image was asked for."""

    code = "several_labels"
    status = 409


LIKELY_SHARE = 0.5
"""Of new pictures that look like a wanted label: the other half still teaches the classifier."""

FEWEST_TO_SAY = 10
WIDEST_TO_SAY = 0.35
"""Below so many pictures, or wider, "known to" would be said of what nobody knows."""


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
    found = _measured(project_id)
    if found.is_sets:
        raise SeveralLabelsError(
            "Pictures of this project may bear several labels; what a closer look at one label "
            "takes is worked out for one label a picture only."
        )
    if code not in found.codes:
        raise projects.LabelNotFoundError(f"The label {code!r} has been retired.")
    at = found.codes.index(code)
    open_row = AuditTopUp.objects.filter(project_id=project_id, label_code=code, ended_at=None)
    share = open_row.values_list("share", flat=True).first() or joins_at(project)
    rows = metrics.by_labels(found)
    figures = _figures(project, found, rows[at], at, half_width=half_width, share=share)
    figures |= {"label": code, "is_asked_for": open_row.exists()}
    return figures | {"sentence": _sentence(figures, label.name)}


def under_way(project_id: int) -> list[dict[str, Any]]:
    """List what staff have asked for and what is known by now, the oldest first."""
    rows = list(AuditTopUp.objects.filter(project_id=project_id, ended_at=None).order_by("pk"))
    if not rows:
        return []
    found, names = _measured(project_id), projects.label_names(project_id)
    shares = dict(zip(found.codes, metrics.by_labels(found), strict=True))
    listed = []
    for row in rows:
        known = shares.get(row.label_code)
        listed.append(
            {
                "id": row.public_id,
                "label": row.label_code,
                "label_name": names.get(row.label_code, row.label_code),
                "half_width": row.half_width,
                "now": _reach(known) if known else 0.5,
                "n": known.n if known else 0,
                "share": row.share,
                "seen": row.n_seen,
                "created_at": row.created_at,
            }
        )
    return listed


def joins_at(project: ProjectRow) -> float:
    """Give the chance of a new picture that looks like a wanted label to join the slice."""
    return max(LIKELY_SHARE, project.audit_partition_share)


def _reach(known: by_label.Share) -> float:
    """Give how far the interval of a label reaches to either side; half of all where unknown."""
    return (known.high - known.low) / 2 if known.n else 0.5


def _measured(project_id: int) -> Measured:
    pointer = versions.pointer(project_id)
    return metrics.of_version(project_id, pointer.version if pointer else None)


def _figures(
    project: ProjectRow,
    found: Measured,
    row: by_label.Share,
    at: int,
    *,
    half_width: float,
    share: float,
) -> dict[str, Any]:
    right = row.estimate * row.n if row.n else 0.0
    votes = max(1, min(project.votes_audit, found.n_people))
    hits = _hit_rate(found, at)
    missing = intervals.answers_missing_for(right, row.n, half_width=half_width)
    waiting = int((found.waiting == at).sum())
    more = round(waiting * hits)
    return {
        "half_width": half_width,
        "now": _reach(row),
        "n": row.n,
        "open": row.open,
        "votes": votes,
        "missing": missing,
        "answers": weighted.top_up_answers(
            right, row.n, half_width=half_width, hit_rate=hits, votes=votes
        ),
        "waiting": waiting,
        "waiting_answers": waiting * votes,
        "reachable": intervals.half_width_with(right, row.n, more),
        "share": share,
        "new_pictures": math.ceil(max(missing - more, 0) / share),
    }


def _hit_rate(found: Measured, at: int) -> float:
    """Give the share of images taken for the label that are of it; a few doubts on either side."""
    taken = found.is_judged & (found.predicted == at)
    return float((np.sum(taken & found.is_right) + 1) / (np.sum(taken) + 2))


def _sentence(figures: dict[str, Any], name: str) -> str:
    wanted = _points(figures["half_width"])
    if figures["missing"] == 0 and figures["now"] <= figures["half_width"]:
        return f"{name} is known to {_points(figures['now'])} points already."
    if figures["missing"] == 0:
        return (
            f"{name} has audit pictures enough for {wanted} points; {figures['open']} that may be "
            "of it are not settled yet, and count both as right and as wrong until they are."
        )
    each = figures["votes"]
    a_picture = "one answer a picture" if each == 1 else f"{each} answers a picture"
    said = (
        f"{known(figures['n'], figures['now'], name)} {wanted} points take about "
        f"{figures['missing']:,} more audit pictures of it: about {figures['answers']:,} answers, "
        f"at {a_picture} and with those that turn out to be of another label."
    )
    if figures["new_pictures"] == 0:
        return f"{said} These pictures wait already and are asked about in random order."
    if figures["waiting"] == 0:
        held = "None waits that looks like it."
    else:
        held = (
            f"About {figures['waiting']:,} that may be of it wait already: "
            f"{figures['waiting_answers']:,} answers, and {_points(figures['reachable'])} points."
        )
    return (
        f"{said} {held} The rest takes about {figures['new_pictures']:,} new pictures of it; asked "
        f"for, {round(100 * figures['share'])} in 100 of them are used to measure."
    )


def known(n: int, half: float, name: str) -> str:
    """Say how well a label is known: nothing where the interval could be almost anything."""
    if n < FEWEST_TO_SAY or half > WIDEST_TO_SAY:
        few = "no audit picture" if n == 0 else f"{n} audit picture{'' if n == 1 else 's'}"
        return f"{name} is not known yet ({few})."
    return f"{name} is known to {_points(half)} points, by {n} audit pictures."


def _points(half: float) -> str:
    return f"±{round(100 * half)}"
