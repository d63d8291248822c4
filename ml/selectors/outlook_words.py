"""The sentences beside the figures about labels to come; each says its own numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml.evaluation.label_needs import Standing
from ml.evaluation.stopping import STABLE_KAPPA, Advice

if TYPE_CHECKING:
    from ml.evaluation.label_needs import Need
    from ml.selectors.metrics import Estimate
    from ml.types import Interval

WIDEST_TO_SAY = 0.7
"""An interval as wide as this says nothing; as on the page (`frontend/src/staff/reach.ts`)."""

_REFUSED = {
    "no_champion": "There is no classifier yet; the forecast comes a while after the first one.",
    "no_target": "Set an accuracy to reach on the Settings page, and this says how far it is.",
    "few_audit": "Too early to say: a forecast takes {fewest} audit images with an agreed label; "
    "so far: {audit_images}.",
    "too_few_points": "Too early to say: a curve needs more labels.",
    "too_far": "Nobody can say: {target} lies further off than four times the labels there are, "
    "and so far ahead curves that fit alike differ at will.",
    "too_wide": "Nobody can say yet: what is known fits both few labels and very many. More "
    "answers to audit images narrow it.",
    "above_ceiling": "More labels alone will hardly reach {target}: this classifier seems to end "
    "near {top}. A fine-tune may lift that.",
    "already_there": "On the curve {target} is reached already.",
}


def refused(
    reason: str,
    *,
    top: float | None,
    target: float | None,
    audit_images: int = 0,
    fewest: int = 0,
) -> dict[str, Any]:
    """Give the fields of a forecast that is refused, with the reason in words."""
    sentence = _REFUSED[reason].format(
        target=percent(target), top=percent(top), audit_images=audit_images, fewest=fewest
    )
    nothing = dict.fromkeys(
        ("labels", "more_labels", "more_answers", "minutes", "cost", "pictures_left")
    )
    return {**nothing, "answers_a_label": None, "refusal": reason, "top": top, "sentence": sentence}


def forecast(figures: dict[str, Any], target: float, *, is_several: bool = False) -> str:
    """Say how far the target is, as an 80 % range, and whether there are pictures enough.

    With several labels an image that is the share of pictures with all their labels right.
    """
    more, left = figures["more_labels"], figures["pictures_left"]
    perhaps = "perhaps reached already, and likely" if more["low"] < 1 else "likely reached"
    said = f"{percent(target)} is {perhaps} with {span(more)} more labels"
    if is_several:
        said = f"All labels right in {percent(target)} of pictures is {perhaps} with {span(more)} "
        said += "more labeled pictures"
    said += f", that is {span(figures['more_answers'])} answers"
    if figures["minutes"] is not None:
        said += f" or {span(figures['minutes'])} minutes of people's time"
    if figures["cost"]["high"] > 0:
        said += f", and up to {figures['cost']['high']:.2f} of computing"
    said += " (8 times in 10 it lies in these ranges)."
    if more["high"] <= left:
        return said
    needed = "are needed" if more["low"] > left else "may be needed"
    return f"{said} Pictures left to label: {left:,}; more of them {needed}."


def label_need(
    need: Need | None, codes: tuple[str, ...], names: dict[str, str], *, n: int
) -> dict[str, Any]:
    """Give the fields of one label."""
    if need is None or need.standing is Standing.UNKNOWN:
        sentence = f"cannot say yet, from {n} of its pictures" if n else "cannot say: none measured"
        return {"standing": "unknown", "more": None, "partner": None, "sentence": sentence}
    if need.standing is Standing.SUPPORTED:
        return {"standing": "supported", "more": None, "partner": None, "sentence": "good enough"}
    if need.standing is Standing.MERGE:
        partner = codes[need.partner]
        sentence = f"mostly taken for {names[partner]}: merge the two?"
        return {"standing": "merge", "more": None, "partner": partner, "sentence": sentence}
    more = {"low": need.low, "middle": need.middle, "high": need.high}
    sentence = f"needs about {need.middle:,.0f} more labels ({span(more)})"
    if need.middle <= 1:
        sentence = f"perhaps good enough; else up to {need.high:,.0f} more labels"
    return {"standing": "needs", "more": more, "partner": None, "sentence": sentence}


def advice(
    kind: Advice,
    kappa: float,
    now: Interval | Estimate,
    *,
    target: float | None,
    top: float | None,
    is_several: bool = False,
) -> str:
    """Say whether more labels pay, in one sentence with its numbers."""
    right = "get all their labels right" if is_several else "are named right"
    likely = f"{percent(now.low)} to {percent(now.high)} of images like yours {right}"
    if now.high - now.low > WIDEST_TO_SAY:
        likely = f"how many images like yours {right} is not known yet"
    if kind is Advice.TARGET_MET:
        return f"You may stop: the target of {percent(target)} is met; {likely}."
    if kind is Advice.CEILING:
        return (
            f"More labels alone will hardly help: {likely}, and this classifier seems to end near "
            f"{percent(top)}. A fine-tune is suggested."
        )
    if kind is Advice.STABLE:
        steady = "the last labels have left its answers as they were"
        return f"More labels change little: {steady}; {likely}."
    if kappa >= STABLE_KAPPA:
        return f"Go on: its answers have settled, but it still becomes better; {likely}."
    return f"Go on: new labels still change what the classifier says; {likely}."


def span(three: dict[str, float]) -> str:
    """Write the ends of a range."""
    low, high = three["low"], three["high"]
    if low == high:
        return f"about {low:,.0f}"
    if low < 1:
        return f"up to {high:,.0f}"
    return f"{low:,.0f} to {high:,.0f}"


def percent(share: float | None) -> str:
    """Write a share in hundredths."""
    return "unknown" if share is None else f"{round(100 * share)} %"
