"""What every measurement says of itself, and where it writes it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import numpy as np
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def envelope(*, seconds: float, parameters: dict[str, Any]) -> dict[str, Any]:
    """Give the four fields of every JSON: commit, machine, seconds, settings."""
    return {
        "commit": commit(),
        "machine": machine(),
        "seconds": round(seconds, 3),
        "settings": parameters,
    }


def commit() -> str:
    """Name the code that was measured: the git commit, with a + where files differ from it."""
    command = ["git", "-C", str(settings.BASE_DIR)]
    try:
        head = subprocess.run(
            [*command, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        dirty = subprocess.run(
            [*command, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return f"larder {settings.LARDER_VERSION}"
    return head + ("+" if dirty else "")


def machine() -> dict[str, Any]:
    """Describe the machine: processor, cores that may be used, and the versions that matter."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "python": platform.python_version(),
        "django": django.get_version(),
        "numpy": np.__version__,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def write_json(payload: dict[str, Any], target: str | None) -> None:
    """Write a measurement to a file, or to standard output for `-`; None writes nothing."""
    if target is None:
        return
    text = json.dumps(payload, indent=2) + "\n"
    if target == "-":
        sys.stdout.write(text)
    else:
        Path(target).write_text(text, encoding="utf-8")


def flat(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """List nested figures by dotted names."""
    rows: list[tuple[str, Any]] = []
    for key, value in figures.items():
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{key}.")
        else:
            rows.append((prefix + key, value))
    return rows


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Give the lines of a Markdown table: the first column to the left, numbers to the right."""
    lines = [header, [":---", *["---:"] * (len(header) - 1)], *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]
