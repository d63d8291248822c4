"""The web process dies between storing an answer and saying so."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings

from config.tests import servers
from config.tests.e2e.machine import free_port
from config.tests.e2e.volunteer import Volunteer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480)]


class Web:
    """One web process on a data folder of its own; there is no broker and no worker."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.environment = servers.environment(
            LARDER_DATA=str(data),
            LARDER_PORT=str(self.port),
            DJANGO_SETTINGS_MODULE="config.settings",
            REDIS_URL="memory://",
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> str:
        """Make the project; give the invitation's token."""
        done = subprocess.run(
            [sys.executable, "-m", "config.tests.e2e.small_project"],
            cwd=settings.BASE_DIR,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def serve(self, application: str) -> None:
        """Start a process and wait until it answers."""
        command = [sys.executable, "-m", "granian", application, "--interface", "wsgi"]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        self._process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=self.environment, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"{application} does not answer")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def answers(self) -> int:
        with closing(sqlite3.connect(self.data / "larder.sqlite3")) as database:
            row = database.execute("SELECT count(*) FROM labeling_annotation").fetchone()
        return int(row[0])


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    web = Web(tmp_path / "data")
    yield web
    web.stop()


def test_an_answer_whose_reply_was_lost_is_there_once_and_its_retry_gets_the_reply(
    web: Web,
) -> None:
    token = web.prepare()
    web.serve("config.tests.e2e.dying_wsgi:application")
    volunteer = Volunteer(web.url)
    volunteer.join(f"{web.url}/join/{token}", "Ada")

    answering = threading.Thread(target=volunteer.answer_one, args=(lambda _: "apple",))
    answering.start()
    died = web.data / "died"
    deadline = time.monotonic() + 90
    while not died.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert died.exists()
    stored_before_any_reply = web.answers()
    web.stop()
    web.serve("config.wsgi:application")
    answering.join(timeout=150)

    assert not answering.is_alive()
    assert stored_before_any_reply == 1
    assert web.answers() == 1
    assert len(volunteer.answered) == 1
    assert volunteer.answer_one(lambda _: "apple")
    assert web.answers() == 2
