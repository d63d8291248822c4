"""Figures as reports write them: six digits, and nothing where there is nothing to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labeling.consensus.shares import DIGITS

if TYPE_CHECKING:
    from ml.types import Interval


def number(value: float | None) -> float | None:
    """Round a figure; None stays None."""
    return None if value is None else round(value, DIGITS)


def bounds(found: Interval) -> list[float]:
    """Give both ends of an interval."""
    return [round(found.low, DIGITS), round(found.high, DIGITS)]


def share(found: Interval | None) -> dict[str, Any] | None:
    """Give `{"n", "share", "interval"}`; None of no cases."""
    if found is None or not found.n:
        return None
    return {"n": found.n, "share": round(found.estimate, DIGITS), "interval": bounds(found)}
