"""From counts of pairs to a verdict: the rules of the gate, apart from where they are stored."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation import compare

if TYPE_CHECKING:
    import numpy.typing as npt

FLOOR_IMAGES = 10
"""With fewer audit images of a label nothing is said of it."""

FLOOR_DROP = 0.10
"""Points of accuracy that one label may lose, however much the others win."""

FLOOR_CHANCE = 0.02
"""How likely losses so one-sided are, at most, where the label is as good as it was."""


class Verdict(StrEnum):
    """What the audit slice says of a candidate so far."""

    RUNNING = "RUNNING"
    BETTER = "BETTER"
    NOT_WORSE = "NOT_WORSE"
    HARMFUL = "HARMFUL"


def needed_log_e(alpha: float, margin: float | None) -> float:
    """Give the log e-value that passes: the budget is shared where there are two ways to pass."""
    return math.log((1 if margin is None else 2) / alpha)


def certify(wins: int, losses: int, ties: int, *, alpha: float, margin: float | None) -> Verdict:
    """Judge a candidate against the last proven version; may be asked after every pair.

    There are two ways to pass, better or not worse by the margin, and each may use half of the
    candidate's error budget (`compare.alpha_k`). Harm may use all of it: it promotes nobody.

    Args:
        wins, losses, ties: pairs on independent audit groups.
        alpha: error budget of this candidate.
        margin: of accuracy, in (0, 1). None where the reference is no version but the answer
            "always the commonest label": being not worse than that proves nothing, and being
            worse harms nobody.
    """
    needed = needed_log_e(alpha, margin)
    if compare.log_e_value(wins, losses) >= needed:
        return Verdict.BETTER
    if margin is None:
        return Verdict.RUNNING
    if compare.log_e_noninferiority(wins, losses, ties, margin=margin) >= needed:
        return Verdict.NOT_WORSE
    if compare.log_e_reversed(wins, losses) >= math.log(1 / alpha):
        return Verdict.HARMFUL
    return Verdict.RUNNING


CLEARLY = 2.0
"""Standard errors by which a lower log-loss is no luck."""


def is_on_leash(
    difference: float,
    error: float,
    *,
    margin: float,
    errors: float = 3.0,
    start: float = 1.0,
    gain: float = 0.0,
    gain_error: float = 1.0,
) -> bool:
    """Tell whether a refit stays within the margin of the last *proven* version.

    Comparing each refit with the one before lets hundreds of small losses add up, and the audit
    slice grows too slowly to see it in time: with ten pairs a refit, a creep of 0.02 points a
    refit was seen 7 points down. Labeled images are many, and all of them can be asked at once
    by heads without their group. So the difference there must be above -margin by `errors`
    standard errors; while that is more than the labels can show, it must be `start` standard
    errors above 0. `manage.py verify gate` shows what this is worth.

    Shares of right answers tell little of a few hundred images. A head that has clearly learned
    shows it in its log-loss first: where that is lower by `CLEARLY` standard errors, being right
    no less often is enough.

    Args:
        difference: mean accuracy, refit minus proven, on the same images out of group.
        error: its standard error, over split groups.
        margin: of accuracy, in (0, 1).
        errors: three: the same labels are asked for hundreds of refits.
        start: for few labels; a head that learns from them is ahead by more.
        gain: mean log-loss, proven minus refit, on the same images, in nats.
        gain_error: its standard error, over split groups.
    """
    if difference >= min(errors * error - margin, start * error):
        return True
    return difference >= 0 and gain > 0 and gain >= CLEARLY * gain_error


def fallen_labels(
    wins: npt.NDArray[np.int64], losses: npt.NDArray[np.int64], n: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Mark the labels that a candidate has dropped: the floor under each, whatever the mean says.

    A label has fallen where `FLOOR_IMAGES` audit images show a loss of more than `FLOOR_DROP`
    that is too one-sided to be bad luck (exact sign test). The floor only ever holds a candidate
    back, so looking often cannot promote anybody falsely.

    Args:
        wins, losses: (k,) pairs by the label of their image.
        n: (k,) all pairs.
    """
    rows = zip(wins.tolist(), losses.tolist(), n.tolist(), strict=True)
    return np.array(
        [
            of >= FLOOR_IMAGES
            and lost - won > FLOOR_DROP * of
            and compare.mcnemar(lost, won) <= FLOOR_CHANCE
            for won, lost, of in rows
        ],
        dtype=bool,
    )
