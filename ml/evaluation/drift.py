"""Do new uploads look like those the classifier was built on?

Tests on a classifier's own outputs find shifts best (Rabanser et al. 2019, "Failing Loudly"). With
thousands of uploads every test is significant, so a signal needs an effect that matters as well.
The baseline is the import, never the labeled images, which were chosen for being hard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Probabilities

MIN_BATCH = 100
ALPHA = 0.01
SHIFTED = 0.1
"""Wasserstein distance in standard deviations of the baseline."""

DOUBLED = 2.0
FEWEST = 10
"""A share counts as doubled or halved from this many expected or seen images."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One way in which a batch may differ.

    Attributes:
        name: `scores`, `labels` or `distance`.
        p_value: corrected for how many tests were made.
        effect: of the strongest difference: standard deviations, or times a label's share.
        column: label it concerns most, or -1.
        is_alarm: significant and large enough to matter.
        is_more: the label is seen more often, more surely, or images are farther: else less.
    """

    name: str
    p_value: float
    effect: float
    column: int
    is_alarm: bool
    is_more: bool = True


def compare_batch(
    baseline: Probabilities,
    batch: Probabilities,
    *,
    baseline_distance: npt.NDArray[np.float64],
    batch_distance: npt.NDArray[np.float64],
) -> list[Signal]:
    """Compare a batch of uploads with the import.

    Args:
        baseline: (m, k) probabilities of imported images, by the champion.
        batch: (n, k) of new ones, by the same champion.
        baseline_distance, batch_distance: (m,), (n,) distance to the nearest labeled image.

    Returns:
        Three signals; none where the batch has fewer than 100 images.
    """
    if len(batch) < MIN_BATCH or len(baseline) < MIN_BATCH:
        return []
    return [
        _scores(baseline, batch),
        _labels(baseline.argmax(axis=1), batch.argmax(axis=1), baseline.shape[1]),
        _distance(baseline_distance, batch_distance),
    ]


def wasserstein(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    """Give the distance of two samples in standard deviations of the first."""
    from scipy.stats import wasserstein_distance  # noqa: PLC0415 (kept off the web's import path)

    spread = float(first.std())
    distance = float(wasserstein_distance(first, second))
    if spread == 0:
        return float("inf") if distance > 0 else 0.0
    return distance / spread


def _scores(baseline: Probabilities, batch: Probabilities) -> Signal:
    """Kolmogorov-Smirnov for every label's probability, Bonferroni over labels."""
    from scipy.stats import ks_2samp  # noqa: PLC0415

    k = baseline.shape[1]
    p = np.array([ks_2samp(baseline[:, c], batch[:, c]).pvalue for c in range(k)])
    effects = np.array([wasserstein(baseline[:, c], batch[:, c]) for c in range(k)])
    is_alarm = (p * k < ALPHA) & (effects > SHIFTED)
    at = int(np.where(is_alarm, effects, -1.0).argmax()) if is_alarm.any() else int(p.argmin())
    is_more = bool(batch[:, at].mean() > baseline[:, at].mean())
    corrected = min(float(p[at]) * k, 1.0)
    return Signal("scores", corrected, float(effects[at]), at, bool(is_alarm.any()), is_more)


def _labels(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], k: int) -> Signal:
    """Chi-square on how often each label is predicted; effect: times its share."""
    from scipy.stats import chi2_contingency  # noqa: PLC0415

    counts = np.stack([np.bincount(each, minlength=k) for each in (first, second)])
    seen = counts.sum(axis=0) > 0
    p_value = float(chi2_contingency(counts[:, seen]).pvalue) if seen.sum() > 1 else 1.0
    n, m = len(second), len(first)
    expected = counts[0] * n / m
    ratio = (counts[1] + 0.5) / (expected + 0.5)
    factor = np.where(np.maximum(counts[1], expected) >= FEWEST, np.maximum(ratio, 1 / ratio), 1.0)
    at = int(factor.argmax())
    is_alarm = p_value < ALPHA and factor[at] >= DOUBLED
    return Signal("labels", p_value, float(factor[at]), at, bool(is_alarm), bool(ratio[at] > 1))


def _distance(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> Signal:
    """Kolmogorov-Smirnov: are new images farther from all that is labeled?"""
    from scipy.stats import ks_2samp  # noqa: PLC0415

    p_value = float(ks_2samp(first, second).pvalue)
    effect = wasserstein(first, second)
    is_farther = float(second.mean()) > float(first.mean())
    is_alarm = p_value < ALPHA and effect > SHIFTED and is_farther
    return Signal("distance", p_value, effect, -1, is_alarm, is_farther)
