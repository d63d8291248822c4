"""Nothing that a process remembers by key outlives a test: keys come again in the next one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml.services import acquisition, lending


@pytest.fixture(autouse=True)
def _no_pool_of_another_test() -> Iterator[None]:
    """A pool of the same key and size would be taken for this test's, with images of before."""
    yield
    lending._pools.clear()
    acquisition._shards.clear()
