"""What is dropped because it has served its purpose; nothing of it is an answer of a person.

The stored replies to retries are good for a day. A prediction is kept for as long as the program
that asked may still want to say what became of it; one that was queued, or of which somebody said
anything, stays for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings

from labeling.selectors import projects
from ml.models import IdempotentReply, Prediction
from ml.services.idempotency import KEPT_FOR

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

ROWS_A_STATEMENT = 2000
"""So that no statement holds SQLite's one writer for long."""

MOST_STATEMENTS = 50
"""A call ends; what is left waits for the next one."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many rows went."""

    replies: int
    predictions: int


def drop_stale(*, now: datetime) -> Dropped:
    """Delete replies older than a day, and old predictions that nobody came back to."""
    replies = _drop(IdempotentReply.objects.filter(created_at__lt=now - KEPT_FOR))
    if not settings.PREDICTION_DAYS:
        return Dropped(replies, 0)
    before = now - timedelta(days=settings.PREDICTION_DAYS)
    done_with = Prediction.objects.filter(created_at__lt=before, queued=False, feedback="")
    # By project, which the index begins with.
    dropped = [_drop(done_with.filter(project_id=one)) for one in projects.ids()]
    return Dropped(replies, sum(dropped))


def _drop(rows: QuerySet[Any]) -> int:
    total = 0
    for _ in range(MOST_STATEMENTS):
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:ROWS_A_STATEMENT])
        if not keys:
            break
        rows.model._default_manager.filter(pk__in=keys).delete()
        total += len(keys)
    return total
