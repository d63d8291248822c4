"""Which gold images wait in the queue. The window filler calls this; a claim never does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeling.models import QueueEntry, QueueEntryState, Reason
from labeling.selectors import gold as gold_selectors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import numpy as np

    from labeling.models import Project

POLICY = gold_selectors.POLICY


def is_served(project: Project) -> bool:
    """Tell whether the queue is to hold gold entries: silent gold, or a first round."""
    return project.gold_serving_share > 0 or project.onboarding_images > 0


def draw(project_id: int, missing: int, rng: np.random.Generator) -> list[tuple[int, float, float]]:
    """Draw references that wait in no stream: (image id, priority, selection probability) each.

    In random order, so that nobody's first gold images are the first ones set. Everyone answers
    each of them once: the claim passes over images that a person has answered or holds.
    """
    ids = sorted(gold_selectors.waiting(project_id).values_list("image_id", flat=True))
    drawn = rng.permutation(len(ids))[:missing]
    probability = len(drawn) / len(ids) if ids else 1.0
    return [(ids[place], float(rng.random()), probability) for place in drawn]


def close_stale(project_id: int, now: datetime) -> int:
    """Close gold entries that have no servable reference any more; give how many."""
    served = gold_selectors.servable(project_id).values("image_id")
    stale = QueueEntry.objects.filter(
        project_id=project_id, reason=Reason.GOLD, state=QueueEntryState.OPEN
    ).exclude(image_id__in=served)
    return stale.update(state=QueueEntryState.CLOSED, closed_at=now)


def close_entries(image_ids: Sequence[int], now: datetime) -> int:
    """Take locked images out of the gold stream; give how many entries closed."""
    entries = QueueEntry.objects.filter(
        image_id__in=image_ids, reason=Reason.GOLD, state=QueueEntryState.OPEN
    )
    return entries.update(state=QueueEntryState.CLOSED, closed_at=now)
