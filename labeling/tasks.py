"""Celery tasks of labeling: each fetches ids and makes one service call."""

from __future__ import annotations

from typing import Any

from celery import current_app, shared_task
from django.utils import timezone

JOB_TASKS = {
    "import": ("labeling.tasks.run_import_job", "default"),
    "ask_again": ("labeling.tasks.run_ask_again_job", "default"),
    "replay": ("labeling.tasks.run_replay_job", "default"),
}
"""Kind of a `Job` to the task that does it, and its queue; the task takes `job_id`."""


EXPIRES_S = 10
"""What the sweep enqueues it enqueues again: an unread hint must not pile up."""


@shared_task
def sweep(**_: Any) -> None:
    """Expire assignments, top up windows, and enqueue what is due or stale (rule 6)."""
    from labeling.selectors import crowd, jobs
    from labeling.services import queue

    now = timezone.now()
    queue.sweep(now=now)
    for job in jobs.due(now):
        if job.kind in JOB_TASKS:
            name, where = JOB_TASKS[job.kind]
            current_app.send_task(name, kwargs={"job_id": job.job_id}, queue=where)
    for project_id in crowd.due(now):
        sweep_crowd.apply_async(kwargs={"project_id": project_id}, expires=EXPIRES_S)


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


@shared_task
def sweep_crowd(*, project_id: int, **_: Any) -> None:
    """Fit what the annotators of a project share, and decide what is open again."""
    from labeling.services import crowd

    crowd.sweep(project_id=project_id, clock=timezone.now)


@shared_task
def run_replay_job(*, job_id: int, **_: Any) -> None:
    """Replay a project after somebody's answers were set aside, or taken back in."""
    from labeling.services import quarantine

    quarantine.run_job(job_id=job_id, clock=timezone.now)


@shared_task
def run_ask_again_job(*, job_id: int, **_: Any) -> None:
    """Ask again about the images of a label that was split."""
    from labeling.services import ask_again

    ask_again.run_job(job_id=job_id, clock=timezone.now)


@shared_task
def follow_people(**_: Any) -> None:
    """Ask experts what is due of the audit slice, measure suggestions, settle doubts answered."""
    from labeling.services import adjudication, anchoring, doubts

    now = timezone.now()
    adjudication.sweep(now=now)
    anchoring.sweep(now=now)
    doubts.sweep(now=now)


@shared_task
def snapshot_agreement(**_: Any) -> None:
    """Take the day's snapshot of agreement of every project with new answers."""
    from labeling.services import agreement

    agreement.take_due(now=timezone.now())
