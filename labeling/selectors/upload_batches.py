"""Uploads by source and day, and what was there before them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import Min

from labeling.models import Image, Partition

if TYPE_CHECKING:
    import numpy.typing as npt
    from django.db.models import QuerySet

    Indices = npt.NDArray[np.int64]

IDS_A_QUERY = 5000


@dataclass(frozen=True, slots=True)
class Batch:
    """What came from one source on one day (UTC)."""

    source: str
    day: date


def of_images(image_ids: Indices) -> dict[Batch, list[int]]:
    """Give the batches of these images, each with those of them that are in it."""
    found: dict[Batch, list[int]] = {}
    for start in range(0, len(image_ids), IDS_A_QUERY):
        some = image_ids[start : start + IDS_A_QUERY].tolist()
        rows = Image.objects.filter(pk__in=some).order_by("pk")
        for key, source, at in rows.values_list("pk", "source", "created_at"):
            found.setdefault(Batch(source, at.astimezone(UTC).date()), []).append(key)
    return found


def members(project_id: int, batch: Batch) -> Indices:
    """Give the usable images of a batch that are not in the audit slice, in the order they came."""
    rows = _rows(project_id, batch).filter(partition__in=(Partition.PENDING, Partition.POOL))
    return np.fromiter(rows.order_by("pk").values_list("pk", flat=True), dtype=np.int64)


def before(project_id: int, batch: Batch) -> tuple[Indices, Indices]:
    """Give the usable pool images that came before a batch, and their split groups."""
    first = _rows(project_id, batch).aggregate(first=Min("pk"))["first"] or 0
    rows = _usable(project_id).filter(
        pk__lt=first, partition=Partition.POOL, split_group__isnull=False
    )
    found = list(rows.order_by("pk").values_list("pk", "split_group_id"))
    pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _rows(project_id: int, batch: Batch) -> QuerySet[Image]:
    start = datetime.combine(batch.day, time(), UTC)
    return _usable(project_id).filter(
        source=batch.source, created_at__gte=start, created_at__lt=start + timedelta(days=1)
    )


def _usable(project_id: int) -> QuerySet[Image]:
    return Image.objects.filter(
        project_id=project_id, removed_at__isnull=True, flagged_at__isnull=True
    )
