"""Answers of browsers that this process knows, replied to before the framework.

What a request goes through on its way to the view is the same for every answer of a page: host,
origin, session, login, messages, headers. So the first reply that has come all the way is
remembered with its headers, for requests that say the same of host and origin; whoever is known
(`labeling.selectors.recognition`) and says so again is answered here. Whatever is unusual in a
request, and whoever is not known, goes all the way.
"""

from __future__ import annotations

import io
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.db import close_old_connections

from labeling.api import annotations as annotation_views
from labeling.api import quick
from labeling.selectors.combining import on_their_way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication

    Headers = list[tuple[str, str]]

PATH = re.compile(r"/api/v1/projects/([-a-zA-Z0-9_]+)/annotations")
SETTLES = (
    "HTTP_HOST",
    "HTTP_ORIGIN",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "wsgi.url_scheme",
)
"""What decides whether host and origin are right, and the headers of the reply."""
KEPT = 64


class AnswerShortcut:
    """A WSGI application around another."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._headers: dict[tuple[Any, ...], Headers] = {}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Reply at once where that is possible."""
        found = None
        if environ["REQUEST_METHOD"] == "POST":
            found = PATH.fullmatch(environ.get("PATH_INFO", ""))
        if found is None:
            return self._application(environ, start_response)
        on_their_way.enter()
        try:
            return self._answered(environ, start_response, found[1])
        finally:
            on_their_way.leave()

    def _answered(
        self, environ: dict[str, Any], start_response: StartResponse, slug: str
    ) -> Iterable[bytes]:
        place = tuple(environ.get(name) for name in SETTLES)
        if environ.get("HTTP_ORIGIN") is None:
            place += (environ.get("HTTP_REFERER"),)
        headers = self._headers.get(place)
        reply = None if headers is None else _reply(environ, slug)
        if headers is None or reply is None:
            return self._all_the_way(environ, start_response, place)
        status, body = reply
        line = f"{status} {HTTPStatus(status).phrase}"
        start_response(line, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _all_the_way(
        self, environ: dict[str, Any], start_response: StartResponse, place: tuple[Any, ...]
    ) -> Iterable[bytes]:
        def start(status: str, headers: Headers, *error: Any) -> Callable[[bytes], object]:
            if quick.MARK in environ and not _sets_cookie(headers):
                if len(self._headers) >= KEPT:
                    self._headers.clear()
                self._headers[place] = [one for one in headers if one[0] != "Content-Length"]
            return start_response(status, headers, *error)

        return self._application(environ, start)


def _reply(environ: dict[str, Any], slug: str) -> tuple[int, bytes] | None:
    def content() -> bytes:
        read: bytes = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = io.BytesIO(read)  # For whoever comes after us.
        return read

    try:
        return quick.reply_to_known(environ, slug, content, annotation_views.answer)
    finally:
        close_old_connections()


def _sets_cookie(headers: Headers) -> bool:
    return any(name == "Set-Cookie" for name, _ in headers)
