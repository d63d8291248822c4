"""What is due or stale, read from the database alone (rule 6). Cheap when there is nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from labeling.selectors import images, projects
from ml.models import EmbeddingSet, TrainingKind
from ml.selectors import embeddings
from ml.services import (
    embedding,
    finetune_due,
    handover,
    label_errors,
    new_labels,
    outlook,
    refit_due,
    runs,
)

if TYPE_CHECKING:
    from datetime import datetime

Kind = Literal["embed", "refit", "finetune", "reembed", "new_labels", "outlook", "label_errors"]


@dataclass(frozen=True, slots=True)
class Due:
    """One task that somebody should run for a project."""

    kind: Kind
    project_id: int


def find(*, now: datetime) -> list[Due]:
    """List what is due for every live project, a handful of queries each.

    A fine-tune whose conditions are met is queued here: it is due, whoever noticed.
    """
    found: list[Due] = []
    for project_id in projects.ids():
        if _is_embedding_due(project_id, now):
            found.append(Due("embed", project_id))
        if refit_due.is_due(project_id, now=now):
            found.append(Due("refit", project_id))
        finetune_due.request_where_it_pays(project_id=project_id, now=now)
        if _is_finetune_due(project_id, now):
            found.append(Due("finetune", project_id))
        if handover.is_due(project_id, now=now):
            found.append(Due("reembed", project_id))
        if outlook.is_due(project_id, now=now):
            found.append(Due("outlook", project_id))
        if new_labels.is_due(project_id, now=now):
            found.append(Due("new_labels", project_id))
        if label_errors.is_due(project_id, now=now):
            found.append(Due("label_errors", project_id))
    return found


def _is_embedding_due(project_id: int, now: datetime) -> bool:
    waiting = images.counts_by_partition(project_id)
    if not embedding.is_configured():
        return bool(waiting["PENDING"])
    sets = embeddings.sets_to_fill(project_id)
    if not sets:
        return any(waiting.values())
    # Of the original set also for what has its vector and no partition: who wrote it did not come
    # to deciding.
    return any(
        _is_free(each, now)
        and ((each.is_original and waiting["PENDING"]) or embedding.pending_count(each))
        for each in sets
    )


def _is_free(embedding_set: EmbeddingSet, now: datetime) -> bool:
    beat = embedding_set.heartbeat_at
    return beat is None or beat < now - embedding.STALE_AFTER


def _is_finetune_due(project_id: int, now: datetime) -> bool:
    active = runs.active(project_id, TrainingKind.FINETUNE)
    return active is not None and runs.is_claimable(active, now)
