"""The database of a test, where processes of its own can reach it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection


def shared_database(file: Path) -> str:
    """Give an address under which another process finds what the test has written.

    On SQLite that is a copy, made here and now, in `file`.
    """
    if connection.vendor == "postgresql":
        name = connection.settings_dict["NAME"]
        return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    connection.ensure_connection()
    with closing(sqlite3.connect(file)) as copy:
        connection.connection.backup(copy)
        # Here, by one: of several processes that switch a file to WAL at once, SQLite lets one
        # through and refuses the others without waiting. A project's own file is made by one.
        copy.execute("PRAGMA journal_mode=WAL")
    return f"sqlite:///{file}"
