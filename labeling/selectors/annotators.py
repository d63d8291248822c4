"""Questions about annotators that the queue and consensus ask."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q

from labeling.models import (
    Annotation,
    Annotator,
    AnnotatorKind,
    Membership,
    Project,
    Role,
)

if TYPE_CHECKING:
    from datetime import datetime


def active_count(project: Project, now: datetime) -> int:
    """Count who answers these days: seen within the project's window, with an answer to show.

    At least 1, so that a project without anyone still asks for one vote. One who joined and never
    answered does not count: an audit image would wait for a vote that nobody gives.
    """
    since = now - timedelta(days=project.active_annotator_days)
    answers = Annotation.objects.filter(annotator=OuterRef("pk"))
    return max(
        1,
        Annotator.objects.filter(
            ~Q(kind=AnnotatorKind.IMPORT),
            Exists(answers),
            project=project,
            last_seen_at__gte=since,
            paused_at__isnull=True,
            quarantined_at__isnull=True,
        ).count(),
    )


def is_expert(annotator: Annotator) -> bool:
    """Tell whether the annotator's answers to disputes decide alone."""
    if annotator.user_id is None:
        return False
    return Membership.objects.filter(
        project_id=annotator.project_id,
        user_id=annotator.user_id,
        ended_at__isnull=True,
        role__in=(Role.EXPERT, Role.MANAGER, Role.OWNER),
    ).exists()
