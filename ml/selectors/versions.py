"""Model versions as the web process needs them: which one serves, and everything it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q

from ml.models import Champion, ModelState, ModelVersion

LISTED = 200


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which version is meant.

    Attributes:
        version: its public id.
        evidence: PROVISIONAL or PROVEN; may change while the version stays.
    """

    version: UUID
    evidence: str


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One row of the registry with its weights and its embedding set, read by one query.

    Attributes:
        head: safetensors bytes; None once pruned.
        embedding_set_id: the set whose vectors the head was fitted on.
        preprocessing: as `Preprocessing.to_json` wrote it.
        metrics: what it says of its fit.
    """

    id: int
    public_id: UUID
    project_id: int
    number: int
    evidence: str
    head: bytes | None
    temperature: float
    threshold: float
    label_order: tuple[str, ...]
    scheme_id: int
    embedding_set_id: int
    backbone: str
    digest: str
    storage_key: str
    dim: int
    preprocessing: dict[str, Any]
    metrics: dict[str, Any] = field(default_factory=dict)


def pointer(project_id: int) -> Pointer | None:
    """Give the champion pointer by one query on two primary keys; None before the first head."""
    row = (
        Champion.objects.filter(project_id=project_id)
        .values_list("model_version__public_id", "model_version__evidence")
        .first()
    )
    return Pointer(*row) if row else None


def projects_with_champion() -> list[int]:
    """List the ids of the projects that have a champion."""
    return list(Champion.objects.order_by("project_id").values_list("project_id", flat=True))


def stored(public_id: UUID) -> StoredVersion | None:
    """Read a version and its embedding set in one query, so that the two cannot disagree."""
    row = ModelVersion.objects.select_related("embedding_set").filter(public_id=public_id).first()
    return _stored(row) if row else None


def is_withdrawn(public_id: UUID) -> bool:
    """Tell whether a version was rolled back: it must not answer any more."""
    return ModelVersion.objects.filter(public_id=public_id, state=ModelState.REJECTED).exists()


def numbered(project_id: int, number: int) -> Pointer | None:
    """Find version `number` of a project."""
    found = ModelVersion.objects.filter(project_id=project_id, number=number)
    row = found.values_list("public_id", "evidence").first()
    return Pointer(*row) if row else None


def _stored(row: ModelVersion) -> StoredVersion:
    backbone = row.embedding_set
    return StoredVersion(
        id=row.pk,
        public_id=row.public_id,
        project_id=row.project_id,
        number=row.number,
        evidence=row.evidence,
        head=bytes(row.head) if row.head is not None else None,
        temperature=row.temperature,
        threshold=row.acceptance_threshold,
        label_order=tuple(row.label_order),
        scheme_id=row.scheme_id,
        embedding_set_id=backbone.pk,
        backbone=backbone.backbone,
        digest=backbone.digest,
        storage_key=backbone.storage_key,
        dim=backbone.dim,
        preprocessing=backbone.preprocessing,
        metrics=row.metrics,
    )


def newest(project_id: int, *, limit: int = LISTED) -> list[dict[str, Any]]:
    """List the newest versions first, without their weights, by one query."""
    rows = ModelVersion.objects.filter(project_id=project_id).annotate(
        has_weights=Q(head__isnull=False)
    )
    return [
        {
            "id": str(row.public_id),
            "number": row.number,
            "kind": row.kind,
            "state": row.state,
            "evidence": row.evidence,
            "verdict": row.verdict,
            "n_labels": row.n_labels,
            "has_weights": row.has_weights,
            "created_at": row.created_at,
            "promoted_at": row.promoted_at,
            "metrics": row.metrics,
            "gate": row.gate,
        }
        for row in rows.defer("head").order_by("-number", "-pk")[:limit]
    ]


def promoted(project_id: int) -> list[ModelVersion]:
    """List every version that ever served, oldest first, without their weights."""
    rows = ModelVersion.objects.filter(project_id=project_id, promoted_at__isnull=False)
    return list(rows.defer("head").order_by("promoted_at", "pk"))
