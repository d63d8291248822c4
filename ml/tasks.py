"""Celery tasks of ml: each fetches ids and makes one service call."""

from __future__ import annotations

from typing import Any

from celery import shared_task


@shared_task(queue="default")
def embed_images(*, project_id: int, **_: Any) -> None:
    """Embed a project's images that have no vector yet, in batches of at most two seconds."""


@shared_task(queue="fast")
def refit_head(*, project_id: int, **_: Any) -> None:
    """Refit a project's head if there is something new, check it, deploy it, refill the queue."""


@shared_task(queue="fast")
def sweep(**_: Any) -> None:
    """Enqueue what is due or stale; the database says what."""
