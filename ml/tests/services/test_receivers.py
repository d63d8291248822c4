"""Asking for refits goes on, whatever the broker answers."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from kombu.exceptions import OperationalError
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from ml import receivers, tasks

PATIENCE_S = 10.0


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


def refusing(monkeypatch: pytest.MonkeyPatch, *faults: Exception) -> Refused:
    task = Refused(*faults)
    monkeypatch.setattr(tasks, "refit_head", task)
    return task


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
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    task = refusing(monkeypatch, fault)
    refits = receivers._Refits()

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
def test_a_thread_that_died_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    task = refusing(monkeypatch, RuntimeError("nobody thought of this"))
    refits = receivers._Refits()

    refits.ask(7)
    task.wait()
    dead: Any = refits._thread
    dead.join(PATIENCE_S)
    refits.ask(8)
    task.wait()

    assert not dead.is_alive()
    assert task.arrived == [8]
