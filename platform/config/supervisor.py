"""Keep a set of child processes alive, log them, and stop them all cleanly.

Knows nothing of Larder or Django: `config.machine` says which children there are.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from config import guard

GUARD = Path(guard.__file__)
TICK_S = 0.25
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 30.0
STEADY_S = 60.0
GUARD_S = 2.0
AGAIN_S = 60.0
LARGEST_LOG_BYTES = 10 * 1024 * 1024
LOUD = (b" WARNING ", b" ERROR ", b" CRITICAL ", b"[WARNING]", b"[ERROR]", b"Traceback (most")


@dataclass(frozen=True)
class Child:
    """One process to keep running, or to run once until it succeeds.

    Attributes:
        name: names its log file and its lines on the terminal.
        command: the program and its arguments.
        environment: added to the supervisor's own.
        is_once: it ends by itself; it is started again only when it failed.
        is_last: it is stopped after all others (the broker).
        is_quiet: nothing of its log is repeated on the terminal.
        is_told: every line of its log is; else only warnings and errors are.
        known: words of warnings that are meant: they stay in its log.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_once: bool = False
    is_last: bool = False
    is_quiet: bool = False
    is_told: bool = False
    known: tuple[bytes, ...] = ()


@dataclass
class _Running:
    child: Child
    process: subprocess.Popen[bytes] | None
    started_s: float
    log: Path
    read_bytes: int
    n_failures: int = 0
    due_s: float | None = None
    is_done: bool = False
    said: dict[str, float] = field(default_factory=dict)


class Supervisor:
    """Starts, watches, restarts and stops children; use as a context manager."""

    def __init__(
        self,
        *,
        folder: Path,
        logs: Path,
        working_dir: Path,
        say: Callable[[str], None],
        stop_grace_s: float = 8.0,
    ) -> None:
        self._folder = folder
        self._logs = logs
        self._working_dir = working_dir
        self._say = say
        self._stop_grace_s = stop_grace_s
        self._running: dict[str, _Running] = {}
        self._read_fd, self._write_fd = os.pipe()

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, child: Child) -> None:
        """Start a child that is not running yet."""
        log = self._logs / f"{child.name}.log"
        if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        size = log.stat().st_size if log.exists() else 0
        running = _Running(child, None, 0.0, log, size)
        self._running[child.name] = running
        self._spawn(running)

    def has_started(self, name: str) -> bool:
        """Whether a child of this name was ever started."""
        return name in self._running

    def is_done(self, name: str) -> bool:
        """Whether a child that runs once has succeeded."""
        running = self._running.get(name)
        return running is not None and running.is_done

    def failures(self, name: str) -> int:
        """How often in a row a child has failed; 0 while all is well."""
        return self._running[name].n_failures

    def tail(self, name: str, lines: int = 20) -> str:
        """Read the end of a child's log."""
        text = self._running[name].log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def wait_until(self, is_reached: Callable[[], bool], *, timeout_s: float) -> bool:
        """Look after the children until something is reached; False when time runs out."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if is_reached():
                return True
            self.tick()
            time.sleep(TICK_S)
        return is_reached()

    def tick(self) -> None:
        """Repeat warnings, notice ends, start again what is due."""
        for running in list(self._running.values()):
            self._repeat_warnings(running)
            if running.process is not None and running.process.poll() is not None:
                self._notice_end(running)
            if running.due_s is not None and time.monotonic() >= running.due_s:
                self._spawn(running)

    def stop(self) -> None:
        """Stop all children: a polite signal, then after the grace no mercy. Broker last."""
        everyone = list(self._running.values())
        self._stop_some(running for running in everyone if not running.child.is_last)
        self._stop_some(running for running in everyone if running.child.is_last)
        self._running.clear()
        for descriptor in (self._read_fd, self._write_fd):
            with suppress(OSError):
                os.close(descriptor)

    def _pid_file(self, child: Child) -> Path:
        return self._folder / f"{child.name}.pid"

    def _spawn(self, running: _Running) -> None:
        child = running.child
        guarded = [sys.executable, "-S", "-E", str(GUARD), str(self._read_fd)]
        command = [*guarded, str(self._pid_file(child)), *child.command]
        with running.log.open("ab") as log:
            running.process = subprocess.Popen(
                command,
                cwd=self._working_dir,
                env={**os.environ, **child.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(self._read_fd,),
                start_new_session=True,
            )
        running.started_s = time.monotonic()
        running.due_s = None

    def _notice_end(self, running: _Running) -> None:
        process, running.process = running.process, None
        if process is None:
            return
        code = process.returncode
        self._kill_left_over(running.child)
        if running.child.is_once and code == 0:
            running.is_done, running.n_failures = True, 0
            return
        if time.monotonic() - running.started_s > STEADY_S:
            running.n_failures = 0
        delay_s = min(FIRST_DELAY_S * 2**running.n_failures, LONGEST_DELAY_S)
        running.n_failures += 1
        running.due_s = time.monotonic() + delay_s
        name = running.child.name
        self._say(
            f"{name} ended (code {code}); starting it again in {delay_s:.0f} s. {running.log}"
        )

    def _kill_left_over(self, child: Child) -> None:
        """End what a guard that was itself killed has left behind."""
        path = self._pid_file(child)
        with suppress(FileNotFoundError, ValueError):
            guard.kill_group(int(path.read_text(encoding="ascii")))
            path.unlink(missing_ok=True)

    def _repeat_warnings(self, running: _Running) -> None:
        with suppress(FileNotFoundError), running.log.open("rb") as log:
            log.seek(running.read_bytes)
            chunk = log.read()
            end = chunk.rfind(b"\n") + 1
            running.read_bytes += end
            if running.child.is_quiet:
                return
            for line in chunk[:end].splitlines():
                is_detail = line.startswith(b" ")  # of a traceback: the log has it whole
                is_told = running.child.is_told and not is_detail
                is_known = any(words in line for words in running.child.known)
                if is_told or (any(word in line for word in LOUD) and not is_known):
                    self._repeat(running, line.decode(errors="replace"))

    def _repeat(self, running: _Running, line: str) -> None:
        """Say a line, but what differs only in its numbers not again for a while."""
        kind = re.sub(r"[0-9]+", "0", line)
        now = time.monotonic()
        if running.child.is_told or now - running.said.get(kind, -AGAIN_S) >= AGAIN_S:
            running.said[kind] = now
            self._say(f"[{running.child.name}] {line}")

    def _stop_some(self, some: Iterable[_Running]) -> None:
        alive = [running for running in some if running.process is not None]
        for running in alive:
            if running.process is not None:
                running.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._stop_grace_s
        for running in alive:
            if running.process is None:
                continue
            with suppress(subprocess.TimeoutExpired):
                running.process.wait(timeout=max(0.05, deadline - time.monotonic()))
            self._kill_left_over(running.child)
            with suppress(subprocess.TimeoutExpired):
                running.process.wait(timeout=GUARD_S)  # the guard sees its child end, and ends
            running.process.kill()
            running.process.wait()
