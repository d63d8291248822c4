"""A small HTTP client that does what the labeling page does: cookies, CSRF, JSON."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from http.cookiejar import CookieJar
from typing import Any


class HttpError(RuntimeError):
    """The server answered with an error."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"HTTP {status}: {body[:500]}")
        self.status = status
        self.body = body


class Browser:
    """One person's browser: it keeps cookies and sends the CSRF token back."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.cookies = CookieJar()
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.cookies), urllib.request.ProxyHandler({})
        )

    def get(self, path: str) -> Any:
        """GET a path of the API."""
        return self._send("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """POST JSON to a path of the API."""
        return self._send("POST", path, body)

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own server on loopback
            f"{self.base_url}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Referer": self.base_url},
        )
        token = next((cookie.value for cookie in self.cookies if cookie.name == "csrftoken"), None)
        if token:
            request.add_header("X-CSRFToken", token)
        try:
            with self.opener.open(request, timeout=30) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            raise HttpError(error.code, error.read().decode(errors="replace")) from None


class Volunteer:
    """Somebody who joined by an invitation and answers what the queue hands out."""

    def __init__(self, base_url: str, *, slug: str, invitation: str, name: str) -> None:
        self.browser = Browser(base_url)
        self.slug = slug
        self.client = str(uuid.uuid4())
        self.held: list[dict[str, Any]] = []
        self.browser.get("session")
        self.browser.post(
            f"invitations/{invitation}/accept", {"display_name": name, "consent": True}
        )

    def next_assignment(self) -> dict[str, Any] | None:
        """Give the next image, asking the server only when none is held."""
        if not self.held:
            claimed = self.browser.post(
                f"projects/{self.slug}/assignments", {"client": self.client}
            )
            self.held = list(claimed["assignments"])
        return self.held.pop(0) if self.held else None

    def answer(self, assignment: dict[str, Any], code: str) -> dict[str, Any]:
        """Send one label the way the page does, and keep the images that come back."""
        reply: dict[str, Any] = self.browser.post(
            f"projects/{self.slug}/annotations",
            {
                "assignment": assignment["id"],
                "key": str(uuid.uuid4()),
                "kind": "LABEL",
                "labels": [code],
                "client": self.client,
                "time_spent_ms": 1500,
                "shown": {},
            },
        )
        known = {held["id"] for held in self.held}
        self.held += [new for new in reply["assignments"] if new["id"] not in known]
        return reply
