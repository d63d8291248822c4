"""The request that is made most, answered without the parts of the framework it does not need.

Only what is plain comes here: JSON from a browser that has joined by invitation, with the keys the
page sends. Everything else, whatever fails a check among it, takes the view's usual way and gets
its usual words; so this module refuses nothing by itself.
"""

from __future__ import annotations

import json
import re
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse, parse_cookie
from django.middleware.csrf import CsrfViewMiddleware
from rest_framework.utils.encoders import JSONEncoder

from labeling.api import queue_payloads as payloads
from labeling.api.principals import joined_labeler, recognised
from labeling.errors import LabelingError
from labeling.selectors.recognition import ForgottenError, recall

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest

    from labeling.selectors.labelers import Labeler
    from labeling.selectors.recognition import Recognised

    Answering = Callable[[Labeler, dict[str, Any], Recognised | None], tuple[int, dict[str, Any]]]

KINDS = frozenset(kind for kind, _ in payloads.ANSWERS)
NEEDED = {"assignment", "key", "kind", "client"}
KNOWN = NEEDED | {"labels", "flag_reason", "time_spent_ms", "shown"}
LONGEST_LABEL = 64
MOST_LABELS = 100
LONGEST_LOOK_MS = 24 * 3600 * 1000
LARGEST = 20_000
DEEPEST = 500
CLIENT = re.compile(payloads.CLIENT)
SECRET = re.compile(r"[A-Za-z0-9]{32}")
MARK = "larder.is_quick"
"""In the variables of a request that was answered here, on the usual way."""
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def respond(request: HttpRequest, slug: str, answer: Answering) -> HttpResponse | None:
    """Give the reply to an answer; None where the usual way is to be taken.

    `answer` gives (status, body) for a labeler and checked data. Somebody who is remembered comes
    with what is to be confirmed; where it does not hold, nothing was stored.
    """
    said = _read(request)
    if said is None:
        return None
    known = recognised(request, slug)
    if known is not None:
        with suppress(ForgottenError):
            return _response(request, *_replied(known.labeler(), said, known, answer))
    labeler = joined_labeler(request, slug)
    if labeler is None:
        return None
    return _response(request, *_replied(labeler, said, None, answer))


def reply_to_known(
    environ: Mapping[str, Any], slug: str, content: Callable[[], bytes], answer: Answering
) -> tuple[int, bytes] | None:
    """Give status and body of the reply to somebody who is remembered, from a request's variables.

    None where the usual way is to be taken; nothing was stored then. Host and origin are for the
    caller to judge.
    """
    if "HTTP_AUTHORIZATION" in environ or environ.get("CONTENT_TYPE") != "application/json":
        return None
    length = environ.get("CONTENT_LENGTH", "")
    if not length.isdecimal() or int(length) > LARGEST:
        return None
    cookies = parse_cookie(environ.get("HTTP_COOKIE", ""))
    token = cookies.get(settings.CSRF_COOKIE_NAME, "")
    # What our own page sends; any other form that may be right is judged on the usual way.
    if not SECRET.fullmatch(token) or token != environ.get("HTTP_X_CSRFTOKEN"):
        return None
    known = recall(cookies.get(settings.SESSION_COOKIE_NAME), slug)
    said = None if known is None else _checked(content())
    if known is None or said is None:
        return None
    with suppress(ForgottenError):
        status, text = _replied(known.labeler(), said, known, answer)
        return status, text.encode()
    return None


def _read(request: HttpRequest) -> dict[str, Any] | None:
    """Check a request's wrapping, its token and its content; give what it says, None if unusual."""
    if "HTTP_AUTHORIZATION" in request.META or request.content_type != "application/json":
        return None
    length = request.META.get("CONTENT_LENGTH", "")
    if not length.isdecimal() or int(length) > LARGEST or not _has_token(request):
        return None
    return _checked(request.body)


def _replied(
    labeler: Labeler, said: dict[str, Any], proof: Recognised | None, answer: Answering
) -> tuple[int, str]:
    try:
        status, body = answer(labeler, said, proof)
    except ForgottenError:
        raise
    except LabelingError as refusal:
        status = refusal.status
        body = {"code": refusal.code, "message": refusal.message, "detail": refusal.detail}
    return status, _encoded(body)


_encoded = JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def _response(request: HttpRequest, status: int, text: str) -> HttpResponse:
    request.META[MARK] = True
    return HttpResponse(text, content_type="application/json", status=status)


class _Check(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _no_view(_: Any) -> Any:
    return None


_check = _Check(_no_view)


def _has_token(request: HttpRequest) -> bool:
    _check.process_request(request)
    return _check.process_view(request, _no_view, (), {}) is None


def _checked(content: bytes) -> dict[str, Any] | None:
    """Read what `AnswerRequestSerializer` would accept as it stands; None for anything else."""
    # Escapes can name what no database stores (NUL, half a character); nesting can go deep.
    if b"\\u" in content or content.count(b"[") + content.count(b"{") > DEEPEST:
        return None
    try:
        said = json.loads(content, parse_constant=_no_number)
    except ValueError:
        return None
    if not isinstance(said, dict) or not NEEDED <= said.keys() <= KNOWN:
        return None
    is_right = (
        all(isinstance(said[key], str) for key in NEEDED)
        and UUID.fullmatch(said["assignment"])
        and UUID.fullmatch(said["key"])
        and said["kind"] in KINDS
        and CLIENT.fullmatch(said["client"])
        and _are_labels(said.setdefault("labels", []))
        and said.setdefault("flag_reason", "") == ""
        and _is_time(said.setdefault("time_spent_ms", None))
        and isinstance(said.setdefault("shown", {}), dict)
    )
    if not is_right:
        return None
    return said | {"assignment": uuid.UUID(said["assignment"]), "key": uuid.UUID(said["key"])}


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON.")


def _are_labels(given: Any) -> bool:
    return (
        isinstance(given, list)
        and len(given) <= MOST_LABELS
        and all(
            isinstance(one, str) and 0 < len(one) <= LONGEST_LABEL and one == one.strip()
            for one in given
        )
    )


def _is_time(given: Any) -> bool:
    return given is None or (type(given) is int and 0 <= given <= LONGEST_LOOK_MS)
