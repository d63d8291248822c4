"""One process of the race: several volunteers on bad networks, in threads. No Django here.

Run as a script with a JSON job as its argument; prints a JSON report. A volunteer behaves as badly
as browsers do: it stalls until its images have run out, loses replies and sends again, sends twice
at once, changes its mind, opens a second tab, and goes on when the server dies and comes back.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import uuid
from http.client import HTTPConnection, HTTPException
from typing import Any

CSRF = "r" * 32
LABELS = ("milk", "soy-milk", "oat-milk")
PATIENCE_S = 100.0
# What an honest client may be told when it was late or sent something again.
REFUSALS = {"assignment_expired", "already_answered", "cannot_undo", "key_reused"}


class Volunteer:
    """One person with a browser of two tabs."""

    def __init__(self, job: dict[str, Any], place: int) -> None:
        self.port, self.slug, self.ttl_s = job["port"], job["slug"], job["ttl_s"]
        self.session = job["sessions"][place]
        self.stop_at = time.monotonic() + job["seconds"]
        self.give_up_at = self.stop_at + PATIENCE_S
        self.least_answers: int = job["least_answers"]
        self.most_answers: int = job["most_answers"]
        self.rng = random.Random(job["seed"] * 1000 + place)
        self.tabs = [uuid.uuid4().hex, uuid.uuid4().hex]
        self.accepted: dict[str, str] = {}
        self.withdrawn: dict[str, str] = {}
        self.refused: dict[str, int] = {}
        self.faults: list[str] = []
        self.recent: list[str] = []

    def run(self) -> None:
        held: list[dict[str, Any]] = []
        while self._goes_on():
            if not held:
                held = self._claim(self.tabs[0])
                if not held:
                    time.sleep(0.5)
                    continue
            held = self._step(held)
        self._post("assignments/release", {"client": self.tabs[0]})

    def _goes_on(self) -> bool:
        """Work for the time given; where the machine is slow, until enough has happened."""
        now, answers = time.monotonic(), len(self.accepted)
        is_time = now < self.stop_at or (answers < self.least_answers and now < self.give_up_at)
        return is_time and answers < self.most_answers

    def report(self) -> dict[str, Any]:
        return {
            "accepted": self.accepted,
            "withdrawn": self.withdrawn,
            "refused": self.refused,
            "faults": self.faults,
        }

    def _step(self, held: list[dict[str, Any]]) -> list[dict[str, Any]]:
        what = self.rng.random()
        if what < 0.01:
            time.sleep(self.ttl_s + 0.5)
        elif what < 0.03:
            self._post("assignments/release", {"client": self.tabs[0]})
            return []
        elif what < 0.05:
            self._post("assignments/renew", {"client": self.tabs[0]})
        elif what < 0.07:
            self._second_tab(held)
        elif what < 0.12 and self.recent:
            self._undo()
            return self._claim(self.tabs[0])
        return self._answer(held)

    def _claim(self, tab: str) -> list[dict[str, Any]]:
        status, reply = self._post("assignments", {"client": tab})
        if status != 200:
            self.faults.append(f"claim {status}: {reply}")
            return []
        return list(reply["assignments"])

    def _second_tab(self, held: list[dict[str, Any]]) -> None:
        """Open another tab: it must hold other images; then close it."""
        other = {one["image"]["id"] for one in self._claim(self.tabs[1])}
        mine = {one["image"]["id"] for one in self._claim(self.tabs[0])}
        if other & mine:
            self.faults.append(f"two tabs hold {other & mine}")
        self._post("assignments/release", {"client": self.tabs[1]})

    def _answer(self, held: list[dict[str, Any]]) -> list[dict[str, Any]]:
        assignment = held[0]
        body = {
            "assignment": assignment["id"],
            "key": str(uuid.uuid4()),
            "kind": "LABEL",
            "labels": [self.rng.choice(LABELS) if self.rng.random() < 0.2 else LABELS[0]],
            "client": self.tabs[0],
            "time_spent_ms": 900,
            "shown": {},
        }
        what = self.rng.random()
        if what < 0.1:
            self._send_and_hang_up(body)
        elif what < 0.2:
            self._send_twice_at_once(body)
        status, reply = self._post("annotations", body)
        if status not in (200, 201):
            self._refused(status, reply)
            return held[1:]
        if what > 0.97:
            self._another_body(body)
        self._remember(body["key"], reply)
        return list(reply["assignments"])

    def _remember(self, key: str, reply: dict[str, Any]) -> None:
        annotation = reply["annotation"]["id"]
        if self.accepted.setdefault(key, annotation) != annotation:
            self.faults.append(f"key {key} gave two answers")
        if annotation not in self.recent:
            self.recent = [*self.recent, annotation][-20:]

    def _undo(self) -> None:
        annotation = self.rng.choice(self.recent)
        key = str(uuid.uuid4())
        body = {"key": key, "client": self.tabs[0]}
        status, reply = self._post(f"annotations/{annotation}/undo", body)
        if status != 200:
            self._refused(status, reply)
            return
        self.withdrawn[key] = annotation
        self.recent.remove(annotation)
        if self.rng.random() < 0.3 and self._post(f"annotations/{annotation}/undo", body)[0] != 200:
            self.faults.append("an undo that was sent again was refused")

    def _another_body(self, body: dict[str, Any]) -> None:
        status, reply = self._post("annotations", {**body, "kind": "SKIP", "labels": []})
        if (status, reply["code"]) != (409, "key_reused"):
            self.faults.append(f"another answer under one key: {status} {reply}")

    def _refused(self, status: int, reply: dict[str, Any]) -> None:
        code = str(reply.get("code"))
        self.refused[code] = self.refused.get(code, 0) + 1
        if code not in REFUSALS:
            self.faults.append(f"{status}: {reply}")

    # --- the network ------------------------------------------------------------------------

    def _send_and_hang_up(self, body: dict[str, Any]) -> None:
        """Send a request and be gone before the reply comes."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            self._send(connection, "annotations", body)
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()

    def _send_twice_at_once(self, body: dict[str, Any]) -> None:
        """Double-click: the same request on its way twice, beside the one that is read."""
        twin = threading.Thread(target=self._post, args=("annotations", body))
        twin.start()
        status, reply = self._post("annotations", body)
        twin.join()
        if status in (200, 201):
            self._remember(body["key"], reply)

    def _post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Send until there is a reply: the server may be dead for a while."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
            try:
                self._send(connection, path, body)
                answer = connection.getresponse()
                text = answer.read()
                return answer.status, json.loads(text or b"null")
            except (OSError, HTTPException) as fault:
                if time.monotonic() > deadline:
                    self.faults.append(f"no reply: {fault!r}")
                    return 0, {"code": "no_reply"}
                time.sleep(0.2 + self.rng.random() / 5)
            finally:
                connection.close()

    def _send(self, connection: HTTPConnection, path: str, body: dict[str, Any]) -> None:
        connection.request(
            "POST",
            f"/api/v1/projects/{self.slug}/{path}",
            body=json.dumps(body),
            headers={
                "Content-Type": "application/json",
                "Cookie": f"sessionid={self.session}; csrftoken={CSRF}",
                "X-CSRFToken": CSRF,
            },
        )


def main() -> None:
    """Let everyone of this process play, and report."""
    job = json.loads(sys.argv[1])
    people = [Volunteer(job, place) for place in range(len(job["sessions"]))]
    threads = [threading.Thread(target=one.run) for one in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps([one.report() for one in people]))


if __name__ == "__main__":
    main()
