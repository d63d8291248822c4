"""The supervisor keeps children alive and leaves none behind, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from config.supervisor import Child, Supervisor

# Prints its process and that of a child of its own, then stays.
FAMILY = """
import subprocess, sys, time
inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(inner.pid, flush=True)
time.sleep(600)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def _soon(is_true: Callable[[], object], *, timeout_s: float = 60) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if is_true():
            return True
        time.sleep(0.05)
    return bool(is_true())


def _is_alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    with Supervisor(
        folder=tmp_path, logs=tmp_path, working_dir=tmp_path, say=said.append, stop_grace_s=1
    ) as supervisor:
        yield supervisor


def _pid(folder: Path, name: str) -> int:
    path = folder / f"{name}.pid"
    assert _soon(lambda: path.is_file() and path.read_text())
    return int(path.read_text())


def test_starts_a_killed_child_again_and_says_so(
    supervisor: Supervisor, tmp_path: Path, said: list[str]
) -> None:
    supervisor.start(Child("sleeper", _python("import time; time.sleep(600)")))
    first = _pid(tmp_path, "sleeper")

    os.kill(first, signal.SIGKILL)

    def is_another() -> bool:
        path = tmp_path / "sleeper.pid"
        return path.is_file() and path.read_text() not in {"", str(first)}

    assert supervisor.wait_until(is_another, timeout_s=60)
    assert any("sleeper ended (code 137)" in line for line in said)


def test_a_child_that_runs_once_is_done_when_it_succeeds(supervisor: Supervisor) -> None:
    supervisor.start(Child("once", _python("print('done')"), is_once=True))

    assert supervisor.wait_until(lambda: supervisor.is_done("once"), timeout_s=60)
    assert supervisor.tail("once") == "done"
    assert supervisor.failures("once") == 0


def test_a_child_that_runs_once_is_tried_again_when_it_fails(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    code = (
        "import pathlib, sys; p = pathlib.Path('tried'); n = p.exists(); p.touch(); sys.exit(not n)"
    )
    supervisor.start(Child("once", _python(code), is_once=True))

    assert supervisor.wait_until(lambda: supervisor.failures("once") == 1, timeout_s=60)
    assert supervisor.wait_until(lambda: supervisor.is_done("once"), timeout_s=60)


def test_stopping_ends_grandchildren_and_a_child_that_does_not_listen(tmp_path: Path) -> None:
    with Supervisor(
        folder=tmp_path, logs=tmp_path, working_dir=tmp_path, say=print, stop_grace_s=1
    ) as supervisor:
        supervisor.start(Child("family", _python(FAMILY)))
        supervisor.start(Child("stubborn", _python(STUBBORN)))
        parent, stubborn = _pid(tmp_path, "family"), _pid(tmp_path, "stubborn")
        log = tmp_path / "family.log"
        assert _soon(lambda: log.read_text().strip())
        inner = int(log.read_text())
        started = time.monotonic()

    assert time.monotonic() - started < 60
    assert _soon(lambda: not any(_is_alive(pid) for pid in (parent, inner, stubborn)))


def test_warnings_of_a_child_are_repeated_with_its_name(
    supervisor: Supervisor, said: list[str]
) -> None:
    code = "print('2026 INFO quiet'); print('2026 WARNING a: look here', flush=True)"
    supervisor.start(Child("talker", _python(code), is_once=True))

    assert supervisor.wait_until(lambda: bool(said), timeout_s=60)
    assert said == ["[talker] 2026 WARNING a: look here"]


def test_a_warning_that_is_meant_stays_in_the_log(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    code = "print('[WARNING] many threads'); print('[WARNING] look here', flush=True)"
    child = Child("talker", _python(code), is_once=True, known=(b"many threads",))
    supervisor.start(child)

    assert supervisor.wait_until(lambda: bool(said), timeout_s=60)
    assert said == ["[talker] [WARNING] look here"]
    assert "many threads" in (tmp_path / "talker.log").read_text()


def test_a_warning_that_comes_again_and_again_is_said_once(
    supervisor: Supervisor, said: list[str]
) -> None:
    code = "[print(f'at {n} ERROR b: no luck', flush=True) for n in range(50)]"
    supervisor.start(Child("talker", _python(code), is_once=True))

    assert supervisor.wait_until(lambda: supervisor.is_done("talker"), timeout_s=60)
    supervisor.tick()
    assert said == ["[talker] at 0 ERROR b: no luck"]


@pytest.mark.parametrize("is_guard_killed", [False, True])
def test_no_orphan_is_left_when_the_supervisor_itself_is_killed(
    tmp_path: Path, *, is_guard_killed: bool
) -> None:
    code = f"""
        import pathlib, sys
        from config.supervisor import Child, Supervisor
        here = pathlib.Path({str(tmp_path)!r})
        supervisor = Supervisor(folder=here, logs=here, working_dir=here, say=print)
        supervisor.start(Child("family", [sys.executable, "-c", {FAMILY!r}]))
        supervisor.wait_until(lambda: False, timeout_s=600)
    """
    environment = {**os.environ, "PYTHONPATH": str(settings.BASE_DIR / "platform")}
    process = subprocess.Popen(_python(code), env=environment)
    parent, log = _pid(tmp_path, "family"), tmp_path / "family.log"
    assert _soon(lambda: log.read_text().strip())
    inner = int(log.read_text())
    if is_guard_killed:
        guard = psutil.Process(parent).parent()
        assert guard is not None
        guard.kill()
        assert _soon(lambda: not _is_alive(inner))
    process.kill()
    process.wait()

    assert _soon(lambda: not _is_alive(parent) and not _is_alive(inner))
