"""How labels, answers and accuracy went, version by version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labeling.selectors import answer_times
from ml.selectors import metrics, versions

if TYPE_CHECKING:
    from ml.models import ModelVersion

MEASURED = 50
"""As many versions as keep their weights."""


def points(project_id: int) -> list[dict[str, Any]]:
    """Give one point a version that ever served, oldest first.

    The newest `MEASURED` versions are all measured on today's audit answers: the same images for
    each, so the curve shows the classifier and not the audit slice growing. Versions without
    weights show what was recorded at their promotion (`metrics["audit"]`), or null.
    """
    promoted = versions.promoted(project_id)
    answers = answer_times.counts_until(
        project_id, [version.promoted_at for version in promoted if version.promoted_at]
    )
    audit = metrics.audit(project_id)
    first_measured = len(promoted) - MEASURED
    return [
        {
            "at": version.promoted_at,
            "labels": version.n_labels,
            "answers": n_answers,
            "version": version.number,
            **_accuracy(version, audit if place >= first_measured else None),
        }
        for place, (version, n_answers) in enumerate(zip(promoted, answers, strict=True))
    ]


def _accuracy(version: ModelVersion, audit: metrics.Audit | None) -> dict[str, Any]:
    found = metrics.measured(audit, version.public_id) if audit else None
    if found is not None:
        one = metrics.overall(found)
        return {"accuracy": one.estimate, "low": one.low, "high": one.high, "n": one.n}
    recorded = version.metrics.get("audit") or {}
    return {
        "accuracy": recorded.get("accuracy"),
        "low": recorded.get("low", 0.0),
        "high": recorded.get("high", 1.0),
        "n": recorded.get("n", 0),
    }
