"""Folders of labeled pictures that a tiny backbone can tell apart by their colour."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ml.selectors import embeddings
from ml.tests.inference.tiny import write_backbone

COLOURS = {"Apple": (190, 50, 40), "Leek": (60, 160, 70), "Milk": (210, 210, 200)}
PICTURE_PX = 24
Folder = Callable[..., Path]


@pytest.fixture(autouse=True)
def _fresh_process_memory() -> Iterator[None]:
    embeddings.forget()
    yield
    embeddings.forget()


@pytest.fixture
def labeled_folder(tmp_path: Path) -> Folder:
    """Write pictures of each label's colour, give or take, and their `labels.csv`."""

    def write(
        name: str = "pictures", *, a_label: int = 20, seed: int = 0, spread: float = 38
    ) -> Path:
        rng = np.random.default_rng(seed)
        folder = tmp_path / name
        folder.mkdir()
        rows = []
        for label, colour in COLOURS.items():
            for number in range(a_label):
                near = np.clip(np.array(colour) + rng.normal(0, spread, 3), 0, 255)
                grain = rng.normal(0, 12, (PICTURE_PX, PICTURE_PX, 3))
                pixels = np.clip(near + grain, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{label}-{number}.png")
                rows.append((f"{label}-{number}.png", label))
        with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("path", "label"), *rows])
        return folder

    return write


@pytest.fixture
def tiny_backbone(tmp_path: Path, settings: Any) -> None:
    """Let the installation embed with a backbone of a few kilobytes."""
    write_backbone(tmp_path / "backbones")
    settings.BACKBONE_DIR = tmp_path / "backbones"
    settings.BACKBONE = "tiny"
