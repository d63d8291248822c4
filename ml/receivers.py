"""Receivers of labeling's events. Each only enqueues a task; the sweep finds what they miss."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from django.dispatch import receiver
from kombu.exceptions import OperationalError

from labeling import events
from ml import tasks

if TYPE_CHECKING:
    from celery.app.task import Task

logger = logging.getLogger(__name__)

PAUSE_S = 0.1


@receiver(events.images_added, dispatch_uid="ml.embed")
def embed_new_images(*, project_id: int, **_: Any) -> None:
    """Ask for the embeddings of a project's new images."""
    _enqueue(tasks.embed_images, project_id)


@receiver(events.annotation_submitted, dispatch_uid="ml.refit")
def refit_after_answer(*, project_id: int, **_: Any) -> None:
    """Ask for a head refit: one running, at most one waiting."""
    _refits.ask(project_id)


@receiver(events.scheme_changed, dispatch_uid="ml.refit_scheme")
def refit_after_scheme_change(*, project_id: int, **_: Any) -> None:
    """Ask for a head over the new label order."""
    _enqueue(tasks.refit_head, project_id)


@receiver(events.labels_changed, dispatch_uid="ml.refit_labels")
def refit_after_labels_changed(*, project_id: int, **_: Any) -> None:
    """Ask for a head over labels that a sweep or a quarantine has changed."""
    _enqueue(tasks.refit_head, project_id)


@receiver(events.partition_decided, dispatch_uid="ml.refill")
def refill_after_partition(*, project_id: int, **_: Any) -> None:
    """Ask for a window over the images that may be labeled now."""
    _enqueue(tasks.refit_head, project_id)


class _Refits:
    """Asks for refits: at once, and then no more often than a refit could follow.

    What comes within that time is asked for once, at its end. So a crowd's answers do not each pay
    for a message that changes nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked_at: dict[int, float] = {}
        self._waiting: set[int] = set()

    def ask(self, project_id: int) -> None:
        """Ask for one now, or at the end of the pause."""
        with self._lock:
            if project_id in self._waiting:
                return
            now = time.monotonic()
            pause_s = self._asked_at.get(project_id, -PAUSE_S) + PAUSE_S - now
            if pause_s > 0:
                self._waiting.add(project_id)
            else:
                self._asked_at[project_id] = now
        if pause_s > 0:
            timer = threading.Timer(pause_s, self._ask_late, [project_id])
            timer.daemon = True
            timer.start()
        else:
            _enqueue(tasks.refit_head, project_id)

    def _ask_late(self, project_id: int) -> None:
        with self._lock:
            self._waiting.discard(project_id)
            self._asked_at[project_id] = time.monotonic()
        _enqueue(tasks.refit_head, project_id)


_refits = _Refits()


def _enqueue(task: Task[Any, Any], project_id: int) -> None:
    try:
        task.delay(project_id=project_id)
    except OperationalError as error:
        # The broker is a hint (rule 6): one line, not a page, for each answer while it is down.
        logger.warning("%s waits for the sweep: no broker (%s)", task.name, error)
