"""How a head is judged on labeled images it has not seen, one label an image or several."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np

from ml.heads import calibration, several
from ml.heads.closed_form import label_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import LabeledSet, Labels, Probabilities


def losses(labeled: LabeledSet, said: Probabilities) -> npt.NDArray[np.float64]:
    """Give the (n,) log-losses of (n, k) probabilities against what the targets decide for.

    With several labels an image, those of its whole set of labels (`several.losses`).
    """
    if labeled.is_several:
        return several.losses(labeled.targets, said)
    truth = calibration.decided(labeled.targets)
    found: npt.NDArray[np.float64] = -(truth * np.log(np.maximum(said, 1e-12))).sum(axis=1)
    return found


def right(labeled: LabeledSet, said: Probabilities) -> npt.NDArray[np.bool_]:
    """Tell which (n,) images are right: the likeliest label, or every known label of several."""
    if labeled.is_several:
        return several.right(labeled.targets, said)
    found: npt.NDArray[np.bool_] = said.argmax(axis=1) == labeled.targets.argmax(axis=1)
    return found


def knowing_nothing(labeled: LabeledSet) -> float:
    """Give the log-loss of whoever has not looked at any image.

    All labels alike; with several labels an image each by its share, since most are not shown.
    """
    if labeled.is_several:
        return several.knowing_nothing(labeled)
    return math.log(len(labeled.label_order))


def can_teach(labeled: LabeledSet) -> bool:
    """Tell whether the targets tell any images apart."""
    if labeled.is_several:
        return several.can_teach(labeled.targets)
    return len(np.unique(labeled.targets.argmax(axis=1))) >= 2


def kinds(labeled: LabeledSet) -> Labels:
    """Give (n,) numbers, the same where two images are decided for the same.

    The column of the label; with several labels a number of the set of their codes that stays the
    same in another label order.
    """
    if not labeled.is_several:
        return label_of(labeled.targets)
    shown = several.shows(labeled.targets)
    patterns, of = np.unique(shown, axis=0, return_inverse=True)
    numbers = np.array([_number(row, labeled.label_order) for row in patterns], dtype=np.int64)
    found: Labels = numbers[of.ravel()] if len(numbers) else np.empty(0, dtype=np.int64)
    return found


def _number(row: npt.NDArray[np.bool_], label_order: tuple[str, ...]) -> int:
    named = "|".join(
        sorted(code for code, is_there in zip(label_order, row, strict=True) if is_there)
    )
    return int.from_bytes(hashlib.sha256(named.encode()).digest()[:7], "big")
