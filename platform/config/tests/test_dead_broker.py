from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from kombu.exceptions import OperationalError

from config.celery import app
from config.tests import servers


def test_publishing_to_a_dead_broker_fails_at_once(tmp_path: Path) -> None:
    url = f"redis+socket://{tmp_path}/nobody-listens.sock"
    with app.connection_for_write(url=url) as connection:
        started = time.monotonic()
        with pytest.raises(OperationalError):
            app.send_task("ml.tasks.refit_head", kwargs={"project_id": 1}, connection=connection)
    # A quarter of a second; whoever waits for somebody to listen waits for minutes.
    assert time.monotonic() - started < 10


HANG = """
import sys, time
import config.wsgi
from kombu.exceptions import OperationalError
from config.celery import app
started = time.monotonic()
try:
    app.send_task("ml.tasks.refit_head", kwargs={"project_id": 1})
except OperationalError:
    print(time.monotonic() - started)
"""


@pytest.mark.broker
def test_the_web_process_does_not_wait_for_a_broker_that_hangs(tmp_path: Path) -> None:
    with servers.valkey(tmp_path / "valkey.sock") as url:
        (server,) = (
            one for one in psutil.Process().children() if str(tmp_path) in " ".join(one.cmdline())
        )
        server.suspend()
        result = subprocess.run(
            [sys.executable, "-c", HANG],
            cwd=settings.BASE_DIR,
            env=servers.environment(LARDER_DATA=str(tmp_path / "data"), REDIS_URL=url),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert float(result.stdout) < 15, result.stderr
