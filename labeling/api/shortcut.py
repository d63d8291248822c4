"""Answers of browsers that this process knows, replied to before the rest of the framework.

What the middleware around every address does for an answer is the same each time: it finds the
session, the login and the messages, none of which an answer needs once its browser is known
(`labeling.selectors.recognition`), and writes the same headers. So these headers are kept from a
reply that has come all the way, and whoever is known is answered here. Whatever is unusual in a
request, and whoever is not known, goes all the way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labeling.api import annotations as annotation_views
from labeling.api import quick

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

PATH = re.compile(r"/api/v1/projects/([-a-zA-Z0-9_]+)/annotations")


class AnswerShortcut:
    """The outermost middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        # By whether the request came by HTTPS, which has a header of its own.
        self._headers: dict[bool, dict[str, str]] = {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Reply at once where that is possible."""
        found = PATH.fullmatch(request.path_info) if request.method == "POST" else None
        if found is None:
            return self._get_response(request)
        headers = self._headers.get(request.is_secure())
        if headers is not None:
            reply = quick.respond_to_known(request, found[1], annotation_views.answer)
            if reply is not None:
                for name, value in headers.items():
                    reply[name] = value
                reply["Content-Length"] = str(len(reply.content))
                return reply
        response = self._get_response(request)
        if quick.is_quick(response):
            self._headers[request.is_secure()] = {
                name: value for name, value in response.items() if name != "Content-Length"
            }
        return response
