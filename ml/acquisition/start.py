"""How long the classifier is not to be asked yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

LABELS_A_CLASS = 2


def cold_start(labeled_counts: npt.ArrayLike, k: int) -> bool:
    """Say whether to go on with herding instead of asking the classifier.

    Args:
        labeled_counts: labeled images of each label; absent labels may be left out.
        k: how many labels the scheme has.
    """
    counts = np.asarray(labeled_counts, dtype=np.float64)
    has_all = int((counts > 0).sum()) >= k
    return not has_all and float(counts.sum()) < LABELS_A_CLASS * k
