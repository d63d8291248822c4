"""Run one command and see that none of its processes outlives the one that asked for it.

    python guard.py FD PIDFILE command …

FD is the reading end of a pipe whose other end only the supervisor holds: when the supervisor is
gone, however it went, the pipe closes and the guard ends the command's whole process group. This
works on Linux and macOS alike. It runs as a bare script: the standard library alone.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

GRACE_S = 5.0
POLL_S = 0.2


def kill_group(group: int) -> None:
    """Kill every process of a group; one that is already gone is what was wanted."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def main(arguments: list[str]) -> int:
    """Run the command; its exit code, or 128 + the signal that ended it."""
    watched, pid_file, command = int(arguments[0]), Path(arguments[1]), arguments[2:]
    child = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)
    pid_file.write_text(str(child.pid), encoding="ascii")

    def forward(number: int, _frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child.pid, number)

    # Ctrl-C reaches the supervisor, which stops its children in the right order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGQUIT, forward)
    while child.poll() is None:
        is_closed, _, _ = select.select([watched], [], [], POLL_S)
        if is_closed:
            _end(child)
            break
    kill_group(child.pid)
    pid_file.unlink(missing_ok=True)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=GRACE_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
