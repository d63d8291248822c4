"""How long a fine-tune waits for its verdict where nobody answers what it waits for.

While a challenger waits no other backbone is tuned. Experts who never look, or people who have
left, would hold that up for ever. So the wait has an end: the project's own span after which
somebody who has not answered is no longer counted on (`active_annotator_days`), without a single
question settled by an expert, or, where no expert is asked, without a new pair.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from labeling.selectors import adjudication, projects
from ml.models import Comparison, ComparisonDecision, ComparisonKind, ModelKind

if TYPE_CHECKING:
    from ml.selectors.evidence import AuditTruth, Pairs

EXPERTS, PEOPLE = "experts", "people"


def after(comparison: Comparison, truth: AuditTruth, now: datetime) -> dict[str, Any]:
    """Give what a running comparison waits for, and since when nothing has come of it.

    `on` is who is waited for, `done` counts what they have done, `open` what they have yet to do,
    `since` is when they last did something. A question that opens meanwhile is no answer.
    """
    on = EXPERTS if truth.n_for_experts else PEOPLE
    done = len(truth.image_ids)
    if on == EXPERTS:
        _, done = adjudication.state(comparison.project_id)
    found = {"on": on, "done": done, "open": truth.n_for_experts, "since": now.isoformat()}
    before = comparison.detail.get("wait")
    if before is None or (before["on"], before["done"]) != (on, done):
        return found
    has_moved = on == EXPERTS and truth.n_for_experts < before["open"]
    return found if has_moved else {**found, "since": before["since"]}


def is_over(comparison: Comparison, now: datetime) -> bool:
    """Tell whether a comparison has waited in vain for as long as anybody is counted on."""
    wait = comparison.detail.get("wait")
    if wait is None:
        return False
    span = timedelta(days=projects.by_id(comparison.project_id).active_annotator_days)
    return now - datetime.fromisoformat(wait["since"]) >= span


def is_any_over(project_id: int, now: datetime) -> bool:
    """Tell whether a fine-tune's comparison is to be looked at because its wait is over."""
    running = Comparison.objects.filter(
        project_id=project_id,
        kind=ComparisonKind.CERTIFICATION,
        decision=ComparisonDecision.RUNNING,
        challenger__kind=ModelKind.FINETUNE,
    )
    return any(is_over(each, now) for each in running.order_by("pk"))


def bound(pairs: Pairs, n_open: int) -> dict[str, float]:
    """Give the difference in accuracy so far, and its ends whatever the open images turn out to be.

    Open images stay in the denominator: at the low end the reference alone is right on all of them,
    at the high end the challenger alone.
    """
    whole = pairs.n + n_open
    ahead = pairs.wins - pairs.losses
    return {
        "estimate": ahead / pairs.n if pairs.n else 0.0,
        "low": (ahead - n_open) / whole if whole else -1.0,
        "high": (ahead + n_open) / whole if whole else 1.0,
    }


def sentence(comparison: Comparison, truth: AuditTruth, pairs: Pairs) -> str:
    """Say why there is no verdict, and what the open images leave possible."""
    days = projects.by_id(comparison.project_id).active_annotator_days
    who = f"experts have not answered {_images(truth.n_for_experts)}"
    if not truth.n_for_experts:
        who = f"people have not answered {_images(truth.n_open)}"
    found = bound(pairs, truth.n_open)
    return (
        f"Not decided: {who}, and nothing has moved for {days} days. With what is open the "
        f"difference in accuracy lies between {100 * found['low']:+.0f} and "
        f"{100 * found['high']:+.0f} points."
    )


def _images(n: int) -> str:
    return "1 image" if n == 1 else f"{n} images"
