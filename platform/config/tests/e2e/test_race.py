"""The race: 32 clients in four processes against the real web process, which is killed twice.

The same on SQLite and on PostgreSQL. At the end the database itself is asked: nothing
over-assigned, lost or doubled, and every key that a client was told is stored is there, once.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from config import machine
from config.tests import servers
from config.tests.e2e.machine import free_port
from config.tests.e2e.race_world import AUDIT, POOL

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]
PROCESSES, THREADS = 4, 8
SECONDS, TTL_S = 24.0, 3
KILLS_AT_S = (5.0, 10.0)
CAP = 4
# A person's, so that a fast server does not run out of images, which are shortfalls rightly.
MOST_ANSWERS = 130
LEAST_ANSWERS = 12


class World:
    """A database, the web process on it, and the clients."""

    def __init__(self, data: Path, database_url: str) -> None:
        self.url = database_url
        self.port = free_port()
        self.environment = servers.environment(
            LARDER_DATA=str(data),
            LARDER_PORT=str(self.port),
            DJANGO_SETTINGS_MODULE="config.settings",
            DATABASE_URL=database_url,
            REDIS_URL="memory://",
            LARDER_LOG_LEVEL="ERROR",
        )
        self._web: subprocess.Popen[bytes] | None = None
        self.log = data / "web.log"

    def prepare(self) -> dict[str, Any]:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "config.tests.e2e.race_world",
                str(PROCESSES * THREADS),
                f"{TTL_S}",
            ],
            cwd=settings.BASE_DIR,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        made: dict[str, Any] = json.loads(done.stdout)
        return made

    def serve(self) -> None:
        """Start the web process by the command that `manage.py up` starts it with."""
        child = machine.web(host="127.0.0.1", port=self.port, extra={})
        with self.log.open("ab") as log:
            self._web = subprocess.Popen(
                list(child.command),
                cwd=settings.BASE_DIR,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with (
                suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2),
            ):
                return
            time.sleep(0.1)
        raise AssertionError(self.log.read_text(errors="replace")[-2000:])

    def kill(self) -> None:
        """End the web process and its workers as a power cut would."""
        if self._web is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._web.pid, signal.SIGKILL)
            self._web.wait(20)
            self._web = None

    def play(self, made: dict[str, Any]) -> list[dict[str, Any]]:
        started = time.monotonic()
        clients = [self._client(made, number) for number in range(PROCESSES)]
        for moment in KILLS_AT_S:
            time.sleep(max(0.0, started + moment - time.monotonic()))
            self.kill()
            self.serve()
        reports: list[dict[str, Any]] = []
        for client in clients:
            out, err = client.communicate(timeout=300)
            assert client.returncode == 0, err
            reports += json.loads(out)
        return reports

    def _client(self, made: dict[str, Any], number: int) -> subprocess.Popen[str]:
        job = {
            "port": self.port,
            "slug": made["slug"],
            "sessions": made["sessions"][number::PROCESSES],
            "seconds": SECONDS,
            "least_answers": LEAST_ANSWERS,
            "most_answers": MOST_ANSWERS,
            "ttl_s": TTL_S,
            "seed": number,
        }
        script = Path(__file__).with_name("race_client.py")
        return subprocess.Popen(
            [sys.executable, str(script), json.dumps(job)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        if self.url.startswith("sqlite"):
            path = self.url.removeprefix("sqlite:///")
            with closing(sqlite3.connect(path, timeout=20)) as file:
                return list(file.execute(sql))
        with psycopg.connect(self.url) as connection:
            return list(connection.execute(sql))


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'race.sqlite3'}"
        if request.param == "postgres":
            url = stack.enter_context(servers.postgres())
        world = World(tmp_path, url)
        stack.callback(world.kill)
        yield world


LIVE = "withdrawn_at IS NULL AND kind <> 'UNDO'"
# A disputed image waits for an expert's word, which is no vote of the crowd.
OVER_ASSIGNED = f"""
SELECT image.id FROM labeling_image AS image WHERE {CAP} <
  (SELECT count(*) FROM labeling_annotation AS a WHERE a.image_id = image.id AND {LIVE}
     AND a.kind <> 'SKIP')
  + (SELECT count(*) FROM labeling_assignment AS h WHERE h.image_id = image.id AND h.state = 'OPEN')
  + (SELECT coalesce(sum(e.open_slots), 0) FROM labeling_queueentry AS e
     WHERE e.image_id = image.id AND e.state = 'OPEN' AND e.reason <> 'DISPUTE')
