"""What is known of uploads that look different, in a sentence each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from labeling.selectors import projects
from ml.models import UploadDrift

if TYPE_CHECKING:
    from datetime import date, datetime

SHOWN_FOR = timedelta(days=30)
MOST = 5
HARDLY = 10.0
"""Times less often, from which on the number says nothing more."""
_UNLIKE = "they are less like the labeled pictures"


@dataclass(frozen=True, slots=True)
class Drifted:
    """A batch of uploads that looks different."""

    source: str
    day: date
    images: int
    audit_share: float
    usual_share: float
    sentence: str
    measured_at: datetime


def drifted(project_id: int, *, now: datetime) -> list[Drifted]:
    """Give the batches of the last 30 days that look different, the newest first."""
    rows = UploadDrift.objects.filter(
        project_id=project_id, is_drifted=True, measured_at__gt=now - SHOWN_FOR
    )
    names = projects.label_names(project_id)
    usual = projects.by_id(project_id).audit_partition_share
    return [
        Drifted(
            source=row.source,
            day=row.day,
            images=row.n_images,
            audit_share=row.audit_share,
            usual_share=usual,
            sentence=sentence(row, names, usual),
            measured_at=row.measured_at,
        )
        for row in rows.order_by("-measured_at", "-pk")[:MOST]
    ]


def sentence(row: UploadDrift, names: dict[str, str], usual: float) -> str:
    """Say in plain words what differs, and what follows."""
    when = f"{row.day.day} {row.day:%B}"
    alarms = {each["name"]: each for each in row.signals if each["is_alarm"]}
    what = _what(alarms, names)
    follows = (
        f"Of those still to come, {100 * row.audit_share:.0f} % become audit images instead of "
        f"{100 * usual:.0f} %, so that accuracy on them is known sooner."
    )
    return (
        f"The {row.n_images:,} pictures from “{row.source}” of {when} look different from "
        f"those before: {what}. {follows}"
    )


def _what(alarms: dict[str, Any], names: dict[str, str]) -> str:
    """Name the plainest difference: a label's share, else the distance, else the probabilities."""
    if "labels" in alarms:
        found = alarms["labels"]
        name, times = names.get(found["label"], found["label"]), found["effect"]
        if found["is_more"]:
            return f"the classifier sees {name} {times:.1f} times as often"
        rarely = f"{name} {times:.1f} times less often"
        said = f"the classifier sees {f'hardly any {name}' if times >= HARDLY else rarely}"
        # Pictures of nothing known lack every label; the one that is missed most does not say so.
        return f"{said}, and {_UNLIKE}" if "distance" in alarms else said
    if "distance" in alarms:
        return _UNLIKE
    found = alarms["scores"]
    surer = "surer" if found["is_more"] else "less sure"
    return f"the classifier is {surer} of {names.get(found['label'], found['label'])}"
