"""Who used the processor meanwhile: this measurement, or somebody else on the machine.

A figure taken on a busy machine says little; with this beside it one can see how busy it was.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
# Fields of /proc/PID/stat after the name in brackets: the parent, and four times in ticks.
PARENT, TIMES = 1, slice(11, 15)
CALM = 0.1  # cores
BUSY = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, steal of /proc/stat


@dataclass(frozen=True, slots=True)
class Used:
    """Core-seconds between two looks.

    Attributes:
        wall_s: seconds that passed.
        cores: how many cores there are.
        own_s: of this process and all below it; None where the system does not tell (not Linux).
        others_s: of everything else.
    """

    wall_s: float
    cores: int
    own_s: float | None
    others_s: float | None

    @property
    def free_cores(self) -> float:
        """Cores that others left: all of them where the system does not tell."""
        if self.others_s is None:
            return float(self.cores)
        return max(self.cores - self.others_s / self.wall_s, 0.05 * self.cores)


class Meter:
    """Starts counting when made."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.busy, self.own = _busy_s(), _own_s(os.getpid())

    def stop(self) -> Used:
        """Give what was used since."""
        wall = time.monotonic() - self.started
        busy, own = _busy_s(), _own_s(os.getpid())
        cores = cores_allowed()
        if busy is None or own is None or self.busy is None or self.own is None:
            return Used(wall, cores, None, None)
        mine = own - self.own
        return Used(wall, cores, mine, max(0.0, busy - self.busy - mine))


def wait_until_calm(*, longest_s: float = 20.0, look_s: float = 1.0) -> None:
    """Wait until this process and all below it have come to rest: whoever starts, starts first."""
    deadline = time.monotonic() + longest_s
    before = _own_s(os.getpid())
    while before is not None and time.monotonic() < deadline:
        time.sleep(look_s)
        now = _own_s(os.getpid()) or before
        if now - before < CALM * look_s:
            return
        before = now


def cores_allowed() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _busy_s() -> float | None:
    try:
        fields = (PROC / "stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    except OSError:
        return None
    return sum(int(fields[place]) for place in BUSY) / os.sysconf("SC_CLK_TCK")


def _own_s(root: int) -> float | None:
    """Sum what a process, those below it that live, and those it has reaped have used."""
    if not (PROC / str(root) / "stat").is_file():
        return None
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:  # it ended while we looked
            continue
        parents[int(entry.name)] = int(fields[PARENT])
        used[int(entry.name)] = sum(int(ticks) for ticks in fields[TIMES])
    ours = {root}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return sum(used.get(pid, 0) for pid in ours) / os.sysconf("SC_CLK_TCK")
