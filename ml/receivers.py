"""Receivers of labeling's events. Each only enqueues a task; the sweep finds what they miss.

And one of a worker's start, so that the first import need not wait for the engine.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from celery import current_app
from celery.signals import worker_process_init
from django.dispatch import receiver
from kombu.exceptions import OperationalError

from labeling import events
from ml import tasks
from ml.errors import MlError

if TYPE_CHECKING:
    from celery.app.task import Task

logger = logging.getLogger(__name__)

REFIT_PAUSE_S = 0.1
EMBED_PAUSE_S = 1.0
"""An import stores a batch every tenth of a second, and each would cost a message and a task; but a
worker that is told once goes on by itself until nothing is left."""


@receiver(events.images_added, dispatch_uid="ml.embed")
def embed_new_images(*, project_id: int, **_: Any) -> None:
    """Ask for the embeddings of a project's new images."""
    _embeds.ask(project_id)


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


@worker_process_init.connect(dispatch_uid="ml.warm")
def warm_a_new_process(**_: Any) -> None:
    """Load what the queue's first task would load, beside it: Celery kills a start that lingers."""
    for name in set(current_app.amqp.queues.consume_from) & set(_LOADS):
        threading.Thread(target=_LOADS[name], name="warm", daemon=True).start()


def _load_embedding() -> None:
    from ml.services import embedding, partition  # noqa: F401, PLC0415 - to have them loaded

    try:
        embedding.warm()
    except MlError as error:
        logger.info("Nothing is loaded before the first import: %s", error)


def _load_refit() -> None:
    import scipy.cluster.hierarchy  # noqa: F401, PLC0415 - half a second, for lending groups

    from ml.services import refit  # noqa: F401, PLC0415 - to have it loaded


_LOADS = {"default": _load_embedding, "fast": _load_refit}
"""What a worker of a queue loads when it starts."""


class _Asks:
    """Asks for a task from a thread of its own: at once, and then not again for a moment.

    What comes meanwhile is asked for once. So nobody who answers waits for the broker, and a
    crowd's answers do not each pay for a message that changes nothing.
    """

    def __init__(self, task: Task[Any, Any], pause_s: float) -> None:
        self.task, self.pause_s = task, pause_s
        self._asked: set[int] = set()
        self._wake = threading.Event()
        self._starting = threading.Lock()
        self._sending = threading.Lock()
        self._process = 0
        self._thread: threading.Thread | None = None

    def ask(self, project_id: int) -> None:
        """Ask for one, now or with the next."""
        if not self._is_running():
            self._start()
        self._asked.add(project_id)
        if not self._wake.is_set():
            self._wake.set()

    def _is_running(self) -> bool:
        """Tell whether this process has a live thread: a fork takes none along."""
        is_mine = self._process == os.getpid()
        return is_mine and self._thread is not None and self._thread.is_alive()

    def _start(self) -> None:
        """Start the thread, in each process again, and again where it has died."""
        with self._starting:
            if not self._is_running():
                self._process = os.getpid()
                self._thread = threading.Thread(target=self._run, name="asks", daemon=True)
                self._thread.start()
                atexit.register(self._send)  # a command may end within the pause

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            self._send()
            time.sleep(self.pause_s)

    def _send(self) -> None:
        with self._sending:  # the end of a process waits for what is just being sent
            while self._asked:
                _enqueue(self.task, self._asked.pop())


_refits = _Asks(tasks.refit_head, REFIT_PAUSE_S)
_embeds = _Asks(tasks.embed_images, EMBED_PAUSE_S)


def _enqueue(task: Task[Any, Any], project_id: int) -> None:
    # A twelfth of the start of every command, most of which send nothing.
    from redis.exceptions import RedisError  # noqa: PLC0415

    try:
        task.delay(project_id=project_id)
    except (OperationalError, RedisError) as error:
        # The broker is a hint (rule 6): one line, not a page, for each answer while it is down,
        # or full, or read-only: kombu lets redis's own refusals through.
        logger.warning("%s waits for the sweep: no broker (%s)", task.name, error)
