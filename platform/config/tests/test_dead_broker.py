from __future__ import annotations

import time
from pathlib import Path

import pytest
from kombu.exceptions import OperationalError

from config.celery import app


def test_publishing_to_a_dead_broker_fails_at_once(tmp_path: Path) -> None:
    url = f"redis+socket://{tmp_path}/nobody-listens.sock"
    with app.connection_for_write(url=url) as connection:
        started = time.monotonic()
        with pytest.raises(OperationalError):
            app.send_task("ml.tasks.refit_head", kwargs={"project_id": 1}, connection=connection)
    assert time.monotonic() - started < 1
