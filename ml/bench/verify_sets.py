"""The labeled sets that checks are played on: photographs, handwritten digits, drawings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from ml.bench.verify import CannotMeasureError, Setup
from ml.evaluation import splits
from ml.services.labeled_folder import read_labeled_folder
from ml.types import LabeledSet

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from PIL import Image as PillowImage

    from ml.services.labeled_folder import LabeledPicture
    from ml.types import Embeddings, Groups, Indices, Labels

SPLIT_COSINE = 0.80
DRAWN_PX = 14
DRAWN_KINDS = 8
DRAWN_IMAGES = 1600


@dataclass(frozen=True, slots=True)
class LabeledVectors:
    """Images whose labels are known.

    Attributes:
        embeddings: (n, d).
        labels: (n,) columns below k.
        groups: (n,) split groups.
        k: how many labels there are.
    """

    name: str
    embeddings: Embeddings
    labels: Labels
    groups: Groups
    k: int

    def rows(self, at: Indices, labels: Labels | None = None) -> LabeledSet:
        """Give some rows for a head to fit, with these labels or their own."""
        given = self.labels[at] if labels is None else labels
        return LabeledSet(
            image_ids=at,
            embeddings=self.embeddings[at],
            targets=np.eye(self.k)[given],
            weights=np.ones(len(at)),
            groups=self.groups[at],
            label_order=tuple(f"label-{column}" for column in range(self.k)),
        )


def photographs(setup: Setup) -> LabeledVectors:
    """Embed a folder of labeled photographs, or read the vectors kept from an earlier run.

    Raises:
        CannotMeasureError: no folder is named, or the kept vectors are of other pictures.
    """
    if setup.images is None or setup.labels is None:
        raise CannotMeasureError(
            "This check needs labeled photographs: --images DIR with a labels.csv inside, "
            "or LARDER_DEMO_IMAGES."
        )
    pictures = read_labeled_folder(
        images=setup.images, labels=setup.labels, label_column=setup.label_column
    )
    vectors = _kept(setup.embeddings, pictures)
    if vectors is None:
        vectors = _embedded(pictures, setup)
        if setup.embeddings is not None:
            np.savez(setup.embeddings, x=vectors, names=[each.name for each in pictures])
    _, labels = np.unique([each.label for each in pictures], return_inverse=True)
    groups, _ = splits.near_duplicate_groups(vectors, cosine=SPLIT_COSINE)
    k = int(labels.max()) + 1
    return LabeledVectors("photographs", vectors, labels.astype(np.int64), groups, k)


def digits() -> LabeledVectors:
    """Give scikit-learn's 1,797 handwritten digits, 64 pixels each; every image is a group."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 (two seconds to import)

    pixels, labels = load_digits(return_X_y=True)
    return LabeledVectors(
        "digits", pixels.astype(np.float32), labels.astype(np.int64), np.arange(len(labels)), 10
    )


def drawings(rng: np.random.Generator) -> LabeledVectors:
    """Draw 1,600 noisy grey pictures of eight simple figures, each picture a group."""
    labels = rng.integers(0, DRAWN_KINDS, DRAWN_IMAGES)
    pixels = np.stack([_figure(int(label), rng) for label in labels])
    noisy = pixels + rng.normal(0, 0.45, pixels.shape)
    return LabeledVectors(
        "drawings", noisy.astype(np.float32), labels, np.arange(DRAWN_IMAGES), DRAWN_KINDS
    )


def _figure(kind: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw one figure somewhere near the middle, in some size; (pixels,) in 0 to 1."""
    y, x = np.mgrid[0:DRAWN_PX, 0:DRAWN_PX] - (DRAWN_PX - 1) / 2
    x, y = x - rng.uniform(-2, 2), y - rng.uniform(-2, 2)
    size = rng.uniform(2.5, 5.0)
    far, square = np.hypot(x, y), np.maximum(np.abs(x), np.abs(y))
    shapes = (
        far < size,
        (far < size) & (far > size - 1.6),
        square < size,
        (square < size) & (square > size - 1.6),
        (np.abs(x) < 1) | (np.abs(y) < 1),
        (np.abs(x - y) < 1.2) | (np.abs(x + y) < 1.2),
        (y < size) & (np.abs(x) < (y + size) / 2),
        (np.abs(y - size / 2) < 1) | (np.abs(y + size / 2) < 1),
    )
    drawn: npt.NDArray[np.float64] = (shapes[kind] & (square <= size)).astype(np.float64).ravel()
    return drawn


def _kept(path: Path | None, pictures: list[LabeledPicture]) -> Embeddings | None:
    if path is None or not path.is_file():
        return None
    with np.load(path) as kept:
        names, vectors = kept["names"], kept["x"].astype(np.float32)
    if names.tolist() != [each.name for each in pictures]:
        raise CannotMeasureError(f"{path.name} holds the vectors of other pictures; remove it.")
    found: Embeddings = vectors
    return found


def _embedded(pictures: list[LabeledPicture], setup: Setup) -> Embeddings:
    from ml.inference.embedder import OnnxEmbedder  # noqa: PLC0415 (ONNX Runtime)
    from ml.inference.files import find_backbone  # noqa: PLC0415
    from ml.inference.pipeline import embed_stream  # noqa: PLC0415
    from ml.inference.preprocess import open_rgb  # noqa: PLC0415

    backbone = find_backbone(settings.BACKBONE_DIR, settings.BACKBONE)
    engine = OnnxEmbedder(backbone, threads=settings.ORT_THREADS)

    def load(path: Path) -> PillowImage.Image:
        with path.open("rb") as stream:
            return open_rgb(stream)

    found: list[Embeddings] = []
    for batch in embed_stream(engine, [partial(load, each.path) for each in pictures]):
        found.append(batch)
        setup.say("embedding", sum(len(each) for each in found), len(pictures))
    return np.concatenate(found)
