"""Which stream each assignment comes from: exact shares in every block of 100, in secret order."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from labeling.models import Reason

if TYPE_CHECKING:
    from labeling.models import Project

BLOCK = 100
_FALLBACKS = (Reason.ACQUIRED, Reason.RANDOM, Reason.AUDIT, Reason.GOLD)


def slots_a_block(project: Project) -> dict[str, int]:
    """Count the slots of each stream in a block of 100; they sum to 100.

    Shares are rounded to whole slots; should they sum to more than 100, the later ones in the order
    audit, random, gold, dispute get what is left. The rest is ACQUIRED.
    """
    return dict(
        _slots(
            project.audit_serving_share,
            project.random_arm_share,
            project.gold_serving_share,
            project.dispute_serving_share,
        )
    )


_SHARED = (Reason.AUDIT, Reason.RANDOM, Reason.GOLD, Reason.DISPUTE)


@lru_cache(maxsize=256)
def _slots(*shares: float) -> tuple[tuple[str, int], ...]:
    left = BLOCK
    counts: dict[str, int] = {}
    for reason, share in zip(_SHARED, shares, strict=True):
        counts[reason.value] = min(left, round(BLOCK * share))
        left -= counts[reason.value]
    counts[Reason.ACQUIRED.value] = left
    return tuple(counts.items())


def order_of(seed: int, counts: dict[str, int], block: int) -> list[str]:
    """Give the streams of a block in the order they are served.

    A permutation of the block's slots, drawn from the project's secret seed and the number of the
    block: nobody can tell an audit image by its place.
    """
    reasons = [reason for reason in sorted(counts) for _ in range(counts[reason])]
    order = np.random.default_rng([seed, block]).permutation(BLOCK)
    return [reasons[place] for place in order]


def fallbacks(project: Project, reason: str) -> list[str]:
    """Give the streams to try when one is empty; a stream with no share is never served.

    ACQUIRED is always open, disputes are left to the experts' page.
    """
    counts = slots_a_block(project)
    return [
        other
        for other in _FALLBACKS
        if other != reason and (counts[other] > 0 or other == Reason.ACQUIRED)
    ]
