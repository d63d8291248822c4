"""A browser that asks the outermost application, as the server does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rest_framework.test import APIRequestFactory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.cookies import SimpleCookie
    from wsgiref.types import WSGIApplication

    from rest_framework.test import APIClient

TOKEN = "a" * 32
"""Of the pages of all browsers here: their cookie and their header."""


@dataclass
class Reply:
    """What came back."""

    status_code: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    def json(self) -> Any:
        """Read it."""
        return json.loads(self.content)

    def __getitem__(self, name: str) -> str:
        return self.headers[name]


class WsgiBrowser:
    """Posts JSON as another browser would, with its cookies."""

    def __init__(self, client: APIClient, application: WSGIApplication) -> None:
        self.client, self.application = client, application
        self.cookies["csrftoken"] = TOKEN

    @property
    def cookies(self) -> SimpleCookie:
        """Those of the other browser."""
        return self.client.cookies

    @property
    def session(self) -> Any:
        """That of the other browser."""
        return self.client.session

    def post(
        self,
        path: str,
        body: dict[str, Any],
        *,
        format: str = "json",  # noqa: A002 - as rest_framework's client names it
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a body; give the reply."""
        sent = {"x-csrftoken": TOKEN, "host": "testserver", **(headers or {})}
        request: Any = APIRequestFactory().post(path, body, format=format, headers=sent)
        environ = request.environ
        # As a browser writes it: without what JSON does not need.
        environ["CONTENT_TYPE"] = environ["CONTENT_TYPE"].partition(";")[0]
        environ["HTTP_COOKIE"] = "; ".join(f"{k}={one.value}" for k, one in self.cookies.items())
        reply = Reply()

        def start_response(status: str, told: list[tuple[str, str]], *_: Any) -> Any:
            reply.status_code, reply.headers = int(status.split(maxsplit=1)[0]), dict(told)

        reply.content = b"".join(self.application(environ, start_response))
        return reply
