"""What it would cost to know one label's accuracy to a chosen width, and what can be had at all.

An image joins the audit slice by chance when it comes in, and stays (rule 1). So a label's interval
can be narrowed by the audit images that still wait, those that tell most first, and beyond them
only by new pictures: of those that tell most a larger share joins where staff have asked for it
(ADR 14, ADR 18).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import annotators, projects
from ml.errors import MlError
from ml.evaluation import intervals
from ml.models import AuditTopUp
from ml.selectors import closer_look, metrics, versions

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

    from labeling.selectors.projects import ProjectRow
    from ml.evaluation import by_label
    from ml.selectors.closer_look import Slice
    from ml.selectors.metrics import Measured


class SeveralLabelsError(MlError):
    """A figure that is made for one label an image was asked for."""

    code = "several_labels"
    status = 409


class NothingToMeasureError(MlError):
    """No audit slice, or no classifier that could say which pictures may be of a label."""

    code = "top_up_not_possible"
    status = 409


LIKELY_SHARE = 0.5
"""Of new pictures that tell most of a wanted label: the rest still teaches the classifier."""

EVERY = "Four labels in five"
"""What is known, or wanted, where every label is asked for."""

FEWEST_TO_SAY = 10
WIDEST_TO_SAY = 0.35
"""Below so many pictures, or wider, "known to" would be said of what nobody knows."""


def cost(project_id: int, *, code: str, half_width: float, now: datetime) -> dict[str, Any]:
    """Say how many images and answers a label takes until its interval is +-`half_width`.

    Args:
        project_id: whose label.
        code: of the label; "" for every label: four in five of them are to be known so well.
        half_width: a share: 0.1 is ten points either way.
        now: who is active then decides how many answers an audit image takes.

    Raises:
        LabelNotFoundError: the project has no such label in its scheme.
        SeveralLabelsError: images may bear several labels.
        NothingToMeasureError: no classifier could say which images may be of it.
    """
    project = projects.by_id(project_id)
    name = projects.label(project_id, code).name if code else EVERY
    if project.mode == "MULTI":
        raise SeveralLabelsError(
            "Pictures of this project may bear several labels; what a closer look at one label "
            "takes is worked out for one label a picture only."
        )
    here = closer_look.read(project_id)
    if here is None:
        raise NothingToMeasureError(
            "There is no classifier yet that could say which pictures may be of the label."
        )
    if code and code not in here.found.codes:
        raise projects.LabelNotFoundError(f"The label {code!r} has been retired.")
    open_row = AuditTopUp.objects.filter(project_id=project_id, label_code=code, ended_at=None)
    share = open_row.values_list("share", flat=True).first() or joins_at(project)
    figures = _figures(
        here,
        code,
        asked=annotators.audit_asked(project, now).answers,
        half_width=half_width,
        share=share,
    )
    figures |= {"label": code, "is_asked_for": open_row.exists()}
    return figures | {"sentence": _sentence(figures, name, is_every=not code)}


def under_way(project_id: int) -> list[dict[str, Any]]:
    """List what staff have asked for and what is known by now, the oldest first."""
    rows = list(AuditTopUp.objects.filter(project_id=project_id, ended_at=None).order_by("pk"))
    if not rows:
        return []
    found, names = _measured(project_id), projects.label_names(project_id) | {"": EVERY}
    shares = dict(zip(found.codes, metrics.by_labels(found), strict=True))
    listed = []
    for row in rows:
        now, n = _known_to(found, shares.get(row.label_code), row.label_code)
        listed.append(
            {
                "id": row.public_id,
                "label": row.label_code,
                "label_name": names.get(row.label_code, row.label_code),
                "half_width": row.half_width,
                "now": now,
                "n": n,
                "share": row.share,
                "seen": row.n_seen,
                "created_at": row.created_at,
            }
        )
    return listed


def joins_at(project: ProjectRow) -> float:
    """Give the chance of a new picture that looks like a wanted label to join the slice."""
    return max(LIKELY_SHARE, project.audit_partition_share)


def _known_to(found: Measured, row: by_label.Share | None, code: str) -> tuple[float, int]:
    """Give how far the interval reaches to either side, and by how many images.

    Of every label: what four in five keep within.
    """
    if not code:
        return in_time(closer_look.pooled_half_widths(found)), int(found.is_judged.sum())
    if row is None or not row.n:
        return 0.5, 0
    return (row.high - row.low) / 2, row.n


def in_time(half_widths: npt.NDArray[np.float64]) -> float:
    """Give the half-width that four labels in five keep within."""
    return float(np.quantile(half_widths, closer_look.LABELS_IN_TIME))


def _measured(project_id: int) -> Measured:
    pointer = versions.pointer(project_id)
    return metrics.of_version(project_id, pointer.version if pointer else None)


def _figures(
    here: Slice, code: str, *, asked: int, half_width: float, share: float
) -> dict[str, Any]:
    """Work the price out; `asked` answers an audit image."""
    found, every = here.found, not code
    matters = closer_look.wanted(found, [(code, half_width)])
    if not matters.any():
        matters = np.ones(len(found.codes))
    steps = closer_look.foresee(here, matters, is_pooled=every)
    at = found.codes.index(code) if code else -1
    widths = [in_time(step.half_width) if every else float(step.half_width[at]) for step in steps]
    images = [float(step.images if every else step.of_label[at]) for step in steps]
    votes = asked
    row = None if every else metrics.by_labels(found)[at]
    now, n = _known_to(found, row, code)
    # Beyond what waits, an interval narrows with the root of its images.
    beyond = max((widths[-1] / half_width) ** 2 - 1, 0.0) * max(n + images[-1], FEWEST_TO_SAY)
    if code:  # Never more than a label takes that is right every other time.
        beyond = min(beyond, max(intervals.answers_missing_for(n / 2, n, half_width=half_width), 0))
    hits = _hit_rate(found, at) if code else 1.0
    images_asked = float(np.interp(-half_width, -np.array(widths), [step.images for step in steps]))
    missing = float(np.interp(-half_width, -np.array(widths), images))
    is_known = now <= half_width
    return {
        "half_width": half_width,
        "now": now,
        "n": n,
        "open": row.open if row else found.n_unresolved,
        "votes": votes,
        "missing": 0 if is_known else max(math.ceil(missing + beyond), 1),
        "answers": 0 if is_known else max(math.ceil((images_asked + beyond / hits) * votes), votes),
        "waiting": steps[-1].images if every else round(images[-1]),
        "waiting_answers": steps[-1].images * votes,
        "reachable": widths[-1],
        "share": share,
        "new_pictures": 0 if is_known else math.ceil(beyond / share),
    }


def _hit_rate(found: Measured, at: int) -> float:
    """Give the share of images taken for the label that are of it; a few doubts on either side."""
    taken = found.is_judged & (found.predicted == at)
    return float((np.sum(taken & found.is_right) + 1) / (np.sum(taken) + 2))


def _sentence(figures: dict[str, Any], name: str, *, is_every: bool) -> str:
    wanted = _points(figures["half_width"])
    if figures["missing"] == 0:
        is_are = "are" if is_every else "is"
        return f"{name} {is_are} known to {_points(figures['now'])} points already."
    each = figures["votes"]
    a_picture = "one answer a picture" if each == 1 else f"{each} answers a picture"
    of_it = "" if is_every else " of it"
    said = (
        f"{known(figures['n'], figures['now'], name, is_every=is_every)} {wanted} points take "
        f"about {figures['missing']:,} more audit images{of_it}: about {figures['answers']:,} "
        f"answers to audit images, at {a_picture}"
    )
    said += "." if is_every else " and with those that turn out to be of another label."
    if figures["new_pictures"] == 0:
        return f"{said} They wait already; those that tell most are asked about first."
    if figures["waiting_answers"] == 0:
        held = "None waits."
    else:
        held = (
            f"All that wait take {figures['waiting_answers']:,} answers and bring "
            f"{_points(figures['reachable'])} points."
        )
    of_new = "new pictures" if is_every else "new pictures of it"
    return (
        f"{said} {held} The rest takes about {figures['new_pictures']:,} {of_new}; up to "
        f"{round(100 * figures['share'])} in 100 of those that tell most are used to measure."
    )


def known(n: int, half: float, name: str, *, is_every: bool = False) -> str:
    """Say how well a label is known: nothing where the interval could be almost anything."""
    is_are = "are" if is_every else "is"
    if n < FEWEST_TO_SAY or half > WIDEST_TO_SAY:
        few = "no audit image" if n == 0 else f"{n} audit image{'' if n == 1 else 's'}"
        return f"{name} {is_are} not known yet ({few})."
    return f"{name} {is_are} known to {_points(half)} points, by {n} audit images."


def _points(half: float) -> str:
    return f"±{round(100 * half)}"
