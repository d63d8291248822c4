"""What the terminal of `make run` hears of requests: failures, and no refusals."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from config.refusals import Refused


class Heard(logging.Handler):
    """Keeps the levels of what comes through the filter of the settings."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: list[str] = []
        self.addFilter(Refused())

    def emit(self, record: logging.LogRecord) -> None:
        self.levels.append(record.levelname)


@pytest.fixture
def heard() -> Iterator[Heard]:
    handler = Heard()
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/api/v1/staff/projects"])
def test_a_refused_request_is_no_warning(heard: Heard, path: str) -> None:
    assert Client().get(path).status_code in (401, 403, 404)

    assert heard.levels == ["INFO"]


def test_a_request_that_failed_is_an_error_still(heard: Heard) -> None:
    logging.getLogger("django.request").error("Internal", extra={"status_code": 500})
    logging.getLogger("django.request").warning("Something else")

    assert heard.levels == ["ERROR", "WARNING"]


def test_what_goes_to_the_terminal_passes_the_filter() -> None:
    handlers: Any = settings.LOGGING["handlers"]

    assert handlers["console"]["filters"] == ["refused"]
