"""In which order labels came, what chose their images, and what the answers took of people's time.

For figures about labeling itself: learning curves, the random arm, what is still to be done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labeling.models import Annotation, AnnotationKind, AnnotatorKind, Image, Partition, Reason

if TYPE_CHECKING:
    import numpy.typing as npt
    from django.db.models import QuerySet

LONGEST_MS = 120_000
"""Whoever takes longer over one image has left the table: a pause is no work."""


@dataclass(frozen=True, slots=True)
class LabelHistory:
    """The pool images that have been answered, in the order of their first answer.

    Attributes:
        image_ids: (n,) int64.
        is_random: (n,) bool, drawn uniformly from what was undecided then: by the random arm, or
            where nothing had been chosen.
        is_imported: (n,) bool, the label came with an import and cost nobody an answer.
        pool: pool images that are neither flagged nor removed, answered or not.
        answers: live answers of people to any image, audit slice included; a skip is none.
        pool_answers: those to pool images.
        seconds: people's mean time an answer, each counted up to two minutes; None where no page
            has told.
    """

    image_ids: npt.NDArray[np.int64]
    is_random: npt.NDArray[np.bool_]
    is_imported: npt.NDArray[np.bool_]
    pool: int
    answers: int
    pool_answers: int
    seconds: float | None


def of_project(project_id: int) -> LabelHistory:
    """Read it by two queries; an image counts from its first live answer on."""
    rows = _live(project_id).values_list(
        "image_id",
        "image__partition",
        "annotator__kind",
        "assignment__reason",
        "assignment__policy",
        "time_spent_ms",
    )
    first: dict[int, tuple[bool, bool]] = {}
    answers = pool_answers = 0
    spent: list[int] = []
    for image_id, partition, kind, reason, policy, time_ms in rows.iterator():
        is_person = kind != AnnotatorKind.IMPORT
        is_pool = partition == Partition.POOL
        answers += is_person
        pool_answers += is_person and is_pool
        if is_person and time_ms is not None:
            spent.append(min(time_ms, LONGEST_MS))
        if is_pool:
            is_random = reason == Reason.RANDOM or str(policy or "").startswith("random")
            first.setdefault(image_id, (is_random, not is_person))
    kinds = np.array(list(first.values()), dtype=np.bool_).reshape(-1, 2)
    return LabelHistory(
        image_ids=np.array(list(first), dtype=np.int64),
        is_random=kinds[:, 0],
        is_imported=kinds[:, 1],
        pool=_pool(project_id),
        answers=answers,
        pool_answers=pool_answers,
        seconds=float(np.mean(spent)) / 1000 if spent else None,
    )


def _live(project_id: int) -> QuerySet[Annotation]:
    rows = Annotation.objects.filter(
        project_id=project_id, withdrawn_at__isnull=True, annotator__quarantined_at__isnull=True
    )
    return rows.exclude(
        kind__in=(AnnotationKind.UNDO, AnnotationKind.SKIP, AnnotationKind.FLAG)
    ).order_by("created_at", "pk")


def _pool(project_id: int) -> int:
    return Image.objects.filter(
        project_id=project_id,
        partition=Partition.POOL,
        flagged_at__isnull=True,
        removed_at__isnull=True,
    ).count()
