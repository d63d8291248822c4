"""Training runs as the staff room lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml.models import TrainingRun

if TYPE_CHECKING:
    from uuid import UUID

LISTED = 50


def newest(project_id: int, *, limit: int = LISTED) -> list[dict[str, Any]]:
    """List the newest runs first, by one query."""
    rows = TrainingRun.objects.filter(project_id=project_id).select_related("model_version")
    return [_view(run) for run in rows.order_by("-pk")[:limit]]


def one(public_id: UUID) -> dict[str, Any]:
    """Give one run."""
    return _view(TrainingRun.objects.select_related("model_version").get(public_id=public_id))


def _view(run: TrainingRun) -> dict[str, Any]:
    return {
        "id": str(run.public_id),
        "kind": run.kind,
        "trigger": run.trigger,
        "state": run.state,
        "stage": run.stage,
        "progress": run.progress,
        "device": run.device,
        "seconds": run.seconds,
        "cost": float(run.cost),
        "error": run.error,
        "version": run.model_version.number if run.model_version else None,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }
