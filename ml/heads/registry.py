"""The kinds of heads there are, by name: the ridge serves, the others challenge it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml.heads import ridge
from ml.heads.classifier import Linear
from ml.heads.logistic import fit_logistic
from ml.heads.mlp import fit_mlp
from ml.heads.pseudo_labels import fit_pseudo

if TYPE_CHECKING:
    import numpy as np

    from ml.heads.classifier import FitHead, Unlabeled
    from ml.types import LabeledSet

DEFAULT = "ridge"


def _fit_ridge(
    labeled: LabeledSet, *, unlabeled: Unlabeled | None, rng: np.random.Generator
) -> Linear:
    return Linear(ridge.fit_ridge(labeled).head)


HEADS: dict[str, FitHead] = {
    DEFAULT: _fit_ridge,
    "logistic": fit_logistic,
    "mlp": fit_mlp,
    "pseudo": fit_pseudo,
}
