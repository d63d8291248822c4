"""From a challenger's verdict to its service.

The pool is re-embedded while the old version serves; then backbone, head, temperature, labels and
threshold are switched together by moving one pointer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from ml.models import (
    Comparison,
    ComparisonDecision,
    ComparisonKind,
    EmbeddingScope,
    EmbeddingSet,
    EmbeddingSetState,
    ModelVersion,
)
from ml.selectors import registry as registry_selectors
from ml.services import certification, deployment, embedding, refit, registry, waiting

if TYPE_CHECKING:
    from datetime import datetime


def is_due(project_id: int, *, now: datetime) -> bool:
    """Tell whether a challenger's set lacks vectors, it is to serve, or it has waited in vain."""
    challenger = registry_selectors.waiting_challenger(project_id)
    if challenger is None:
        return False
    beat = challenger.embedding_set.heartbeat_at
    if beat is not None and beat >= now - embedding.STALE_AFTER:
        return False
    is_moving = _is_to_serve(challenger) or embedding.pending_count(challenger.embedding_set) > 0
    return is_moving or waiting.is_any_over(project_id, now)


def advance(*, project_id: int, now: datetime, seconds: float = 2.0) -> bool:
    """Do about two seconds of what a waiting challenger needs; give whether there is more.

    While undecided it gets the vectors of new labeled and measured images, and its comparison goes
    on. Once it has passed, and a manager has said yes where one is asked, it gets those of all
    images, and then it serves. A refit that moves the pointer at the same moment is not lost: the
    switch is tried again.
    """
    challenger = registry_selectors.waiting_challenger(project_id)
    if challenger is None:
        return False
    is_to_serve = _is_to_serve(challenger)
    if is_to_serve:
        EmbeddingSet.objects.filter(
            pk=challenger.embedding_set_id, scope=EmbeddingScope.JUDGED
        ).update(scope=EmbeddingScope.ALL, state=EmbeddingSetState.BUILDING)
    batch = embedding.embed_batch(
        project_id=project_id, set_id=challenger.embedding_set_id, now=now, seconds=seconds
    )
    if batch.remaining or not batch.is_ours:
        return batch.is_ours and batch.embedded > 0
    if _decision(challenger) != ComparisonDecision.PASSED:
        events = certification.advance(project_id=project_id, now=now)
        _retire_failed(project_id, challenger)
        return challenger.pk in events.proven and deployment.may_serve(challenger)
    return is_to_serve and not _switch(project_id, challenger, now)


def _switch(project_id: int, challenger: ModelVersion, now: datetime) -> bool:
    """Move the pointer and call the version proven; give False where the pointer moved first."""
    champion = registry_selectors.champion(project_id)
    before = champion.embedding_set_id if champion else None
    try:
        with transaction.atomic():
            registry.promote(
                project_id=project_id,
                version_id=challenger.pk,
                expected_id=champion.version_id if champion else None,
                now=now,
            )
            registry.prove(
                project_id=project_id,
                version_id=challenger.pk,
                verdict=challenger.verdict,
                now=now,
            )
            _retire_others(project_id, {challenger.embedding_set_id, before})
    except registry.PointerMovedError:
        return False
    # Answers that came since the tuning: a head on the new backbone from all labels, provisional.
    refit.request(project_id=project_id, trigger="handover", now=now)
    return True


def _retire_others(project_id: int, kept: set[int | None]) -> None:
    """Stop filling sets that nothing falls back to; the original one decides groups for good."""
    EmbeddingSet.objects.filter(project_id=project_id, is_original=False).exclude(
        pk__in=[pk for pk in kept if pk is not None]
    ).update(state=EmbeddingSetState.RETIRED)


def _retire_failed(project_id: int, challenger: ModelVersion) -> None:
    challenger.refresh_from_db(fields=["state"])
    if challenger.state == "REJECTED":
        EmbeddingSet.objects.filter(pk=challenger.embedding_set_id, project_id=project_id).update(
            state=EmbeddingSetState.RETIRED
        )


def _is_to_serve(challenger: ModelVersion) -> bool:
    has_passed = _decision(challenger) == ComparisonDecision.PASSED
    return has_passed and deployment.may_serve(challenger)


def _decision(challenger: ModelVersion) -> str | None:
    return (
        Comparison.objects.filter(challenger=challenger, kind=ComparisonKind.CERTIFICATION)
        .order_by("-pk")
        .values_list("decision", flat=True)
        .first()
    )
