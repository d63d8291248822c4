"""Which units of work the broker has forgotten (rule 6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Q

from labeling.models import Job, JobState

if TYPE_CHECKING:
    from datetime import datetime

WAITS_AT_MOST = timedelta(seconds=15)
SILENT_AT_MOST = timedelta(seconds=60)
AT_ONCE = ("ask_again", "replay")


@dataclass(frozen=True, slots=True)
class DueJob:
    """A job to hand to a worker again."""

    job_id: int
    kind: str


def due(now: datetime) -> list[DueJob]:
    """Give the jobs that nobody has begun for 15 s, or whose worker has been silent for 60 s.

    Some are due at once: nobody but the sweep tells a worker of them.
    """
    is_forgotten = Q(state=JobState.QUEUED, created_at__lte=now - WAITS_AT_MOST)
    is_forgotten |= Q(state=JobState.QUEUED, kind__in=AT_ONCE)
    is_stale = Q(state=JobState.RUNNING, heartbeat_at__lte=now - SILENT_AT_MOST)
    rows = Job.objects.filter(is_forgotten | is_stale).order_by("pk").values_list("pk", "kind")
    return [DueJob(pk, kind) for pk, kind in rows[:100]]


@dataclass(frozen=True, slots=True)
class Replay:
    """How far a project is with deciding again what one person's answers were part of."""

    done: int
    total: int | None


def replay_of(project_id: int, annotator_id: int) -> Replay | None:
    """Give the newest replay for one person that is not over, None where there is none."""
    open_jobs = Job.objects.filter(
        project_id=project_id,
        kind="replay",
        state__in=(JobState.QUEUED, JobState.RUNNING),
        settings__annotator=annotator_id,
    )
    found = open_jobs.order_by("-pk").values_list("done", "total").first()
    return None if found is None else Replay(*found)
