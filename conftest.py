"""What all tests share."""

from __future__ import annotations

import itertools
import os
import secrets
import zlib

import numpy as np
import pytest
from hypothesis import settings

# No test measures time: a busy machine is no reason to fail. Nor is a new example that only one
# machine came upon: they are the same everywhere. `pytest --hypothesis-profile=explore` looks on.
settings.register_profile("same", settings(deadline=None, derandomize=True))
settings.register_profile("explore", settings(deadline=None))
settings.load_profile("same")


@pytest.fixture(autouse=True)
def same_chance_each_time(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the secret seeds of projects, and made-up names and pictures, from the test's name.

    So a test is the same on every machine, in every order. What a real installation draws is
    random; that no test hangs on it is looked at by hand, with LARDER_TEST_CHANCE=1, 2, 3 …
    """
    name = os.environ.get("LARDER_TEST_CHANCE", "") + request.node.nodeid
    number = zlib.crc32(name.encode())
    drawn = np.random.default_rng(number)
    monkeypatch.setattr(secrets, "randbits", lambda n: int(drawn.integers(0, 1 << n)))
    first = number % 1_000_000 * 1_000
    monkeypatch.setattr("labeling.tests.factories._numbers", itertools.count(first + 1))
