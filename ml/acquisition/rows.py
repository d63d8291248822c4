"""The rows of a large pool, kept as float16 and prepared when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml.evaluation.geometry import prepare

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ml.types import Embeddings, Indices


@dataclass(frozen=True, slots=True)
class PreparedRows:
    """Raw vectors, in memory or mapped from a file, that are centred and scaled by the handful.

    Attributes:
        raw: (m, d) float16 or float32.
        places: (n,) which of them the pool's rows are.
        centre: (d,) subtracted before rows are scaled to unit length.
    """

    raw: npt.NDArray[np.float16] | npt.NDArray[np.float32]
    places: Indices
    centre: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, positions: Indices, /) -> Embeddings:
        """Give the (b, d) prepared rows at (b,) positions."""
        return prepare(self.raw[self.places[positions]].astype("float32"), self.centre)
