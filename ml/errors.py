"""The base of every refusal of `ml`; each refusal is defined beside what raises it."""

from __future__ import annotations

from typing import Any


class MlError(Exception):
    """A refusal with a stable code, a sentence for people, and its HTTP status."""

    code = "ml_error"
    status = 400

    def __init__(self, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