"""
ANSWERED_TWICE = f"""
SELECT image_id, annotator_id FROM labeling_annotation WHERE {LIVE}
GROUP BY image_id, annotator_id HAVING count(*) > 1
"""
HELD_TWICE = """
SELECT image_id, annotator_id FROM labeling_assignment WHERE state = 'OPEN'
GROUP BY image_id, annotator_id HAVING count(*) > 1
"""
# Each answer closes one assignment, and each answered assignment has one answer.
UNMATCHED = """
SELECT h.id FROM labeling_assignment AS h
LEFT JOIN labeling_annotation AS a ON a.assignment_id = h.id AND a.kind <> 'UNDO'
WHERE h.state = 'ANSWERED' GROUP BY h.id HAVING count(a.id) <> 1
UNION ALL
SELECT a.id FROM labeling_annotation AS a JOIN labeling_assignment AS h ON h.id = a.assignment_id
WHERE a.kind <> 'UNDO' AND h.state <> 'ANSWERED'
"""
MISCOUNTED = f"""
SELECT c.image_id FROM labeling_consensus AS c WHERE c.n_votes <>
  (SELECT count(*) FROM labeling_annotation AS a WHERE a.image_id = c.image_id AND {LIVE})
"""
REASONS = "SELECT serve_number, reason FROM labeling_assignment WHERE serve_number >= 0"


def test_a_crowd_that_behaves_badly_and_a_server_that_dies_lose_and_double_nothing(
    world: World,
) -> None:
    made = world.prepare()
    world.serve()
    reports = world.play(made)

    assert [fault for report in reports for fault in report["faults"]] == []
    accepted = [key for report in reports for key in report["accepted"]]
    withdrawn = [key for report in reports for key in report["withdrawn"]]
    assert len(accepted) > 300, "too little happened to prove anything"
    assert len(withdrawn) > 5
    assert world.query("SELECT count(*) FROM labeling_image") == [(POOL + AUDIT,)]

    stored = Counter(
        (uuid.UUID(str(key)).hex, kind == "UNDO")
        for key, kind in world.query("SELECT key, kind FROM labeling_annotation")
    )
    assert max(stored.values()) == 1
    assert {key for key, is_undo in stored if not is_undo} == {
        uuid.UUID(key).hex for key in accepted
    }
    assert {key for key, is_undo in stored if is_undo} == {uuid.UUID(key).hex for key in withdrawn}
    for wrong in (OVER_ASSIGNED, ANSWERED_TWICE, HELD_TWICE, UNMATCHED, MISCOUNTED):
        assert world.query(wrong) == [], wrong
    check_shares(world)


def check_shares(world: World) -> None:
    """Every serve number was given, and each whole block of 100 holds its shares.

    But for shortfalls, which are written down: where 32 people fall upon a stream that was just
    topped up, one may find it empty again.
    """
    ((served, shortfalls),) = world.query("SELECT served, shortfalls FROM labeling_servecounter")
    reason_of = dict(world.query(REASONS))
    assert sorted(reason_of) == list(range(served))
    written = sum((json.loads(shortfalls) if isinstance(shortfalls, str) else shortfalls).values())
    assert written <= served / 50
    shares = Counter({"ACQUIRED": 75, "AUDIT": 15, "RANDOM": 10})
    lacking = 0
    for block in range(served // 100):
        counted = Counter(reason_of[number] for number in range(100 * block, 100 * block + 100))
        lacking += (shares - counted).total()
    assert lacking <= written
