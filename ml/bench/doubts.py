"""What a simulated classifier says of images: certain of most, in doubt about some.

For `verify intervals`. The certainties are as measured on the photographs (43 labels, 77 % of the
pool labeled): a Beta distribution of strength 1.7 around the accuracy, and of what a wrong answer
leaves to the other labels the right one has 35 % on average, Beta(0.6, 1.1). Beside that come
classifiers whose certainties mislead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation.closer_look import Expected

if TYPE_CHECKING:
    import numpy.typing as npt

    Flags = npt.NDArray[np.bool_]
    Vector = npt.NDArray[np.float64]

STRENGTH = 1.7
TRUE_REST = (0.6, 1.1)
OTHERS = 4
STICK = (1.0, 0.6)
KINDS = ("as_measured", "overconfident", "unsure", "blind")
"""Blind: of four errors in ten it is as sure as of what it has right."""

SHARPER, FLATTER = 1.6, 0.6
BLIND, SURELY, HARDLY = 0.4, 0.97, 1e-5


def draw(
    label: npt.NDArray[np.int64],
    is_right: Flags,
    chance: Vector,
    often: Vector,
    *,
    kind: str,
    rng: np.random.Generator,
) -> Expected:
    """Draw what is said of (n,) images.

    Args:
        label: of each image, columns below k.
        is_right: whether the classifier says it.
        chance: (k,) that it does, of each label.
        often: (k,) share of each label; what it says wrongly follows that.
        kind: one of `KINDS`.
        rng: draws everything.
    """
    n, k = len(label), len(chance)
    share = chance[label]
    sure = rng.beta(STRENGTH * share + is_right, STRENGTH * (1 - share) + ~is_right)
    sure = np.clip(sure, 1.2 / k, 1 - 1e-4)
    wrong = rng.choice(k, n, p=often)
    wrong = np.where(wrong == label, (wrong + 1) % k, wrong)
    said = np.where(is_right, label, wrong)
    of_true = np.minimum((1 - sure) * rng.beta(*TRUE_REST, n), 0.95 * sure)
    if kind == "blind":
        unaware = ~is_right & (rng.random(n) < BLIND)
        of_true, sure = np.where(unaware, HARDLY, of_true), np.where(unaware, SURELY, sure)
    others = np.argsort(rng.random((n, k)) / often, axis=1)[:, :OTHERS]
    others[(others == said[:, None]) | (others == label[:, None])] = -1
    rest = np.where(is_right, 1 - sure, np.maximum(1 - sure - of_true, 0.0))
    broken = rng.beta(*STICK, others.shape)
    left = np.cumprod(np.concatenate([np.ones((n, 1)), 1 - broken[:, :-1]], axis=1), axis=1)
    columns = np.column_stack([said, np.where(is_right, -1, label), others])
    p = np.column_stack([sure, np.where(is_right, 0.0, of_true), rest[:, None] * broken * left])
    p[columns < 0] = 0.0
    if kind in {"overconfident", "unsure"}:
        p = p ** (SHARPER if kind == "overconfident" else FLATTER)
        p /= np.maximum(p.sum(axis=1, keepdims=True), 1.0)
    return Expected(columns, p, np.ones(n), k)
