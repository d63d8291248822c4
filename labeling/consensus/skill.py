"""How sure one may be of a person's skill."""

from __future__ import annotations

from dataclasses import dataclass

CREDIBLE = 0.95
"""Probability inside every interval of a skill, on every page."""


@dataclass(frozen=True, slots=True)
class SkillInterval:
    """The chance of one person to be right, with the interval that it lies in."""

    mean: float
    low: float
    high: float


def interval(
    right: float, wrong: float, *, alpha: float = 8.0, beta: float = 2.0, mass: float = CREDIBLE
) -> SkillInterval:
    """Give mean and central interval of Beta(alpha + right, beta + wrong).

    Args:
        right: (expected) count of right answers, 0 or more.
        wrong: of wrong ones.
        alpha: of the distribution of skills in the project (`crowd.Pool`).
        beta: of the same.
        mass: probability inside, in (0, 1).

    Raises:
        ValueError: a count is negative, or `mass` is not in (0, 1).
    """
    if min(right, wrong) < 0 or not 0 < mass < 1:
        message = f"counts must be >= 0 and mass in (0, 1), got {right}, {wrong}, {mass}"
        raise ValueError(message)
    from scipy.special import betaincinv  # noqa: PLC0415 (0.2 s, off the web's import path)

    a, b, tail = alpha + right, beta + wrong, (1 - mass) / 2
    return SkillInterval(
        a / (a + b), float(betaincinv(a, b, tail)), float(betaincinv(a, b, 1 - tail))
    )


def below_floor(
    gold_right: int, gold_wrong: int, *, floor: float, min_gold: int, certainty: float = 0.95
) -> bool:
    """Tell whether gold shows that a person's skill lies below a floor.

    Needs `min_gold` gold answers, and P(skill < floor) >= certainty from an even start,
    Beta(1 + right, 1 + wrong): what others are like is no evidence against this one.

    Args:
        gold_right: gold answers that were right.
        gold_wrong: those that were wrong.
        floor: skill, in (0, 1).
        min_gold: fewest gold answers that may cost somebody their place.
        certainty: in (0, 1).
    """
    if gold_right + gold_wrong < max(min_gold, 1):
        return False
    from scipy.special import betainc  # noqa: PLC0415 (0.2 s, off the web's import path)

    return bool(betainc(1 + gold_right, 1 + gold_wrong, floor) >= certainty)
