"""What the labeled images tell of a label with few audit answers.

Left out of the fit group by group, the pool images that people labeled show how often the
classifier is right about each label. They were chosen because they are hard, so that share is no
estimate of the accuracy: it is a hint, and the audit answers of all labels decide how much it says.
The model, for a label of accuracy p:

- p comes from a Beta distribution over labels, as in `ml.evaluation.pooling`;
- of its n audit answers k are right, binomial in p;
- of its m labeled groups r are right, binomial in expit(logit(p) + shift + scatter e), e normal.

Shift (chosen images are harder) and scatter (for some labels more so) are the same for all labels
and not known: they are averaged over a grid together with the Beta, by how well they explain both
counts of all labels. Beside them stands that the hint says nothing: r then comes from a Beta of its
own, and p is known from audit answers alone. All is summed on a grid of logits. Source: small-area
estimation with a covariate that has an error of its own (Ybarra & Lohr 2008, Biometrika 95).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation import shortest
from ml.evaluation.yes_or_no import sigmoid
from ml.types import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ml.types import Groups, Labels

    Vector = npt.NDArray[np.float64]

SHIFTS = np.arange(-2.5, 1.01, 0.25)
"""The measured ones lie between -1.9 and 0 (`ml.bench.verify_practice`)."""

SCATTERS = (0.125, 0.25, 0.5, 1.0, 2.0)
USELESS = 0.8
"""Chance, before any answer, that the hint says nothing. All shifts and scatters are alike.

With 0.2 the intervals of worlds where it is so covered 92 to 93 times in 100.
"""

_END, _STEP = 8.0, 0.125
_FAR = 6.0
_FINER = 8
_NEGLIGIBLE = 1e-3
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Practice:
    """How labeled pool images fare while their split group is left out of the fit.

    Attributes:
        right: (c,) split groups of each label that are right; images of a group share its one.
        cases: (c,) split groups of each label; 0 tells nothing of it.
    """

    right: Vector
    cases: Vector

    def __post_init__(self) -> None:
        """Refuse impossible counts."""
        if np.any(self.right < 0) or np.any(self.right > self.cases + 1e-9):
            message = "what is right must lie between 0 and the cases"
            raise ValueError(message)

    @property
    def is_known(self) -> bool:
        """Tell whether it tells anything at all."""
        return bool(self.cases.sum() > 0)


@dataclass(frozen=True, slots=True)
class Family:
    """The Betas that may lie behind all labels.

    Attributes:
        a, b: (f,) parameters, greater than 0.
        log_chance: (f,) before any answer; needs not be normalised.
    """

    a: Vector
    b: Vector
    log_chance: Vector


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is known of the accuracies of c labels, on a grid of g logits.

    Attributes:
        density: (c, g) of each label, each row sums to 1.
        evidence: (h,) log evidence of each hint, before its own chance: shifts by scatters, the
            useless one last.
        useless: how likely it is that the hint says nothing.
        weights: (s,) of what remains likely: a hint together with a Beta; sum 1.
        hint_of: (s,) rows of `likelihoods`.
        betas: (s, g) the Betas.
        likelihoods: (h, c, g) of both counts of each label, the largest of each 1.
    """

    density: Vector
    evidence: Vector
    useless: float
    weights: Vector
    hint_of: npt.NDArray[np.int64]
    betas: Vector
    likelihoods: Vector

    def intervals(self, cases: Vector, *, confidence: float) -> list[Interval]:
        """Give means and shortest intervals of the labels' shares; (c,) cases as `n`."""
        mean = self.density @ sigmoid(grid())
        fine = np.arange(-_END, _END + _STEP / _FINER / 2, _STEP / _FINER)
        logs = np.log(np.maximum(self.density, _TINY))  # drawn straight between points of the grid
        density = np.exp(np.stack([np.interp(fine, grid(), row) for row in logs]))
        low, high = shortest.intervals(density, fine, confidence=confidence)
        low, high = np.minimum(low, mean), np.maximum(high, mean)
        return [
            Interval(float(middle), float(lo), float(hi), int(n))
            for middle, lo, hi, n in zip(mean, low, high, cases, strict=True)
        ]

    def draw(self, size: int, rng: np.random.Generator) -> Vector:
        """Draw (size, c) shares of all labels together."""
        drawn = np.empty((size, len(self.density)))
        picked = rng.choice(len(self.weights), size=size, p=self.weights)
        for at in np.unique(picked):
            rows = np.flatnonzero(picked == at)
            below = np.cumsum(self.likelihoods[self.hint_of[at]] * self.betas[at], axis=1)
            chance = rng.random((len(rows), len(drawn[0]))) * below[:, -1]
            drawn[rows] = (below < chance[:, :, None]).sum(axis=2)
        logits = drawn * _STEP - _END + rng.uniform(-_STEP / 2, _STEP / 2, drawn.shape)
        return sigmoid(logits)


def tally(truth: Labels, predicted: Labels, groups: Groups, k: int) -> Practice:
    """Count (n,) images by split group: those of one group and label share its one.

    Args:
        truth: columns below k; -1 leaves an image out.
        predicted: what is said of each by a head that has not seen its group.
        groups: split groups.
        k: how many labels there are.
    """
    known = truth >= 0
    _, group_of = np.unique(groups[known], return_inverse=True)
    kinds, kind_of = np.unique(group_of * k + truth[known], return_inverse=True)
    is_right = (predicted == truth)[known].astype(np.float64)
    shares = np.bincount(kind_of, weights=is_right) / np.bincount(kind_of)
    column = kinds % k
    return Practice(
        np.bincount(column, weights=shares, minlength=k).astype(np.float64),
        np.bincount(column, minlength=k).astype(np.float64),
    )


