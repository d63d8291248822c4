"""How raw embeddings become the rows that heads, groups and acquisition functions compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Embeddings

_SAME_ROW = 1e-6


def prepare(embeddings: Embeddings, centre: npt.NDArray[np.float64]) -> Embeddings:
    """Centre (n, d) rows and scale them to unit length; a row at the centre becomes zero."""
    centred = np.asarray(embeddings, dtype=np.float64) - centre
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    # Rounding noise of a row that is its own centre must not be blown up to a direction.
    is_point = lengths <= _SAME_ROW * (np.linalg.norm(centre) + lengths)
    centred /= np.where(is_point, 1.0, lengths)
    centred[is_point[:, 0]] = 0.0
    return centred.astype(np.float32)


def cosines(
    prepared: Embeddings, others: Embeddings, centre: npt.NDArray[np.float64]
) -> Embeddings:
    """Give the (n, m) cosines of prepared rows with (m, d) float32 rows that are not.

    As `prepared @ prepare(others, centre).T` within float32's error, at a third of its cost: what
    is compared once is not worth a pass in double precision. Overwrites `others`.
    """
    others -= centre.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", others, others))
    lengths[lengths <= _SAME_ROW * (np.linalg.norm(centre) + lengths)] = np.inf
    similarity: Embeddings = prepared @ others.T
    similarity /= lengths
    return similarity
