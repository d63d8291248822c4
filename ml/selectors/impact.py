"""Whether the classifier got better while somebody helped: said only where it is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labeling.selectors import impact
from ml.evaluation import compare
from ml.selectors import metrics, versions

if TYPE_CHECKING:
    from datetime import datetime

    from ml.models import ModelVersion

ENOUGH = math.log(1 / 0.05)
"""People look whenever they like, so the evidence is an e-value: it may be looked at any time."""

FEW = 10
"""Under so many audit answers no figure is told (architecture, rule 1)."""


@dataclass(frozen=True, slots=True)
class Change:
    """The same audit images, judged by the version of then and the version of now.

    Attributes:
        then: the version that served when somebody joined; None where there was none.
        then_estimate, now_estimate: accuracy, with intervals.
        is_better: whether the pairs show it, at any time looked at, with 5 % error at most.
    """

    then: ModelVersion | None
    then_estimate: metrics.Estimate | None
    now: ModelVersion
    now_estimate: metrics.Estimate
    is_better: bool


def page(project_id: int, annotator_id: int) -> dict[str, Any]:
    """Give what somebody's answers did, in counts, in sentences, and for the classifier.

    `accuracy` is null unless the classifier is better than when they joined, measured on images
    it never learned from.
    """
    mine = impact.of_annotator(annotator_id)
    change = _change(project_id, mine.since)
    return {
        "answers": mine.answers,
        "skips": mine.skips,
        "images": mine.images,
        "resolved": mine.resolved,
        "agreed": mine.agreed,
        "since": mine.since,
        "days": mine.days,
        "sentences": [*mine.sentences, *_sentences(change)],
        "accuracy": _accuracy(change),
    }


def _change(project_id: int, since: datetime) -> Change | None:
    pointer = versions.pointer(project_id)
    served = versions.promoted(project_id)
    now = next((one for one in served if pointer and one.public_id == pointer.version), None)
    if now is None:
        return None
    audit = metrics.audit(project_id)
    found = metrics.measured(audit, now.public_id)
    if found is None or not found.is_judged.any():
        return None
    then = next(
        (one for one in reversed(served) if one.promoted_at and one.promoted_at <= since), None
    )
    before = metrics.measured(audit, then.public_id) if then else None
    return Change(
        then=then,
        then_estimate=metrics.overall(before) if before else None,
        now=now,
        now_estimate=metrics.overall(found),
        is_better=before is not None and _is_better(found, before),
    )


def _is_better(now: metrics.Measured, then: metrics.Measured) -> bool:
    """Tell from images that both can be asked about and whose truth is settled."""
    both = now.is_judged & then.is_judged & ~now.checks.pending
    wins, losses, _ = compare.count_pairs(now.is_right[both], then.is_right[both])
    return compare.log_e_value(wins, losses) >= ENOUGH


def _sentences(change: Change | None) -> list[str]:
    if change is None:
        return ["The classifier learns from answers like yours; it has not been measured yet."]
    now = change.now_estimate
    if now.n < FEW:
        return [
            "The classifier learns from answers like yours; "
            "too few images have checked it to say how good it is."
        ]
    known = f"{round(100 * now.low)} to {round(100 * now.high)} of 100"
    measured = f"It names {known} images right that it never learned from."
    if change.is_better:
        return [f"The classifier is better than when you joined. {measured}"]
    return [f"The classifier learns from answers like yours. {measured}"]


def _accuracy(change: Change | None) -> dict[str, Any] | None:
    if change is None or not change.is_better or change.then is None:
        return None
    return {
        "then": _point(change.then, change.then_estimate),
        "now": _point(change.now, change.now_estimate),
        "is_better": True,
    }


def _point(version: ModelVersion, one: metrics.Estimate | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "estimate": one.estimate,
        "low": one.low,
        "high": one.high,
        "n": one.n,
        "at": version.promoted_at,
        "version": version.number,
    }
