"""When the fast loop has something to do: read from rows alone, whatever was told or not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from labeling.selectors import consensus, projects
from ml.models import Embedding, TrainingKind, TrainingState
from ml.selectors import embeddings
from ml.services import acquisition, runs, similar

if TYPE_CHECKING:
    from datetime import datetime

    from ml.models import EmbeddingSet, TrainingRun

RETRY_AFTER = timedelta(seconds=60)
"""A refit that failed is not tried again at once; with the next answer or this much later."""

POOL_GROWTH = 8.0
"""With nobody answering, the window is filled anew when the pool is eight times what it was: twice
or three times while 2,600 images come in. Every answer fills it from the whole pool anyway."""


def is_due(project_id: int, *, now: datetime) -> bool:
    """Tell whether a refit has something to do; a handful of queries."""
    active = runs.active(project_id, TrainingKind.HEAD)
    if active is not None:
        return runs.is_claimable(active, now)
    if projects.by_id(project_id).training_paused_at is not None:
        return False
    return trigger(project_id, now=now) is not None


def trigger(project_id: int, *, now: datetime) -> str | None:
    """Say what is new since the last refit: answers, scheme, labels, wishes, the pool; or None."""
    last = runs.newest_ended(project_id, TrainingKind.HEAD)
    newest = consensus.data_version(project_id)
    if last is None:
        return "answers" if newest else _pool_trigger(project_id, None)
    if last.state == TrainingState.FAILED and last.data_version >= newest:
        waited = last.finished_at is None or last.finished_at < now - RETRY_AFTER
        return "retry" if waited else None
    if newest > last.data_version:
        return "answers"
    if projects.current_scheme(project_id).id != last.settings.get("scheme_id"):
        return "scheme"
    if consensus.label_changes(project_id) != last.settings.get("label_changes", 0):
        return "labels"
    return _pool_trigger(project_id, last)


def _pool_trigger(project_id: int, last: TrainingRun | None) -> str | None:
    """Ask for a new window where the pool has grown, the window runs low, or staff want more."""
    serving = embeddings.serving_set(project_id)
    if serving is None:
        return None
    if similar.is_waiting(project_id):
        return "similar"
    kept = last.settings if last else {}
    if has_pool_grown(serving, kept):
        return "pool"
    n_chosen = int(kept.get("n_chosen", 0))
    project = projects.by_id(project_id)
    return "window" if acquisition.is_low(project, n_chosen) else None


def has_pool_grown(embedding_set: EmbeddingSet | None, kept: dict[str, Any]) -> bool:
    """Tell whether the pool has grown by that factor since the last refill, or begun after none."""
    known = int(kept.get("n_vectors", 0))
    factor = POOL_GROWTH if kept.get("n_chosen") else 1.0
    return Embedding.objects.filter(set=embedding_set).count() > known * factor