def posterior(
    right: Vector,
    cases: Vector,
    practice: Practice,
    family: Family,
    *,
    scatters: Sequence[float] = SCATTERS,
    likelier: Vector | None = None,
) -> Posterior:
    """Weigh every Beta with every shift and scatter by both counts of all labels.

    About 40 ms for 81 labels. An answer moves no share by less than the grid can show up to some
    3,000 audit answers a label.

    Args:
        right: (c,) right audit answers of each label, may be fractional.
        cases: (c,) audit answers.
        practice: of the same labels.
        family: the Betas.
        scatters: those that may be.
        likelier: (c,) log of how much likelier right images of each label were met than wrong ones
            (`ml.evaluation.closer_look`); without it as likely.
    """
    betas = _levelled(_binomial(grid(), family.a, family.a + family.b))
    betas /= betas.sum(axis=1, keepdims=True)
    met = grid() if likelier is None else grid() + likelier[:, None]
    logs = _hints(practice, betas, family, scatters) + _binomial(met, right, cases)
    level, likelihoods = logs.max(axis=2).sum(axis=1), _levelled(logs)
    chances = np.full(len(logs), (1 - USELESS) / max(len(logs) - 1, 1))
    chances[-1] = USELESS
    across = np.ascontiguousarray(betas.T)
    explained = [np.log(np.maximum(each @ across, _TINY)).sum(axis=0) for each in likelihoods]
    log_weights = explained + level[:, None] + family.log_chance
    top = log_weights.max()
    evidence = np.log(np.maximum(np.exp(log_weights - top).sum(axis=1), _TINY)) + top
    weights = np.exp(log_weights - top) * chances[:, None]
    hint_of, beta_of = np.nonzero(weights > weights.max() * _NEGLIGIBLE)
    kept = weights[hint_of, beta_of] / weights[hint_of, beta_of].sum()
    likely, hint_of = np.unique(hint_of, return_inverse=True)
    likelihoods = likelihoods[likely]
    return Posterior(
        density=_density(likelihoods, hint_of, betas[beta_of], kept),
        evidence=evidence,
        useless=float(weights[-1].sum() / weights.sum()),
        weights=kept,
        hint_of=hint_of,
        betas=betas[beta_of],
        likelihoods=likelihoods,
    )


def _density(
    likelihoods: Vector, hint_of: npt.NDArray[np.int64], betas: Vector, weights: Vector
) -> Vector:
    density = np.zeros(likelihoods.shape[1:])
    for hint in np.unique(hint_of):
        here = hint_of == hint
        whole = np.maximum(likelihoods[hint] @ betas[here].T, _TINY)
        density += likelihoods[hint] * ((weights[here] / whole) @ betas[here])
    found: Vector = density / density.sum(axis=1, keepdims=True)
    return found


def _hints(practice: Practice, betas: Vector, family: Family, scatters: Sequence[float]) -> Vector:
    """Give (h, c, g) log likelihoods of the labeled images; the last says nothing.

    That alone where there are none.
    """
    if not practice.is_known:
        return np.zeros((1, len(practice.cases), len(grid())))
    reach = round(_FAR / _STEP)
    wide = np.arange(SHIFTS[0] - _END - _FAR, SHIFTS[-1] + _END + _FAR + _STEP / 2, _STEP)
    logs = _binomial(wide, practice.right, practice.cases)
    level = logs.max(axis=1, keepdims=True)
    likelihood, away = np.exp(logs - level), np.arange(-reach, reach + 1) * _STEP
    rows = []
    for scatter in scatters:
        spread = np.exp(-((away / scatter) ** 2) / 2)
        blurred = [np.convolve(row, spread / spread.sum(), mode="same") for row in likelihood]
        smooth = np.log(np.maximum(blurred, _TINY)) + level
        for shift in SHIFTS:
            start = reach + round((shift - SHIFTS[0]) / _STEP)
            rows.append(smooth[:, start : start + len(grid())])
    alone = _alone(_binomial(grid(), practice.right, practice.cases), betas, family)
    return np.stack([*rows, np.full_like(rows[0], alone / len(logs))])


def _alone(logs: Vector, betas: Vector, family: Family) -> float:
    """Give the log evidence for (c, g) counts from a Beta of their own, no matter which."""
    summed = np.log(np.maximum(_levelled(logs) @ betas.T, _TINY)).sum(axis=0)
    chances = np.exp(family.log_chance - family.log_chance.max())
    top = summed.max()
    whole = np.exp(summed - top) @ chances / chances.sum()
    return float(np.log(whole) + top + logs.max(axis=1).sum())


def grid() -> Vector:
    """Give the (g,) logits that everything is summed over."""
    return np.arange(-_END, _END + _STEP / 2, _STEP)


def _binomial(logits: Vector, right: Vector, cases: Vector) -> Vector:
    """Give (c, g) log likelihoods at (g,) logits, or (c, g) where each label has its own."""
    log_p, log_q = -np.logaddexp(0, -logits), -np.logaddexp(0, logits)
    return np.asarray(right[:, None] * log_p + (cases - right)[:, None] * log_q)


def _levelled(logs: Vector) -> Vector:
    return np.asarray(np.exp(logs - logs.max(axis=-1, keepdims=True)))
