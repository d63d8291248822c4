"""A volunteer at the HTTP API, who does exactly what the page does, retries included."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from http.client import HTTPException
from http.cookiejar import CookieJar
from typing import Any

RETRY_S = 0.5
GIVE_UP_S = 150.0


class Volunteer:
    """One browser: its cookies, its tab, its answers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = str(uuid.uuid4())
        self.answered: dict[str, str] = {}
        self.done: dict[str, str] | None = None
        self._slug = ""
        self._held: list[dict[str, Any]] = []
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self._cookies)
        )

    def join(self, link: str, name: str) -> None:
        """Open an invitation and accept it."""
        token = link.rsplit("/", 1)[1]
        self._opener.open(link, timeout=20).read()
        self.get("session")
        invitation = self.get(f"invitations/{token}")
        assert invitation["valid"], invitation
        joined = self.post(f"invitations/{token}/accept", {"display_name": name, "consent": True})
        self._slug = joined["project"]
        self.get(f"projects/{self._slug}/labeling")

    def answer_one(self, label_of: Callable[[str], str]) -> bool:
        """Answer the next image, whatever happens to the server; False when nothing comes.

        Like the page it asks again while images are still being prepared.
        """
        deadline = time.monotonic() + GIVE_UP_S
        while not self._held:
            self._claim()
            if not self._held and time.monotonic() > deadline:
                return False
            if not self._held:
                time.sleep(RETRY_S)
        assignment = self._held.pop(0)
        self._fetch(assignment["image"]["url"])
        body = {
            "assignment": assignment["id"],
            "key": str(uuid.uuid4()),
            "kind": "LABEL",
            "labels": [label_of(assignment["image"]["id"])],
            "time_spent_ms": 900,
            "client": self.client,
            "shown": {},
        }
        answer = self.post(f"projects/{self._slug}/annotations", body)
        self.answered[body["key"]] = assignment["image"]["id"]
        known = {one["id"] for one in self._held}
        self._held += [one for one in answer["assignments"] if one["id"] not in known]
        return True

    def get(self, path: str) -> Any:
        """Ask the API, again and again while the server is away."""
        return json.loads(self._patiently(urllib.request.Request(f"{self.url}/api/v1/{path}")))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send to the API; the same bytes again while the server is away."""
        token = next((one.value for one in self._cookies if one.name == "csrftoken"), "")
        request = urllib.request.Request(
            f"{self.url}/api/v1/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "X-CSRFToken": token or ""},
        )
        return json.loads(self._patiently(request))

    def _claim(self) -> None:
        claimed = self.post(f"projects/{self._slug}/assignments", {"client": self.client})
        self._held, self.done = claimed["assignments"], claimed["done"]

    def _fetch(self, address: str) -> None:
        picture = self._patiently(urllib.request.Request(f"{self.url}{address}"))
        assert len(picture) > 1000

    def _patiently(self, request: urllib.request.Request) -> bytes:
        deadline = time.monotonic() + GIVE_UP_S
        while True:
            try:
                with self._opener.open(request, timeout=20) as answer:
                    content: bytes = answer.read()
                    return content
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise AssertionError(f"{request.full_url}: {error.read()!r}") from error
            except (OSError, HTTPException):
                pass
            assert time.monotonic() < deadline, f"{request.full_url} gave up"
            time.sleep(RETRY_S)
