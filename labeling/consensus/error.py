"""How many labels are wrong: what the model of the crowd says, put right by what was checked.

The posterior takes people's mistakes for independent. Where they err alike, the error it expects
is too low: on simulated crowds by a factor of one to three. So the model is asked only for the
order of the labels by risk; how wrong they are is learnt from labels whose truth is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Vector = npt.NDArray[np.float64]

EDGES = (0.005, 0.03, 0.1, 0.3)
"""Labels of like risk are taken together: up to 0.5, 3, 10, 30 per cent, and above."""
FACTOR, FACTOR_SPREAD = 1.5, 0.75
"""Median and standard deviation (of the logarithm) of how much too low the model is, before any
check: with 95 % between 0.34 and 6.5. What simulated crowds have shown (docs/results/crowd.md)."""
OWN_SPREAD = 0.6
"""By how much a range of risk may differ from that (standard deviation of the logarithm)."""
FLOOR = 0.001
"""Nothing that people say is surer than this."""
MOST = 0.95
_GRID = np.linspace(-3.5, 3.5, 71)
_DRAWS = 4000


@dataclass(frozen=True, slots=True)
class Checked:
    """Labels by people alone whose truth is known, (m,) each.

    Attributes:
        risk: 1 - P(label) by the model, from what people had said without the truth.
        is_wrong: whether the truth is another.
        weight: how many labels each stands for, 1 / probability of being checked.
    """

    risk: Vector
    is_wrong: npt.NDArray[np.bool_]
    weight: Vector

    @classmethod
    def nothing(cls) -> Checked:
        """Give the empty one."""
        return cls(np.empty(0), np.empty(0, dtype=np.bool_), np.empty(0))


@dataclass(frozen=True, slots=True)
class Expected:
    """The share of labels to be expected wrong.

    Attributes:
        error: mean of what may be, given the checks.
        low, high: interval.
        by_model: the mean risk, as the model says it.
        n: labels.
        n_checked: labels whose truth is known; 0 means that all rests on the model.
    """

    error: float
    low: float
    high: float
    by_model: float
    n: int
    n_checked: int


def expected(
    risk: Vector,
    checked: Checked,
    *,
    n_labels: int | None = None,
    n_sure: int = 0,
    rng: np.random.Generator,
    confidence: float = 0.95,
) -> Expected | None:
    """Estimate the share of labels that are wrong, with its interval; None of no label.

    In each range of risk the error is factor * own factor * risk: one factor all ranges share, one
    of its own. Both are log-normal; the checks found wrong in the range are binomial, and so are
    the labels that are wrong. Weights count as so many equal checks (Kish).

    Args:
        risk: (n,) of the labels that people gave, or of a random sample of them.
        checked: of such labels, those whose truth is known.
        n_labels: how many labels people gave; as many as `risk` has unless told.
        n_sure: labels that are taken at their word (experts', imports'): never wrong.
        rng: draws from the posterior.
        confidence: of the interval, in (0, 1).
    """
    n_labels = len(risk) if n_labels is None else n_labels
    n = n_labels + n_sure
    if n == 0:
        return None
    share = n_labels / n / max(len(risk), 1)
    factor, own = _draw(checked, rng)
    drawn = np.zeros(_DRAWS)
    for place, rows in enumerate(_ranges(risk)):
        if len(rows):
            rate = _rate(factor * own[place], float(rows.mean()))
            # Of so many labels so many are wrong: few labels are more or less by luck as well.
            held = max(round(len(rows) * n_labels / len(risk)), 1)
            drawn += len(rows) * share * rng.binomial(held, rate) / held
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Expected(
        error=float(drawn.mean()),
        low=float(low),
        high=float(high),
        by_model=float(risk.sum()) * share,
        n=n,
        n_checked=len(checked.risk),
    )


def _draw(checked: Checked, rng: np.random.Generator) -> tuple[Vector, Vector]:
    """Draw the shared factor (s,) and each range's own (ranges, s), given the checks."""
    shared = FACTOR * np.exp(FACTOR_SPREAD * _GRID)
    own = np.exp(OWN_SPREAD * _GRID)
    log_prior = -(_GRID**2) / 2
    # (ranges, shared, own): how well each pair explains what was found.
    log_fit = np.stack([_log_likelihood(one, shared, own) for one in _split(checked)])
    joint = log_fit + log_prior
    top = joint.max(axis=2, keepdims=True)
    of_shared = log_prior + (np.log(np.exp(joint - top).sum(axis=2)) + top[..., 0]).sum(axis=0)
    at = _pick(of_shared[None, :], np.zeros(_DRAWS, dtype=np.int64), rng)
    own_at = [_pick(of_range, at, rng) for of_range in joint]
    return shared[at], own[np.array(own_at)]


def _split(checked: Checked) -> list[Checked]:
    place = np.digitize(checked.risk, EDGES)
    return [
        Checked(
            checked.risk[place == one], checked.is_wrong[place == one], checked.weight[place == one]
        )
        for one in range(len(EDGES) + 1)
    ]


def _ranges(risk: Vector) -> list[Vector]:
    place = np.digitize(risk, EDGES)
    return [risk[place == one] for one in range(len(EDGES) + 1)]


def _rate(factor: Vector, risk: float) -> Vector:
    return np.minimum(factor * (risk + FLOOR), MOST)


def _log_likelihood(found: Checked, shared: Vector, own: Vector) -> Vector:
    """Give (shared, own) log-likelihoods of what was found in one range."""
    if not len(found.risk):
        return np.zeros((len(shared), len(own)))
    weight = found.weight / found.weight.sum()
    n = 1.0 / float(weight @ weight)
    wrong = n * float(weight @ found.is_wrong)
    rate = _rate(np.outer(shared, own), float(weight @ found.risk))
    likelihood: Vector = wrong * np.log(rate) + (n - wrong) * np.log1p(-rate)
    return likelihood


def _pick(
    log_weights: Vector, rows: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw a column of (r, g) unnormalised log-weights for each of (s,) rows of them."""
    below = np.exp(log_weights - log_weights.max(axis=1, keepdims=True)).cumsum(axis=1)
    below /= below[:, -1:]
    drawn = rng.random(len(rows))
    return np.asarray((below[rows] <= drawn[:, None]).sum(axis=1), dtype=np.int64)
