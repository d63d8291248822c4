"""Fixtures of the loop's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml.selectors import embeddings


@pytest.fixture(autouse=True)
def _fresh_process_memory() -> Iterator[None]:
    """Rows come and go with each test, and their keys come again."""
    embeddings.forget()
    yield
    embeddings.forget()
