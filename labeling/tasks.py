"""Celery tasks of labeling: each fetches ids and makes one service call."""

from __future__ import annotations

from typing import Any

from celery import current_app, shared_task
from django.utils import timezone

JOB_TASKS = {"import": ("labeling.tasks.run_import_job", "default")}
"""Kind of a `Job` to the task that does it, and its queue; the task takes `job_id`."""


@shared_task
def sweep(**_: Any) -> None:
    """Expire assignments, top up windows, and enqueue jobs that are due or stale (rule 6)."""
    from labeling.selectors import jobs
    from labeling.services import queue

    now = timezone.now()
    queue.sweep(now=now)
    for job in jobs.due(now):
        if job.kind in JOB_TASKS:
            name, where = JOB_TASKS[job.kind]
            current_app.send_task(name, kwargs={"job_id": job.job_id}, queue=where)


@shared_task
def top_up(*, project_id: int, **_: Any) -> None:
    """Top up the windows of one project."""
    from labeling.services import queue

    queue.top_up_now(project_id=project_id, now=timezone.now())


@shared_task
def run_import_job(*, job_id: int, **_: Any) -> None:
    """Go on with an import whose process is gone."""
    from labeling.services import imports

    imports.run_job(job_id=job_id, clock=timezone.now)
