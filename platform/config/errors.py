"""One shape for every error the API gives: `{code, message, detail}`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from labeling.errors import LabelingError
from ml.errors import MlError


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Map a refusal to its HTTP answer; anything unexpected stays a 500 and is logged."""
    if isinstance(error, LabelingError | MlError):
        set_rollback()
        headers = {}
        if "retry_after_s" in error.detail:
            headers["Retry-After"] = str(error.detail["retry_after_s"])
        return Response(
            {"code": error.code, "message": error.message, "detail": error.detail},
            status=error.status,
            headers=headers,
        )
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    answer = _from_rest_framework(error)
    if isinstance(error, exceptions.UnsupportedMediaType):
        answer.data["message"] += _what_to_send(context)
    return answer


def _what_to_send(context: dict[str, Any]) -> str:
    """Name the kinds of body that the view takes: curl sends another one unless told."""
    kinds = [str(parser.media_type) for parser in context["view"].get_parsers()]
    return f" Send {' or '.join(kinds)}."


def _from_rest_framework(error: exceptions.APIException) -> Response:
    headers = {}
    # Throttled sets `wait` in its constructor; the stubs do not know it.
    wait = getattr(error, "wait", None)
    if isinstance(error, exceptions.Throttled) and wait is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    auth_header = getattr(error, "auth_header", None)
    if auth_header:
        headers["WWW-Authenticate"] = auth_header
    if isinstance(error, exceptions.ValidationError):
        body = {
            "code": "invalid",
            "message": "Some of what was sent is not right.",
            "detail": error.detail,
        }
    else:
        body = {"code": str(error.default_code), "message": str(error.detail), "detail": {}}
    return Response(body, status=error.status_code, headers=headers)
