"""What the prediction API answered, and what people said of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labeling.selectors import consensus, projects
from ml.models import Prediction

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a client or a person said of a prediction."""

    right: bool
    label: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PredictionView:
    """One stored answer; the picture itself is not kept unless it was queued.

    `labels` are those that were accepted where an image may bear several, else None.
    """

    pk: int
    public_id: UUID
    project_id: int
    project: str
    token_id: int | None
    user_id: int | None
    annotator_id: int | None
    sha256: str
    mode: str
    top: list[dict[str, Any]]
    labels: list[str] | None
    accepted: bool
    answer: dict[str, Any] | None
    uncertainty: float
    version: dict[str, Any]
    queued: bool
    created_at: datetime
    feedback: Feedback | None
    human: dict[str, Any] | None


def one(public_id: UUID) -> PredictionView | None:
    """Give a stored answer with what people have said since, or None where there is none."""
    row = (
        Prediction.objects.select_related("project", "model_version", "feedback_label")
        .filter(public_id=public_id)
        .first()
    )
    if row is None:
        return None
    names = projects.label_names(row.project_id)
    ranked = sorted(row.probabilities.items(), key=lambda entry: (-entry[1], entry[0]))
    bars = row.model_version.metrics.get("thresholds")
    top = [_ranked(code, names, probability, bars) for code, probability in ranked]
    return PredictionView(
        pk=row.pk,
        public_id=row.public_id,
        project_id=row.project_id,
        project=row.project.slug,
        token_id=row.token_id,
        user_id=row.user_id,
        annotator_id=row.annotator_id,
        sha256=row.sha256,
        mode=row.mode,
        top=top,
        labels=None if bars is None else [each["label"] for each in top if each["accepted"]],
        accepted=row.accepted,
        answer=row.answer,
        uncertainty=row.uncertainty,
        version={
            "id": str(row.model_version.public_id),
            "number": row.model_version.number,
            "evidence": row.model_version.evidence,
        },
        queued=row.queued,
        created_at=row.created_at,
        feedback=_feedback(row),
        human=_human(row, names),
    )


def _ranked(
    code: str, names: dict[str, str], probability: float, bars: dict[str, float | None] | None
) -> dict[str, Any]:
    found = {"label": code, "name": names.get(code, code), "probability": probability}
    if bars is None:
        return found
    bar = bars.get(code)
    return {**found, "accepted": bar is not None and probability >= bar}


def _feedback(row: Prediction) -> Feedback | None:
    if not row.feedback or row.feedback_at is None:
        return None
    label = row.feedback_label.code if row.feedback_label else None
    return Feedback(row.feedback == "RIGHT", label, row.feedback_at)


def _human(row: Prediction, names: dict[str, str]) -> dict[str, Any] | None:
    """Give what people agreed on, or None while they have not, or the picture was not queued."""
    if row.image_id is None:
        return None
    found = consensus.decided(row.image_id)
    if found is None:
        return None
    return {
        "state": found.state,
        "label": found.code,
        "name": names.get(found.code) if found.code else None,
        "resolved_at": found.resolved_at,
    }
