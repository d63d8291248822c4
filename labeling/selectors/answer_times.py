"""When answers were given, for figures over time."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from labeling.models import Annotation, AnnotationKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


def counts_until(project_id: int, moments: Sequence[datetime]) -> list[int]:
    """Count the live answers given up to each moment, by one query.

    Withdrawn ones count nowhere, and a skip is no answer.
    """
    times = list(
        Annotation.objects.filter(project_id=project_id, withdrawn_at__isnull=True)
        .exclude(kind__in=(AnnotationKind.UNDO, AnnotationKind.SKIP))
        .order_by("created_at", "pk")
        .values_list("created_at", flat=True)
    )
    return [bisect_right(times, moment) for moment in moments]
