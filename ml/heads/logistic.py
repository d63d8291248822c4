"""Logistic regression (scikit-learn) on standardised rows: a challenger of the ridge."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from ml.heads.classifier import Linear, Standard, certain_rows
from ml.types import Head

if TYPE_CHECKING:
    from ml.heads.classifier import Unlabeled
    from ml.types import LabeledSet

PENALTY = 1e-3
"""Weight of |W|^2 / 2 beside the mean cross-entropy: on standardised columns the best of what was
tried (`methods.md` §3.1). scikit-learn's own default on rows of length 1 costs 15 points."""

MOST_STEPS = 300


def fit_logistic(
    labeled: LabeledSet, *, unlabeled: Unlabeled | None = None, rng: np.random.Generator
) -> Linear:
    """Fit it; standardising is linear, so the result is a head that can serve as it is.

    Labels without rows never win: their score is far below all others. One label alone is always
    said.

    Args:
        labeled: as for `ridge.fit_ridge`.
        unlabeled: not used.
        rng: not used; the optimum is one.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 (two seconds)

    rows, columns, weights = certain_rows(labeled)
    standard = Standard.of(labeled.embeddings)
    d, k = labeled.embeddings.shape[1], labeled.targets.shape[1]
    slopes, offsets = np.zeros((d, k)), np.full(k, _NEVER)
    seen = np.unique(columns)
    offsets[seen] = 0.0
    if len(seen) > 1:
        model = LogisticRegression(C=1 / (PENALTY * weights.sum()), max_iter=MOST_STEPS)
        with warnings.catch_warnings():
            # It takes few images of many labels for a regression.
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            model.fit(standard.rows(labeled.embeddings)[rows], columns, sample_weight=weights)
        found, bias = model.coef_, model.intercept_
        if len(seen) == 2:
            # Two labels share one score; half of it each way gives the same probabilities.
            found, bias = np.vstack([-found, found]) / 2, np.concatenate([-bias, bias]) / 2
        slopes[:, seen], offsets[seen] = found.T, bias
    weights_ = slopes / standard.deviation[:, None]
    bias_ = offsets - standard.mean @ weights_
    return Linear(Head(weights_, bias_, standard.centre, 1.0, PENALTY, labeled.label_order))


_NEVER = -30.0
