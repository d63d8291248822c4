"""Larder as `make run` starts it, for tests: its processes, its links, its database."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import psutil
from django.conf import settings

from config.tests import servers

LINK = re.compile(r"^ +(Label|Staff room|API) +(\S+)$", re.MULTILINE)
PASSWORD = re.compile(r"password: (\S+)")


class NotInTimeError(Exception):
    """Something did not happen in time; the message holds what the terminal showed."""


def free_port() -> int:
    """Find a port that nothing listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Machine:
    """One data folder and, while it runs, the supervisor over it."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = free_port()
        self._environment = servers.environment(
            LARDER_DATA=str(data), LARDER_PORT=str(self.port), **environment
        )
        self._terminal = data.parent / f"{data.name}-terminal.txt"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the web process listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start everything and return at once."""
        with self._terminal.open("wb") as terminal:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=settings.BASE_DIR,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        """What the terminal shows."""
        return self._terminal.read_text(encoding="utf-8", errors="replace")

    def links(self, *, timeout_s: float) -> dict[str, str]:
        """Wait for the three links."""
        self.wait("the links", lambda: len(LINK.findall(self.said())) == 3, timeout_s=timeout_s)
        return dict(LINK.findall(self.said()))

    def wait(self, what: str, is_true: Callable[[], object], *, timeout_s: float) -> None:
        """Wait for something; NotInTimeError shows the terminal."""
        deadline = time.monotonic() + timeout_s
        while not is_true():
            ended = self._process is not None and self._process.poll() is not None
            if time.monotonic() > deadline or ended:
                raise NotInTimeError(f"{what} not within {timeout_s:.0f} s:\n{self.said()}")
            time.sleep(0.2)

    def stop(self, number: int = signal.SIGINT, *, timeout_s: float = 30) -> int:
        """Send a signal to the supervisor alone and wait for its end."""
        if self._process is None:
            return 0
        self._process.send_signal(number)
        return self._process.wait(timeout=timeout_s)

    def family(self) -> list[psutil.Process]:
        """Every process of this machine that is alive."""
        if self._process is None or self._process.poll() is not None:
            return []
        return psutil.Process(self._process.pid).children(recursive=True)

    def pid(self, name: str) -> int:
        """The process number of one child (not of its guard)."""
        return int((self.data / "run" / f"{name}.pid").read_text(encoding="ascii"))

    def kill(self, name: str) -> None:
        """SIGKILL a child and all its own children, as a machine out of memory would."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid(name), signal.SIGKILL)

    def freeze(self, name: str, *, is_frozen: bool) -> None:
        """Stop a child from doing anything, or let it go on."""
        os.killpg(self.pid(name), signal.SIGSTOP if is_frozen else signal.SIGCONT)

    def query(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Ask the database, read-only, as no part of Larder would."""
        uri = f"file:{self.data / 'larder.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
            return connection.execute(sql, values).fetchall()

    def count(self, sql: str, *values: object) -> int:
        """The one number a query gives."""
        return int(str(self.query(sql, *values)[0][0]))
