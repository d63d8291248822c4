"""A tiny backbone in place of the real one, and nothing remembered from the test before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from labeling.tests import worlds
from labeling.tests.rows import Project
from ml.selectors import embeddings
from ml.services import embedding
from ml.tests.inference.tiny import write_backbone


@pytest.fixture(autouse=True)
def _fresh_process_memory() -> Iterator[None]:
    embeddings.forget()
    embedding.forget()
    yield
    embeddings.forget()
    embedding.forget()


@pytest.fixture
def backbone(tmp_path: Path, settings: Settings) -> Path:
    """A compiled backbone whose embedding is a mix of the mean colours."""
    settings.BACKBONE, settings.BACKBONE_DIR = "tiny", tmp_path
    return write_backbone(tmp_path)


@pytest.fixture
def project(db: None) -> Project:
    return worlds.make_project()
