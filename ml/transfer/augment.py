"""How pictures become training inputs: as they are embedded, or augmented."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ml.inference.preprocess import normalise
from ml.transfer import torchvision_shim
from ml.types import Preprocessing

SMALLEST_CROP = 0.5
Item = TypeVar("Item")
Result = TypeVar("Result")


def augmentation(preprocessing: Preprocessing) -> Callable[[Image.Image], Tensor]:
    """Give a random map from an RGB picture to one (3, crop, crop) training input.

    A random crop of at least half the area, a mirror image half of the time, then
    TrivialAugmentWide (Müller & Hutter 2021): one random operation of random strength, which has
    nothing to tune. Draws come from torch's global generator: seed it, and call it from one thread.
    """
    torchvision_shim.ensure()
    from torchvision.transforms import v2  # noqa: PLC0415 - only after the shim

    bend = v2.Compose(
        [
            v2.RandomResizedCrop(
                preprocessing.crop_px,
                scale=(SMALLEST_CROP, 1.0),
                interpolation=v2.InterpolationMode.BICUBIC,
            ),
            v2.RandomHorizontalFlip(),
            v2.TrivialAugmentWide(),
        ]
    )

    def apply(picture: Image.Image) -> Tensor:
        return torch.from_numpy(normalise(np.asarray(bend(picture)), preprocessing))

    return apply


def in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    ahead: int,
) -> Iterator[Result]:
    """Map in threads, results in order, at most `ahead` of them waiting."""
    remaining = iter(items)
    waiting: deque[Future[Result]] = deque()
    try:
        while True:
            wanted = ahead - len(waiting)
            waiting.extend(pool.submit(work, item) for item in islice(remaining, wanted))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
