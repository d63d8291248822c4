"""Partial pooling: what all labels together say about a label with few audit answers.

Where it is known how labeled images fare out of group, that counts as a hint
(`ml.evaluation.practice`).

The model: each label's share comes from one Beta distribution over labels. Its mean and strength
are not known either, so they are averaged over a grid by how well they explain all labels at once
(empirical Bayes with the doubt left in). Labels that differ much are drawn together little, labels
that are alike a lot. Source: Gelman et al., "Bayesian Data Analysis", 3rd edition, section 5.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation import shortest
from ml.evaluation.practice import Family, Practice, posterior
from ml.evaluation.yes_or_no import sigmoid
from ml.recent import Recent
from ml.types import Interval

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.evaluation.practice import Posterior

    Vector = npt.NDArray[np.float64]

_MEANS = sigmoid(np.linspace(-4.5, 4.5, 37))
_STRENGTHS = np.geomspace(1.0, 400.0, 14)
_NEGLIGIBLE = 1e-3
_LOGITS = np.arange(-14.0, 14.01, 1 / 32)
_KEPT = 8
"""Up to a few megabytes each."""

_found: Recent[bytes, Posterior] = Recent(_KEPT)


@dataclass(frozen=True, slots=True)
class Priors:
    """The Beta priors that may lie behind all labels, and how likely each is.

    Attributes:
        a, b: (m,) parameters, greater than 0.
        weights: (m,) posterior probabilities, sum 1.
    """

    a: Vector
    b: Vector
    weights: Vector

    @property
    def mean(self) -> float:
        """Share that a label without answers is expected to have."""
        return float(self.weights @ (self.a / (self.a + self.b)))

    @property
    def strength(self) -> float:
        """How many answers the prior is worth: geometric mean."""
        return float(np.exp(self.weights @ np.log(self.a + self.b)))


def priors_of(k_c: npt.ArrayLike, n_c: npt.ArrayLike) -> Priors:
    """Weigh Beta priors by the beta-binomial likelihood of all labels' answers.

    Before any answer every mean in (0.01, 0.99) is alike, and so is every spread of labels
    (strength^-1/2, strengths from 1 to 400): the hyperprior of Gelman et al., section 5.3. With
    every order of magnitude of the strength alike, intervals of labels with five answers covered
    89 times in 100. O(m c), m = 518.

    Args:
        k_c: (c,) right cases of each label, may be fractional.
        n_c: (c,) independent cases of each label.
    """
    from scipy.special import betaln  # noqa: PLC0415 (0.2 s, off the web's import path)

    right, cases = _checked(k_c, n_c)
    betas = family()
    a, b = betas.a, betas.b
    # Labels with the same counts are computed once.
    pairs, times = np.unique(np.stack([right, cases], axis=1), axis=0, return_counts=True)
    k, n = pairs[:, :1], pairs[:, 1:]
    log_likelihood = times @ (betaln(a + k, b + n - k) - betaln(a, b))
    log_weights = log_likelihood + betas.log_chance
    weights = np.exp(log_weights - log_weights.max())
    return Priors(a, b, weights / weights.sum())


def partially_pooled(
    k_c: npt.ArrayLike,
    n_c: npt.ArrayLike,
    practice: Practice | None = None,
    *,
    likelier: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> list[Interval]:
    """Estimate every label's share, drawn towards the others as far as they resemble each other.

    The posterior is a mixture of Betas: the estimate is its mean, the interval the shortest one
    (`ml.evaluation.shortest`). Coverage is simulated by `manage.py verify intervals`.

    Args:
        k_c: (c,) right cases of each label.
        n_c: (c,) independent cases; 0 gives what is expected of a label nobody has seen.
        practice: how labeled images of the same labels fare out of group, where that is known.
        likelier: (c,) log of how much likelier right images of each label were met than wrong ones
            (`ml.evaluation.closer_look`); None where all were met alike.
        confidence: between 0 and 1.
    """
    right, cases = _checked(k_c, n_c)
    moved = np.zeros(len(right)) if likelier is None else np.asarray(likelier, dtype=np.float64)
    if moved.any() or (practice is not None and practice.is_known):
        told = practice or Practice(np.zeros(len(right)), np.zeros(len(right)))
        return _on_a_grid(right, cases, told, moved).intervals(cases, confidence=confidence)
    priors = _likely(priors_of(right, cases))
    pairs, place = np.unique(np.stack([right, cases], axis=1), axis=0, return_inverse=True)
    a = priors.a + pairs[:, :1]  # (distinct pairs, m)
    b = priors.b + pairs[:, 1:] - pairs[:, :1]
    mean = (a / (a + b)) @ priors.weights
    ends = shortest.intervals(_density(a, b, priors.weights), _LOGITS, confidence=confidence)
    low, high = np.minimum(ends[0], mean), np.maximum(ends[1], mean)
    return [
        Interval(float(mean[at]), float(low[at]), float(high[at]), int(n))
        for at, n in zip(place.ravel(), cases, strict=True)
    ]


def draw_shares(
    k_c: npt.ArrayLike,
    n_c: npt.ArrayLike,
    practice: Practice | None = None,
    *,
    likelier: npt.ArrayLike | None = None,
    size: int,
    rng: np.random.Generator,
) -> Vector:
    """Draw (size, c) shares of all labels together from what is known of them."""
    right, cases = _checked(k_c, n_c)
    moved = np.zeros(len(right)) if likelier is None else np.asarray(likelier, dtype=np.float64)
    if moved.any() or (practice is not None and practice.is_known):
        told = practice or Practice(np.zeros(len(right)), np.zeros(len(right)))
        return _on_a_grid(right, cases, told, moved).draw(size, rng)
    priors = priors_of(right, cases)
    at = rng.choice(len(priors.weights), size=size, p=priors.weights)[:, None]
    drawn: Vector = rng.beta(priors.a[at] + right, priors.b[at] + cases - right)
    return drawn


def _on_a_grid(right: Vector, cases: Vector, practice: Practice, likelier: Vector) -> Posterior:
    """Give what was found last for the same counts: pages ask for them again and again."""
    rows = (right, cases, practice.right, practice.cases, likelier)
    key = b"".join(np.ascontiguousarray(row, dtype=np.float64).tobytes() for row in rows)
    return _found.get(key, lambda: posterior(right, cases, practice, family(), likelier=likelier))


def _checked(k_c: npt.ArrayLike, n_c: npt.ArrayLike) -> tuple[Vector, Vector]:
    right, cases = np.asarray(k_c, dtype=np.float64), np.asarray(n_c, dtype=np.float64)
    if np.any(right < 0) or np.any(right > cases):
        message = "every k must lie between 0 and its n"
        raise ValueError(message)
    return right, cases


def family() -> Family:
    """Give the Betas over labels; the grid of means is even in the logit."""
    mean, strength = (axis.ravel() for axis in np.meshgrid(_MEANS, _STRENGTHS))
    log_chance = np.log(mean * (1 - mean)) - np.log(strength) / 2
    return Family(mean * strength, (1 - mean) * strength, log_chance)


def _likely(priors: Priors) -> Priors:
    """Leave out what would not move a quantile, for speed."""
    kept = priors.weights > priors.weights.max() * _NEGLIGIBLE
    weights = priors.weights[kept] / priors.weights[kept].sum()
    return Priors(priors.a[kept], priors.b[kept], weights)


def _density(a: Vector, b: Vector, weights: Vector) -> Vector:
    """Give the (c, g) densities in the logit of mixtures of Beta(a, b), (c, m)."""
    from scipy.special import betaln  # noqa: PLC0415

    log_p, log_q = -np.logaddexp(0, -_LOGITS), -np.logaddexp(0, _LOGITS)
    found = np.empty((len(a), len(_LOGITS)))
    for row, (each_a, each_b) in enumerate(zip(a, b, strict=True)):
        logs = each_a[:, None] * log_p + each_b[:, None] * log_q - betaln(each_a, each_b)[:, None]
        found[row] = weights @ np.exp(logs)
    return found
