from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn

from ml.transfer.backbones import BACKBONES, Backbone, BackboneSpec, Weights
from ml.transfer.recipe import FineTuneData
from ml.types import Preprocessing

DIM = 12


class Published(nn.Module):
    """A network as somebody might publish it: three stages with batch norm, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (3, 8, 10, DIM)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(before, after, 3, stride=2), nn.BatchNorm2d(after), nn.ReLU()
                )
                for before, after in pairwise(sizes)
            )
        )


def _random_weights() -> Weights:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Published().state_dict()


def _staged(network: nn.Module) -> Backbone:
    assert isinstance(network, Published)
    return Backbone(network.stages, nn.AdaptiveAvgPool2d(1))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    """Register a backbone that computes in microseconds; give its name."""
    entry = BackboneSpec(
        dim=DIM,
        network=Published,
        pretrained=_random_weights,
        staged=_staged,
        preprocessing=Preprocessing(36, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    )
    monkeypatch.setitem(BACKBONES, "tiny", entry)
    return "tiny"


def _draw(shape: int, seed: int) -> Image.Image:
    """Draw a disc, a square or a cross of random place, size and colour."""
    rng = np.random.default_rng(seed)
    colours = [tuple(int(value) for value in rng.integers(0, 256, 3)) for _ in range(2)]
    picture = Image.new("RGB", (48, 40), colours[0])
    draw = ImageDraw.Draw(picture)
    x, y, r = (int(value) for value in rng.integers((14, 14, 7), (34, 26, 13)))
    if shape == 0:
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colours[1])
    elif shape == 1:
        draw.rectangle((x - r, y - r, x + r, y + r), outline=colours[1], width=3)
    else:
        draw.line((x - r, y - r, x + r, y + r), fill=colours[1], width=4)
        draw.line((x - r, y + r, x + r, y - r), fill=colours[1], width=4)
    return picture


@pytest.fixture
def drawings() -> Callable[[int, int], FineTuneData]:
    """Make `n` drawings of three shapes among `k` labels, two drawings a split group."""

    def make(n: int = 90, k: int = 3) -> FineTuneData:
        shapes = np.arange(n) // 2 % 3
        return FineTuneData(
            pictures=[partial(_draw, int(s), i) for i, s in enumerate(shapes)],
            targets=np.eye(k)[shapes],
            weights=np.ones(n),
            groups=np.arange(n) // 2,
        )

    return make
