"""What staff want more of, and how far people are with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labeling.selectors import images, projects
from labeling.selectors import queue as queue_selectors
from ml.models import SimilarRequest

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

SHOWN = 4


@dataclass(frozen=True, slots=True)
class Search:
    """One search under way.

    Attributes:
        id: public.
        label, label_name: whose images were shown as examples; empty where images were chosen.
        like: public ids of the first examples.
        n_like: how many examples there are.
        count: how many were asked for.
        found: how many were found; None until a refill has looked.
        answered: of those, how many are decided.
        created_at: when it was asked for.
    """

    id: UUID
    label: str
    label_name: str
    like: list[UUID]
    n_like: int
    count: int
    found: int | None
    answered: int
    created_at: datetime


def under_way(project_id: int) -> list[Search]:
    """List the searches that have not ended, the oldest first."""
    rows = SimilarRequest.objects.filter(project_id=project_id, ended_at=None).order_by("pk")
    names = projects.label_names(project_id)
    return [_search(project_id, row, names) for row in rows]


def _search(project_id: int, row: SimilarRequest, names: dict[str, str]) -> Search:
    public = images.public_ids(row.like[:SHOWN])
    left = queue_selectors.undecided(project_id, row.found)
    return Search(
        id=row.public_id,
        label=row.label_code,
        label_name=names.get(row.label_code, ""),
        like=[public[key] for key in row.like[:SHOWN] if key in public],
        n_like=len(row.like),
        count=row.count,
        found=len(row.found) if row.found else None,
        answered=len(row.found) - len(left),
        created_at=row.created_at,
    )
