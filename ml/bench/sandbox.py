"""A whole Larder in a temporary folder: its own data, its own port, the real processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

READY_S = 180.0
STOP_S = 30.0


class SandboxError(RuntimeError):
    """The processes did not come up; there is nothing to measure."""


def free_port() -> int:
    """Give a port of the loopback that nothing listens on now."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def folder() -> Iterator[Path]:
    """Give a temporary data folder and remove it afterwards."""
    work = Path(tempfile.mkdtemp(prefix="larder-bench-"))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def environment(work: Path, *, broker: str | None = None) -> dict[str, str]:
    """Give the environment in which everything of Larder lives in `work`."""
    given = {
        "LARDER_ENV": "local",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LARDER_DATA": str(work),
        "LARDER_BACKBONE": settings.BACKBONE,
        "LARDER_BACKBONE_DIR": str(settings.BACKBONE_DIR),
        "LARDER_LOG_LEVEL": "WARNING",
        "LARDER_S3_BUCKET": "",
        "DATABASE_URL": f"sqlite:///{work}/larder.sqlite3",
    }
    if broker:
        given["REDIS_URL"] = broker
    left_out = {"REDIS_URL", "LARDER_DEMO_IMAGES", "IMAGES", "CLASSES", "LABELS", "SHARE"}
    return {key: value for key, value in os.environ.items() if key not in left_out} | given


@contextmanager
def processes(work: Path, *options: str, ready: str = "readyz", **more: str) -> Iterator[str]:
    """Run `manage.py up` on a folder; give its address once it is ready.

    Args:
        work: the data folder.
        options: of `up`.
        ready: the address that answers when it is.
        more: of its environment.

    Raises:
        SandboxError: it ended or was not ready in time; the message holds the end of its output.
    """
    port = free_port()
    log = work / "up.txt"
    given = environment(work) | {
        "LARDER_PORT": str(port),
        "LARDER_PUBLIC_URL": f"http://127.0.0.1:{port}",
        **more,
    }
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "up", *options],
            env=given,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_ready(f"{address}/{ready}", child, log)
            yield address
        finally:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()


def _wait_until_ready(url: str, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise SandboxError(f"Larder was not ready:\n{log.read_text(errors='replace')[-3000:]}")
