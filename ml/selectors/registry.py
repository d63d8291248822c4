"""Questions to the registry of model versions: who serves, who is proven, who was rolled back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml.models import Champion, Evidence, ModelState, ModelVersion

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class ChampionView:
    """The version that serves, read in one query, so that its parts belong together.

    Attributes:
        head: safetensors bytes.
        moved_at: when the pointer last moved (UTC).
        proven_id: the last proven version, which may be an older one; None before the first.
    """

    version_id: int
    public_id: UUID
    number: int
    kind: str
    evidence: str
    head: bytes
    temperature: float
    acceptance_threshold: float
    label_order: tuple[str, ...]
    scheme_id: int
    embedding_set_id: int
    snapshot_id: int
    n_labels: int
    metrics: dict[str, Any]
    verdict: str
    moved_at: datetime
    proven_id: int | None


def champion(project_id: int) -> ChampionView | None:
    """Give the version that serves, or None before the first head."""
    pointer = Champion.objects.filter(project_id=project_id).select_related("model_version").first()
    if pointer is None:
        return None
    row = pointer.model_version
    if row.head is None:
        raise ValueError(f"champion v{row.number} has no weights; they are never pruned")
    return ChampionView(
        version_id=row.pk,
        public_id=row.public_id,
        number=row.number,
        kind=row.kind,
        evidence=row.evidence,
        head=bytes(row.head),
        temperature=row.temperature,
        acceptance_threshold=row.acceptance_threshold,
        label_order=tuple(row.label_order),
        scheme_id=row.scheme_id,
        embedding_set_id=row.embedding_set_id,
        snapshot_id=row.snapshot_id,
        n_labels=row.n_labels,
        metrics=row.metrics,
        verdict=row.verdict,
        moved_at=pointer.moved_at,
        proven_id=pointer.proven_id,
    )


@dataclass(frozen=True, slots=True)
class Brief:
    """The champion without its weights."""

    n_labels: int
    backbone: str


def serving_brief(project_id: int) -> Brief | None:
    """Give how many labels the champion knows and its backbone; None before the first head."""
    row = (
        Champion.objects.filter(project_id=project_id)
        .values_list("model_version__n_labels", "model_version__embedding_set__backbone")
        .first()
    )
    return Brief(*row) if row else None


def proven(project_id: int) -> ModelVersion | None:
    """Give the last proven version: what the monitor compares with."""
    pointer = Champion.objects.filter(project_id=project_id).select_related("proven").first()
    return pointer.proven if pointer else None


def serving(project_id: int) -> ModelVersion | None:
    """Give the champion's row."""
    pointer = Champion.objects.filter(project_id=project_id).select_related("model_version").first()
    return pointer.model_version if pointer else None


def rolled_back(project_id: int) -> ModelVersion | None:
    """Give the newest version that served and was withdrawn for cause."""
    served = ModelVersion.objects.filter(
        project_id=project_id, state=ModelState.REJECTED, promoted_at__isnull=False
    )
    return served.defer("head").order_by("-number", "-pk").first()


def newest_candidate(project_id: int, embedding_set_id: int) -> ModelVersion | None:
    """Give the newest certification candidate on one backbone."""
    found = ModelVersion.objects.filter(
        project_id=project_id,
        embedding_set_id=embedding_set_id,
        is_certification_candidate=True,
    ).exclude(state=ModelState.REJECTED)
    return found.defer("head").order_by("-number", "-pk").first()


def waiting_challenger(project_id: int) -> ModelVersion | None:
    """Give the fine-tuned version that waits for more audit answers or for the pool's vectors."""
    found = ModelVersion.objects.filter(
        project_id=project_id, state=ModelState.CHALLENGER, kind="FINETUNE"
    )
    return found.select_related("embedding_set").order_by("-number", "-pk").first()


def previous(project_id: int, than_number: int) -> ModelVersion | None:
    """Give the newest retired version before `than_number` that still has its weights."""
    older = ModelVersion.objects.filter(
        project_id=project_id,
        number__lt=than_number,
        state=ModelState.RETIRED,
        promoted_at__isnull=False,
        head__isnull=False,
    )
    return older.order_by("-number", "-pk").first()


def is_proven(version: ModelVersion) -> bool:
    """Tell whether a version has passed its certification."""
    return version.evidence == Evidence.PROVEN
