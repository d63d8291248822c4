"""What a month's training has cost so far."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db.models import Sum

from ml.models import TrainingRun

if TYPE_CHECKING:
    from labeling.selectors.projects import ProjectRow


def month_start(project: ProjectRow, now: datetime) -> datetime:
    """Give the first moment of the month in the project's time zone."""
    local = now.astimezone(ZoneInfo(project.time_zone))
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def this_month(project: ProjectRow, *, now: datetime, except_run: int | None = None) -> Decimal:
    """Sum what the runs since the first of the month have cost."""
    runs = TrainingRun.objects.filter(project=project, created_at__gte=month_start(project, now))
    if except_run is not None:
        runs = runs.exclude(pk=except_run)
    return runs.aggregate(total=Sum("cost"))["total"] or Decimal(0)


def so_far(project: ProjectRow) -> Decimal:
    """Sum what all runs of a project have cost."""
    runs = TrainingRun.objects.filter(project=project)
    return runs.aggregate(total=Sum("cost"))["total"] or Decimal(0)
