"""When to stop labeling: advice, never an automatic stop.

Three signs: predictions on a fixed set no longer change, the target is met, or what is missing
lies above where the frozen backbone ends. Sources: Bloodgood & Vijay-Shanker 2009, "A Method for
Stopping Active Learning Based on Stabilizing Predictions"; Pullar-Strecker et al. 2022, "Hitting
the Target".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml.types import Interval, Labels

STOP_SET_SIZE = 2000
GROWTH = 1.05
"""Heads are compared at each +5 % labels: two refits five answers apart always agree."""

STABLE_KAPPA = 0.99
WINDOW = 3


class Advice(StrEnum):
    """What the owner is told."""

    GO_ON = "go_on"
    TARGET_MET = "target_met"
    STABLE = "stable"
    CEILING = "ceiling"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One comparison of two heads, 5 % of the labels apart.

    Attributes:
        labels: how many the later head knew.
        kappa: agreement of the two on the stop set.
        audit: accuracy of the later head on the audit slice.
    """

    labels: int
    kappa: float
    audit: Interval


def kappa(first: Labels, second: Labels, k: int) -> float:
    """Give Cohen's kappa of two heads' predicted labels on (n,) images; 1 where all agree.

    Raises:
        ValueError: no image, or unequal lengths.
    """
    if len(first) == 0 or len(first) != len(second):
        message = f"two predictions for each image of the stop set, got {len(first)}, {len(second)}"
        raise ValueError(message)
    agreed = float(np.mean(first == second))
    shares = [np.bincount(each, minlength=k) / len(each) for each in (first, second)]
    by_chance = float(shares[0] @ shares[1])
    return 1.0 if by_chance == 1.0 else (agreed - by_chance) / (1 - by_chance)


def is_due(labels: int, last: int) -> bool:
    """Tell whether a checkpoint is due: 5 % more labels than at the last one, at least one more."""
    return labels >= max(last * GROWTH, last + 1)


def advise(
    checkpoints: Sequence[Checkpoint], *, target: float | None, ceiling: float | None
) -> Advice:
    """Say whether more labels pay.

    - The target is met where the lower end of the audit interval reaches it.
    - Predictions are stable where the mean kappa of the last three checkpoints is at least 0.99
      and the audit interval has not moved up over them.
    - The ceiling speaks where predictions are stable and the target lies above it, or where the
      accuracy is within one point of it: then a fine-tune helps, labels do not.

    Args:
        checkpoints: oldest first.
        target: accuracy wanted, or None where the owner set none.
        ceiling: where the frozen backbone seems to end (`forecast.Forecast.top`), or None.
    """
    if not checkpoints:
        return Advice.GO_ON
    now = checkpoints[-1].audit
    if target is not None and now.n > 0 and now.low >= target:
        return Advice.TARGET_MET
    recent = checkpoints[-WINDOW:]
    is_full = len(recent) == WINDOW
    is_stable = (
        is_full
        and float(np.mean([each.kappa for each in recent])) >= STABLE_KAPPA - 1e-9
        and now.low <= recent[0].audit.high
        and now.estimate <= recent[0].audit.estimate + 0.01
    )
    if ceiling is not None and is_full and now.n > 0:
        out_of_reach = target is not None and target > ceiling
        if (is_stable and out_of_reach) or now.estimate >= ceiling - 0.01:
            return Advice.CEILING
    return Advice.STABLE if is_stable else Advice.GO_ON


def is_label_done(found: Interval, highest_probability: float, *, target: float) -> bool:
    """Tell whether one label needs no more: its target is met, or no unlabeled image looks like it.

    Args:
        found: its audit accuracy.
        highest_probability: that any unlabeled image is of it.
        target: accuracy wanted of it.
    """
    return (found.n > 0 and found.low >= target) or highest_probability < 0.2
