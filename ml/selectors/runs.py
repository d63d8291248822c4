"""Training runs as the staff room lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q

from ml.models import TrainingKind, TrainingRun, TrainingState

if TYPE_CHECKING:
    from uuid import UUID

LISTED = 50
ACTIVE = (TrainingState.QUEUED, TrainingState.RUNNING)


def newest(project_id: int, *, limit: int = LISTED) -> list[dict[str, Any]]:
    """List the newest runs first, by one query.

    A refit that ended without a version (it had no label to learn from, or nothing new) is not
    listed: there is nothing to say of it.
    """
    is_worth_a_line = Q(kind=TrainingKind.FINETUNE) | Q(model_version__isnull=False)
    is_worth_a_line |= Q(state__in=(*ACTIVE, TrainingState.FAILED))
    rows = TrainingRun.objects.filter(is_worth_a_line, project_id=project_id)
    newest_first = rows.select_related("model_version").order_by("-pk")
    return [_view(run) for run in newest_first[:limit]]


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
