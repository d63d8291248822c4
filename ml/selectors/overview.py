"""The staff room's live page: a cheap fingerprint of the state, and the page behind it.

The page is polled every three seconds by everybody who watches. The state costs a handful of
indexed queries; what is expensive (accuracy) is computed once for each newest answer and champion
and kept in this process.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder

from labeling.selectors import (
    adjudication,
    annotators,
    consensus,
    partitions,
    progress,
    projects,
    queue,
)
from ml.models import Champion, Embedding, EmbeddingSet, TrainingKind, TrainingRun, TrainingState
from ml.recent import Recent
from ml.selectors import accuracy, set_predictions, spending

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

KEPT = 64
ACTIVE = (TrainingState.QUEUED, TrainingState.RUNNING)

_accuracy: Recent[tuple[Any, ...], dict[str, Any]] = Recent(KEPT)


@dataclass(frozen=True, slots=True)
class State:
    """Everything of the page but the accuracy.

    Attributes:
        accuracy_key: what the accuracy depends on.
        fingerprint: differs whenever anything on the page does.
    """

    project_id: int
    version: UUID | None
    accuracy_key: tuple[Any, ...]
    parts: dict[str, Any]
    fingerprint: str


def state(project_id: int, *, now: datetime) -> State:
    """Read the cheap part of the page.

    Args:
        now: which month's spending is summed.
    """
    project = projects.by_id(project_id)
    champion = _champion(project_id)
    counts = partitions.counts(project_id)
    answers = consensus.data_version(project_id)
    asked = annotators.audit_asked(project, now)
    given, skips = progress.answer_counts(project_id)
    version = champion["public_id"] if champion else None
    parts = {
        "project": {
            "slug": project.slug,
            "name": project.name,
            "mode": project.mode,
            "labeling_paused": project.labeling_paused_at is not None,
            "training_paused": project.training_paused_at is not None,
        },
        "champion": _without_id(champion),
        "labels": {
            "resolved": counts.pool_resolved,
            "pool": counts.pool,
            "pool_open": counts.pool_open,
            "audit_resolved": counts.audit_resolved,
            "audit_total": counts.audit,
            "audit_votes": project.votes_audit,
            "audit_asked": asked.answers,
            "people_active": asked.people,
            "people_days": asked.days,
            "answers": given,
            "skips": skips,
            "images": counts.images + counts.flagged + counts.removed,
            "not_counted": {
                "pending": counts.pending,
                "audit_twins": counts.audit_twins,
                "excluded": counts.excluded,
                "flagged": counts.flagged,
                "removed": counts.removed,
            },
        },
        "queue": {"by_reason": queue.window_sizes(project_id)},
        "training": {
            "active": _active_runs(project_id),
            "paused": project.training_paused_at is not None,
            "budget": {
                "month_spent": float(spending.this_month(project, now=now)),
                "month_limit": float(project.monthly_budget),
            },
        },
        "embedding": _embedding(project_id, counts.images),
    }
    scheme_id = projects.current_scheme(project_id).id
    # An audit image can be judged only once the champion's backbone has seen it.
    vectors = _vectors(champion["embedding_set_id"]) if champion else 0
    # People who leave decide audit images without an answer (rule 2); an expert's question opens
    # without one too.
    audit = (counts.audit, counts.audit_resolved, *adjudication.state(project_id))
    # A sweep or a quarantine changes labels without an answer, and may leave every count alone.
    changes = consensus.label_changes(project_id)
    key = (project_id, version, answers, changes, *audit, scheme_id, vectors)
    text = json.dumps([parts, [str(part) for part in key]], cls=DjangoJSONEncoder, sort_keys=True)
    return State(project_id, version, key, parts, hashlib.sha256(text.encode()).hexdigest()[:32])


def forget() -> None:
    """Drop every figure kept (tests, and a host short of memory)."""
    _accuracy.clear()
    set_predictions.forget()


def page(found: State) -> dict[str, Any]:
    """Give the whole page of a state; accuracy is computed once for each key and kept."""
    figures = _accuracy.get(
        found.accuracy_key, lambda: accuracy.page(found.project_id, found.version)
    )
    return {**found.parts, "accuracy": figures}


def _champion(project_id: int) -> dict[str, Any] | None:
    row = (
        Champion.objects.filter(project_id=project_id)
        .select_related("model_version")
        .defer("model_version__head")
        .first()
    )
    if row is None:
        return None
    version = row.model_version
    return {
        "public_id": version.public_id,
        "embedding_set_id": version.embedding_set_id,
        "number": version.number,
        "kind": version.kind,
        "evidence": version.evidence,
        "verdict": version.verdict,
        "promoted_at": version.promoted_at,
        "n_labels": version.n_labels,
        "threshold": version.acceptance_threshold,
    }


def _without_id(champion: dict[str, Any] | None) -> dict[str, Any] | None:
    if champion is None:
        return None
    inner = ("public_id", "embedding_set_id")
    return {name: value for name, value in champion.items() if name not in inner}


def _active_runs(project_id: int) -> list[dict[str, Any]]:
    rows = TrainingRun.objects.filter(project_id=project_id, state__in=ACTIVE).order_by("pk")
    return [
        {
            "id": str(run.public_id),
            "kind": run.kind,
            "state": run.state,
            "stage": run.stage,
            "progress": round(run.progress, 3),
            "trigger": run.trigger,
        }
        for run in rows
        # The fast loop is over before anybody could read about it.
        if run.kind == TrainingKind.FINETUNE or run.state == TrainingState.RUNNING
    ]


def _embedding(project_id: int, images: int) -> dict[str, int]:
    original = EmbeddingSet.objects.filter(project_id=project_id, is_original=True).first()
    done = _vectors(original.pk) if original else 0
    return {"done": min(done, images), "total": images}


def _vectors(set_id: int) -> int:
    return Embedding.objects.filter(set_id=set_id).count()
