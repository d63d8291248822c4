"""Who did what, when: the append-only journal of staff actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labeling.models import AuditEvent

if TYPE_CHECKING:
    from datetime import datetime


def record_event(
    *,
    project_id: int | None,
    verb: str,
    now: datetime,
    user_id: int | None = None,
    annotator_id: int | None = None,
    target: str = "",
    detail: dict[str, Any] | None = None,
) -> AuditEvent:
    """Write down who did what. Never changed and never deleted afterwards."""
    return AuditEvent.objects.create(
        project_id=project_id,
        user_id=user_id,
        annotator_id=annotator_id,
        verb=verb,
        target=target[:120],
        detail=detail or {},
        at=now,
    )
