"""A pytest plugin (`-p config.tests.database_only`): keep the tests that use the database.

The unit tier runs them on SQLite; the postgres tier runs the same tests on PostgreSQL, but for
those of what plays on a SQLite of its own wherever it is called (`sqlite`).
"""

from __future__ import annotations

import pytest

FIXTURES = {"db", "transactional_db", "django_db_setup", "client", "live_server"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept = [item for item in items if _uses_the_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def _uses_the_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("sqlite"):
        return False
    marks = ("django_db", "postgres")
    names = set(getattr(item, "fixturenames", ()))
    return any(item.get_closest_marker(mark) for mark in marks) or bool(names & FIXTURES)
