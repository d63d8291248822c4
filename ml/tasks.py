"""Celery tasks of ml: each fetches ids and makes one service call."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.utils import timezone

EXPIRES_S = 10
"""What the sweep enqueues it enqueues again: an unread hint must not pile up."""

BATCHES_A_TASK, BATCH_S = 2, 3.0
"""A worker is given 8 seconds to stop in. Each batch costs 0.1 s of deciding, however short."""

logger = logging.getLogger(__name__)


@shared_task
def embed_images(*, project_id: int, **_: Any) -> None:
    """Embed a few seconds of a project's images, decide their partitions, and go on."""
    from ml.services import partition

    done = partition.advance(
        project_id=project_id,
        now=timezone.now(),
        seconds=BATCH_S,
        at_most=BATCHES_A_TASK,
        goes_on=True,
    )
    if done.is_ours and done.embedded and done.remaining:
        embed_images.delay(project_id=project_id)


@shared_task
def refit_head(*, project_id: int, **_: Any) -> None:
    """Refit a project's head if there is something new, check it, deploy it, refill the queue."""
    from ml.services import refit

    outcome = refit.run(project_id=project_id, now=timezone.now())
    if outcome.has_more:
        refit_head.delay(project_id=project_id)


@shared_task
def finetune(*, project_id: int, **_: Any) -> None:
    """Tune the backbone on a project's labels, if a run is due, and put the result to the test."""
    from ml.services import finetune as service

    service.run(project_id=project_id, clock=timezone.now)


@shared_task
def reembed(*, project_id: int, **_: Any) -> None:
    """Embed about two seconds of images for a challenger's backbone; hand over when it is due."""
    from ml.services import handover

    if handover.advance(project_id=project_id, now=timezone.now()):
        reembed.delay(project_id=project_id)


@shared_task
def search_new_labels(*, project_id: int, **_: Any) -> None:
    """Look for a label that the scheme lacks, in the images that fit none of its labels."""
    from ml.services import new_labels

    new_labels.search(project_id=project_id, now=timezone.now())


@shared_task
def look_ahead(*, project_id: int, **_: Any) -> None:
    """Compute the forecast and the answers saved anew, unless somebody just has."""
    from ml.services import outlook

    outlook.update(project_id=project_id, now=timezone.now())


@shared_task
def search_label_errors(*, project_id: int, **_: Any) -> None:
    """Look for labels that heads and neighbours speak against, for a second opinion."""
    from ml.services import label_errors

    label_errors.search(project_id=project_id, now=timezone.now())


@shared_task
def sweep(**_: Any) -> None:
    """Enqueue what is due or stale; the database says what."""
    from ml.services import due

    by_name = {
        "embed": embed_images,
        "refit": refit_head,
        "finetune": finetune,
        "reembed": reembed,
        "new_labels": search_new_labels,
        "label_errors": search_label_errors,
        "outlook": look_ahead,
    }
    for work in due.find(now=timezone.now()):
        by_name[work.kind].apply_async(kwargs={"project_id": work.project_id}, expires=EXPIRES_S)


@shared_task
def drop_stale(**_: Any) -> None:
    """Delete stored replies and predictions that have served their purpose."""
    from ml.services import retention

    retention.drop_stale(now=timezone.now())


@shared_task
def settle_feedback(**_: Any) -> None:
    """Turn feedback on queued pictures into answers once their partition is decided."""
    from ml.services import feedback

    feedback.settle(now=timezone.now())
