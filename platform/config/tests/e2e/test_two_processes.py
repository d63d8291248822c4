"""Two web processes on one database: what is changed through one, the other does at once.

Processes keep things in memory (people at work, counts, statements). Nothing that staff decide may
wait for such a memory: the next request to the other process is held to it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from config.tests import servers
from config.tests.e2e.test_race import World

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(360)]
CSRF = "t" * 32


class Tab:
    """One browser tab of one session at one of the two processes."""

    def __init__(self, port: int, slug: str, session: str) -> None:
        self.port, self.slug, self.session = port, slug, session
        self.client = uuid.uuid4().hex

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {
            "Content-Type": "application/json",
            "Cookie": f"sessionid={self.session}; csrftoken={CSRF}",
            "X-CSRFToken": CSRF,
        }
        connection.request(method, f"/api/v1/{path}", json.dumps(body or {}), headers)
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        return reply.status, json.loads(text or b"null")

    def staff(self, method: str, path: str, body: dict[str, Any]) -> Any:
        status, reply = self.ask(method, f"staff/projects/{self.slug}{path}", body)
        assert status == 200, reply
        return reply

    def claim(self) -> Any:
        status, reply = self.ask(
            "POST", f"projects/{self.slug}/assignments", {"client": self.client}
        )
        assert status == 200, reply
        return reply

    def answer(self, assignment: dict[str, Any]) -> tuple[int, Any]:
        body = {
            "assignment": assignment["id"],
            "key": str(uuid.uuid4()),
            "kind": "LABEL",
            "labels": ["milk"],
            "client": self.client,
            "time_spent_ms": 900,
            "shown": {},
        }
        return self.ask("POST", f"projects/{self.slug}/annotations", body)


class Pair:
    """The two processes, a manager at the first, Ada at the second."""

    def __init__(self, first: World, second: World, made: dict[str, Any]) -> None:
        self.first = first
        self.people = made["people"]
        self.manager = Tab(first.port, made["slug"], made["manager"])
        self.ada = Tab(second.port, made["slug"], made["people"]["Ada"]["session"])
        self.ben = Tab(second.port, made["slug"], made["people"]["Ben"]["session"])

    def state_of(self, image: dict[str, Any]) -> list[tuple[Any, ...]]:
        """What the database knows of an image."""
        key = image["id"] if self.first.url.startswith("postgres") else uuid.UUID(image["id"]).hex
        return self.first.query(
            "SELECT c.state, c.effective_votes FROM labeling_consensus AS c "
            f"JOIN labeling_image AS i ON i.id = c.image_id WHERE i.public_id = '{key}'"
        )


@pytest.fixture(params=["sqlite", "postgres"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'two.sqlite3'}"
        if request.param == "postgres":
            url = stack.enter_context(servers.postgres())
        worlds = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            worlds.append(World(tmp_path / name, url))
            stack.callback(worlds[-1].kill)
        # The key that signs sessions is one for all processes; it lies in the data folder.
        worlds[1].environment["LARDER_DATA"] = worlds[0].environment["LARDER_DATA"]
        done = subprocess.run(
            [sys.executable, "-m", "config.tests.e2e.two_world"],
            cwd=settings.BASE_DIR,
            env=worlds[0].environment,
            check=True,
            capture_output=True,
            text=True,
        )
        for world in worlds:
            world.serve()
        yield Pair(worlds[0], worlds[1], json.loads(done.stdout))


def test_what_staff_decide_at_one_process_holds_at_the_other_at_once(pair: Pair) -> None:
    # Both people answer first, so that the second process has everything about them in memory.
    for tab in (pair.ben, pair.ada):
        (first, *_) = tab.claim()["assignments"]
        status, reply = tab.answer(first)
        assert status == 201, reply
    held = reply["assignments"]

    pair.manager.staff("POST", "/pause", {"what": "labeling", "paused": True})
    paused = pair.ada.claim()
    pair.manager.staff("POST", "/pause", {"what": "labeling", "paused": False})
    resumed = pair.ada.claim()
    assert paused["done"]["code"] == "paused"
    assert resumed["done"] is None
    assert resumed["assignments"]

    # One answer is too little while two are asked for, and enough once one is. That there are two
    # people to ask is counted once a second (`annotators.active_lately`).
    time.sleep(1.1)
    status, reply = pair.ada.answer(resumed["assignments"][0])
    assert status == 201, reply
    ((state, votes),) = pair.state_of(resumed["assignments"][0]["image"])
    assert (state, votes) == ("OPEN", 2)
    pair.manager.staff("PATCH", "", {"votes_pool": 1, "vote_cap_pool": 1})
    held = reply["assignments"]
    status, reply = pair.ada.answer(held[0])
    assert status == 201, reply
    ((state, votes),) = pair.state_of(held[0]["image"])
    assert (state, votes) == ("RESOLVED", 1)

    pair.manager.staff("PATCH", "", {"client_window": 1})
    other_tab = Tab(pair.ben.port, pair.ben.slug, pair.ben.session)
    assert len(other_tab.claim()["assignments"]) == 1

    held = reply["assignments"]
    pair.manager.staff("POST", f"/people/{pair.people['Ada']['id']}/pause", {"paused": True})
    status, reply = pair.ada.answer(held[0])
    assert (status, reply["code"]) == (403, "annotator_paused")
