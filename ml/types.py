"""Array aliases and frozen dataclasses that the pure code of `ml` shares.

Dimension letters, here and in every docstring: n images, k labels, d embedding size,
g split groups. All arrays are NumPy; nothing here imports Django or torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL import Image as PillowImage

Embeddings = npt.NDArray[np.float32]  # (n, d)
Probabilities = npt.NDArray[np.float64]  # (n, k), rows sum to 1
Scores = npt.NDArray[np.float64]  # (n,), higher is more worth labeling
Groups = npt.NDArray[np.int64]  # (n,), split group of each row
Labels = npt.NDArray[np.int64]  # (n,), column index into a label order
Indices = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]  # (n,)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a picture becomes the backbone's input; travels with the weights.

    The shorter side is resized to `resize_px` (bicubic), the centre `crop_px` square is cut,
    values are scaled to [0, 1], then `(x - mean) / std` by channel, layout NCHW float32.
    """

    resize_px: int
    crop_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def to_json(self) -> dict[str, Any]:
        """Give the fields as JSON can hold them."""
        return {
            "resize_px": self.resize_px,
            "crop_px": self.crop_px,
            "mean": list(self.mean),
            "std": list(self.std),
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Preprocessing:
        """Read what `to_json` wrote; a missing field raises KeyError."""
        mean, std = fields["mean"], fields["std"]
        return cls(
            int(fields["resize_px"]),
            int(fields["crop_px"]),
            (float(mean[0]), float(mean[1]), float(mean[2])),
            (float(std[0]), float(std[1]), float(std[2])),
        )


@dataclass(frozen=True, slots=True)
class BackboneFile:
    """A compiled backbone on disk: the ONNX file, its SHA-256 and how to feed it."""

    name: str
    path: str
    digest: str
    dim: int
    preprocessing: Preprocessing


class Embedder(Protocol):
    """Turns pictures into vectors. Implemented by `ml.inference` (ONNX) and `ml.transfer`."""

    @property
    def dim(self) -> int:
        """Length d of a vector."""

    @property
    def digest(self) -> str:
        """SHA-256 of the compiled backbone: two embedders with one digest agree."""

    @property
    def max_batch(self) -> int:
        """How many inputs one run of the engine takes at best, at least 1."""

    def preprocess(self, picture: PillowImage.Image) -> npt.NDArray[np.float32]:
        """Give the (3, crop, crop) float32 input of one RGB picture."""

    def embed(self, inputs: npt.NDArray[np.float32]) -> Embeddings:
        """Give the (n, d) float32 embeddings of (n, 3, crop, crop) inputs."""


@dataclass(frozen=True, slots=True)
class Sigmoids:
    """What makes every label of a head a yes or no of its own (several labels an image).

    Attributes:
        slope: (k,) at least 0, of the calibration; 0 where the scores tell nothing.
        offset: (k,) of the calibration.
        thresholds: (k,) probabilities from which a label is said; above 1 where it never is.
    """

    slope: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]
    thresholds: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Head:
    """A linear head on centred, L2-normalised embeddings (`methods.md` §3.2).

    Attributes:
        weights: (d, k) float64.
        bias: (k,) float64.
        centre: (d,) float64, subtracted before rows are scaled to unit length.
        temperature: multiplies scores before the softmax; greater than 0.
        regularisation: the ridge strength that was chosen.
        label_order: label codes, one a column.
        several: with several labels an image, what takes the place of the softmax; else None.
    """

    weights: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    centre: npt.NDArray[np.float64]
    temperature: float
    regularisation: float
    label_order: tuple[str, ...]
    several: Sigmoids | None = None


@dataclass(frozen=True, slots=True)
class LabeledSet:
    """What a head is fitted on.

    Attributes:
        image_ids: (n,) database keys.
        embeddings: (n, d), raw.
        targets: (n, k) soft posteriors, rows sum to 1.
        weights: (n,) positive.
        groups: (n,) split groups; never divided between fitting and checking.
        label_order: label codes, one a column of `targets`.
        is_several: several labels an image: every target is a probability of its own, one half
            where nobody was asked, and rows sum to anything.
    """

    image_ids: Indices
    embeddings: Embeddings
    targets: Probabilities
    weights: Weights
    groups: Groups
    label_order: tuple[str, ...]
    is_several: bool = False


class Rows(Protocol):
    """Prepared rows that are gathered when asked for, so that a large pool is never copied whole.

    An array of embeddings is one already.
    """

    def __len__(self) -> int:
        """Give n."""

    def __getitem__(self, positions: Indices, /) -> Embeddings:
        """Give the (b, d) centred and L2-normalised rows at (b,) positions."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The images an acquisition function chooses from.

    Attributes:
        image_ids: (n,) database keys.
        embeddings: (n, d) centred and L2-normalised, or what gives such rows when asked.
        probabilities: (n, k) calibrated, or None where there is no classifier yet, or where the
            pool is so large that `head` gives those of the rows that matter.
        groups: (n,) split groups.
        labeled: (m, d) embeddings of what is labeled already, prepared the same way.
        head: the classifier behind `probabilities`; some functions ask it more than that.
        labeled_counts: (k,) labeled images of each label; None where nobody has counted.
        doubt: (n,) margin scores in [0, 1] that a pass over the whole pool has left; made from
            `probabilities` where None.
        stands_for: (n,) how many images a row stands for, itself included; 1 each where None.
    """

    image_ids: Indices
    embeddings: Embeddings | Rows
    probabilities: Probabilities | None
    groups: Groups
    labeled: Embeddings
    head: Head | None = None
    labeled_counts: Weights | None = None
    doubt: Scores | None = None
    stands_for: Weights | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval and the number of cases behind it."""

    estimate: float
    low: float
    high: float
    n: int


class AcquisitionFunction(Protocol):
    """Choose which `batch_size` rows of a pool to label next, best first.

    Returns (b,) distinct row positions, b = min(batch_size, n), and (b,) their selection
    probabilities in (0, 1]: 1 where the choice is certain given the data.
    """

    def __call__(
        self, pool: Pool, *, batch_size: int, rng: np.random.Generator
    ) -> tuple[Indices, Scores]:
        """Choose rows of `pool`."""
