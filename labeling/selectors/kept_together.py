"""Pictures that are kept together because they look alike: large groups surprise staff."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.db.models import Count, F

from labeling.models import Partition
from labeling.selectors import images

LARGE = 10
"""Smaller groups are what near copies usually are."""
SHARE = 0.1
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class KeptTogether:
    """One large split group.

    Attributes:
        n: its images.
        total: all images of the project that have a group.
        is_left_out: they resemble pictures that measure and pictures that teach. On which side
            others are is not told: who manages may label too, and must not know an image that
            measures.
    """

    n: int
    total: int
    is_left_out: bool


def large_groups(project_id: int) -> list[KeptTogether]:
    """Give the largest split groups that hold a tenth of the images or more, by two queries."""
    rows = images.usable(project_id).filter(split_group__isnull=False)
    total = rows.count()
    sizes = (
        rows.values("split_group")
        .annotate(n=Count("pk"), went=F("split_group__partition"))
        .filter(n__gte=max(LARGE, math.ceil(SHARE * total)))
        .order_by("-n", "split_group")
    )
    return [
        KeptTogether(each["n"], total, each["went"] == Partition.EXCLUDED)
        for each in sizes[:MOST_NAMED]
    ]
