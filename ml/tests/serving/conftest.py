"""The kitchen with its tiny backbones, and nothing remembered from the test before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml.selectors import embeddings, overview
from ml.services import embedding, serving
from ml.tests.serving.kitchen import Kitchen


@pytest.fixture(autouse=True)
def _fresh_process_memory() -> Iterator[None]:
    for module in (embeddings, embedding, serving, overview):
        module.forget()
    yield
    for module in (embeddings, embedding, serving, overview):
        module.forget()


@pytest.fixture
def kitchen(db: None, tmp_path: Path, settings: Any) -> Kitchen:
    """A project on tiny backbones that nothing serves yet."""
    settings.BACKBONE, settings.BACKBONE_DIR = "tiny012", tmp_path / "backbones"
    files = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path / "files"}}
    settings.STORAGES = {**settings.STORAGES, "default": files}
    return Kitchen.make()


@pytest.fixture
def served(kitchen: Kitchen) -> Kitchen:
    """The same with a champion."""
    return kitchen.open()
