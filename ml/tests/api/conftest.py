"""The same kitchen as the tests of serving, and one whose figures were worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from labeling.tests import factories
from ml.tests.api.audited import Audited
from ml.tests.serving.conftest import _fresh_process_memory, kitchen, served
from ml.tests.serving.kitchen import Kitchen, signed_in

__all__ = ["_fresh_process_memory", "audited", "kitchen", "manager", "served"]


@pytest.fixture
def audited(kitchen: Kitchen) -> Audited:
    return Audited.make(kitchen)


@pytest.fixture
def manager(audited: Audited) -> Any:
    return signed_in(factories.make_member(audited.project, "MANAGER"))
