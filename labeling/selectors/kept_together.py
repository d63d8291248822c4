"""Pictures that are kept together because they look alike: large groups surprise staff."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.db.models import Count, F

from labeling.models import Image, Partition
from labeling.selectors import images

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

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


@dataclass(frozen=True, slots=True)
class _Version:
    """What images were there: the newest one, how many wait for a group, and the minute.

    All of a project's images are grouped only where it is another one: its page asks every few
    seconds. An image that was removed is counted for up to a minute.
    """

    project_id: int
    newest: UUID | None
    n_waiting: int
    minute: int


def large_groups(project_id: int, *, now: datetime) -> tuple[KeptTogether, ...]:
    """Give the largest split groups that hold a tenth of the images or more."""
    all_images = Image.objects.filter(project_id=project_id).order_by("-pk")
    newest = all_images.values_list("public_id", flat=True).first()
    n_waiting = images.waiting_count(project_id)
    return _largest(_Version(project_id, newest, n_waiting, int(now.timestamp()) // 60))


@lru_cache(maxsize=64)
def _largest(version: _Version) -> tuple[KeptTogether, ...]:
    rows = images.usable(version.project_id).filter(split_group__isnull=False)
    total = rows.count()
    sizes = (
        rows.values("split_group")
        .annotate(n=Count("pk"), went=F("split_group__partition"))
        .filter(n__gte=max(LARGE, math.ceil(SHARE * total)))
        .order_by("-n", "split_group")
    )
    return tuple(
        KeptTogether(each["n"], total, each["went"] == Partition.EXCLUDED)
        for each in sizes[:MOST_NAMED]
    )
