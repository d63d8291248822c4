"""Celery tasks of labeling: each fetches ids and makes one service call."""

from __future__ import annotations

from typing import Any

from celery import shared_task


@shared_task(queue="fast")
def sweep(**_: Any) -> None:
    """Expire assignments and enqueue what is due or stale."""
