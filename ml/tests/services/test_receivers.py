"""Asking for refits goes on, whatever the broker answers; workers start with what they need."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from celery import current_app
from celery.signals import worker_process_init
from kombu.exceptions import OperationalError
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from ml import receivers
from ml.inference.embedder import OnnxEmbedder
from ml.inference.files import sha256_of
from ml.services import embedding

PATIENCE_S = 60.0


class Refused:
    """A task whose message goes wrong a number of times, and then arrives."""

    name = "ml.refit_head"

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.arrived: list[int] = []
        self.tried = threading.Event()

    def delay(self, *, project_id: int) -> None:
        try:
            if self.faults:
                raise self.faults.pop(0)
            self.arrived.append(project_id)
        finally:
            self.tried.set()

    def wait(self) -> None:
        """Wait until one more was tried."""
        assert self.tried.wait(PATIENCE_S)
        self.tried.clear()


def asking(task: Refused) -> receivers._Asks:
    return receivers._Asks(cast("Any", task), receivers.REFIT_PAUSE_S)


@pytest.mark.parametrize(
    "fault",
    [
        OperationalError("no route"),
        OutOfMemoryError("command not allowed when used memory > 'maxmemory'"),
        ReadOnlyError("You can't write against a read only replica."),
    ],
    ids=["dead", "full", "read only"],
)
def test_a_message_the_broker_refuses_is_one_line_and_the_next_one_goes_out(
    caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    task = Refused(fault)
    refits = asking(task)

    refits.ask(7)
    task.wait()
    thread = refits._thread
    refits.ask(8)
    task.wait()

    assert task.arrived == [8]
    assert refits._thread is thread
    lines = [each for each in caplog.records if each.name == receivers.logger.name]
    assert [each.levelno for each in lines] == [logging.WARNING]
    assert "ml.refit_head waits for the sweep" in lines[0].getMessage()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_died_is_started_again() -> None:
    task = Refused(RuntimeError("nobody thought of this"))
    refits = asking(task)

    refits.ask(7)
    task.wait()
    dead: Any = refits._thread
    dead.join(PATIENCE_S)
    refits.ask(8)
    task.wait()

    assert not dead.is_alive()
    assert task.arrived == [8]


def test_what_is_asked_in_one_moment_is_one_message() -> None:
    task = Refused()
    asks = receivers._Asks(cast("Any", task), 0.3)

    for _ in range(20):
        asks.ask(7)
    task.wait()
    asks.ask(7)
    task.wait()

    assert task.arrived == [7, 7]


PROGRAM = """
import sys
import django

django.setup()
from ml import receivers

class Told:
    name = "told"

    def delay(self, *, project_id):
        print(project_id, flush=True)

asks = receivers._Asks(Told(), 60.0)
asks.ask(7)
while asks._asked or asks._wake.is_set():
    pass
asks.ask(8)
"""


def test_a_command_that_ends_within_the_pause_still_sends_its_last_message() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert done.stdout.split() == ["7", "8"], done.stderr


@pytest.fixture
def worker_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Start what a worker's process of a queue starts, and wait for it."""

    def start(queue: str) -> None:
        monkeypatch.setattr(current_app.amqp.queues, "_consume_from", {queue: None})
        worker_process_init.send(sender=None)
        for thread in threading.enumerate():
            if thread.name == "warm":
                thread.join(PATIENCE_S)

    return start


def test_a_worker_that_embeds_has_its_backbone_loaded_before_the_first_import(
    backbone: Path, worker_of: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    warmed: list[str] = []
    monkeypatch.setattr(OnnxEmbedder, "warm", lambda engine: warmed.append(engine.digest))
    embedding.forget()

    worker_of("fast")
    assert warmed == []
    worker_of("default")

    assert warmed == [sha256_of(backbone)]


def test_a_worker_without_a_backbone_starts_all_the_same(
    backbone: Path, worker_of: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    backbone.unlink()
    caplog.set_level(logging.INFO, logger=receivers.logger.name)

    worker_of("default")

    assert "Nothing is loaded before the first import" in caplog.text
