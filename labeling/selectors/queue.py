"""Questions about the queue: what may enter it, what waits in it, who holds what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import Count, Exists, OuterRef, Q, Sum

from labeling.models import (
    Annotation,
    AnnotationKind,
    Assignment,
    AssignmentState,
    Consensus,
    ConsensusState,
    Image,
    Partition,
    QueueEntry,
    QueueEntryState,
    Reason,
)

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt
    from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class CandidateRows:
    """Pool images that may be acquired: (n,) int64 each; no group is -1 times the image's key."""

    image_ids: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]


def undecided_pool(project_id: int) -> QuerySet[Image]:
    """Give the pool images that still lack a label and are neither flagged nor removed."""
    decided = Consensus.objects.filter(image=OuterRef("pk")).exclude(state=ConsensusState.OPEN)
    return Image.objects.filter(
        ~Exists(decided),
        project_id=project_id,
        partition=Partition.POOL,
        flagged_at__isnull=True,
        removed_at__isnull=True,
    )


def candidates(project_id: int) -> CandidateRows:
    """Give the pool images an acquisition function may choose from, in ascending order.

    Undecided, not flagged, not removed, not just now in somebody's hands, and in no other
    stream of the queue: what the random arm has drawn stays its own.
    """
    held = Assignment.objects.filter(image=OuterRef("pk"), state=AssignmentState.OPEN)
    elsewhere = QueueEntry.objects.filter(image=OuterRef("pk"), state=QueueEntryState.OPEN).exclude(
        reason=Reason.ACQUIRED
    )
    rows = list(
        undecided_pool(project_id)
        .filter(~Exists(held), ~Exists(elsewhere))
        .order_by("pk")
        .values_list("pk", "split_group_id")
    )
    return CandidateRows(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([-row[0] if row[1] is None else row[1] for row in rows], dtype=np.int64),
    )


def window_sizes(project_id: int) -> dict[str, int]:
    """Count the entries of each stream that can be claimed; every reason is a key."""
    sizes = dict.fromkeys(Reason.values, 0)
    rows = (
        QueueEntry.objects.filter(
            project_id=project_id, state=QueueEntryState.OPEN, open_slots__gt=0
        )
        .values("reason")
        .annotate(n=Count("pk"))
        .order_by("reason")
    )
    sizes.update({row["reason"]: row["n"] for row in rows})
    return sizes


def open_slots(project_id: int) -> int:
    """Sum the answers that can be claimed just now, over all streams."""
    found = QueueEntry.objects.filter(
        project_id=project_id, state=QueueEntryState.OPEN, open_slots__gt=0
    ).aggregate(n=Sum("open_slots"))
    return int(found["n"] or 0)


def is_held_by_others(project_id: int, annotator_id: int, client: str) -> bool:
    """Tell whether images are in other hands, or in another tab of this person."""
    held = Assignment.objects.filter(project_id=project_id, state=AssignmentState.OPEN)
    return held.exclude(annotator_id=annotator_id, client=client).exists()


def held_by(annotator_id: int, client: str, now: datetime) -> list[Assignment]:
    """Give what one tab of one person holds, in the order it was handed out."""
    return list(
        Assignment.objects.filter(
            annotator_id=annotator_id,
            client=client,
            state=AssignmentState.OPEN,
            expires_at__gt=now,
        )
        .select_related("image")
        .order_by("serve_number", "pk")
    )


def disputes(project_id: int) -> list[Image]:
    """Give the disputed images for the expert page, oldest question first."""
    return list(
        Image.objects.filter(
            project_id=project_id,
            consensus__state=ConsensusState.DISPUTED,
            flagged_at__isnull=True,
            removed_at__isnull=True,
        ).order_by("consensus__updated_at", "pk")[:200]
    )


def answer_counts(image_ids: list[int]) -> dict[int, list[tuple[str, int]]]:
    """Count what was said of each image: (label code or kind, how often), most frequent first."""
    rows = (
        Annotation.objects.filter(image_id__in=image_ids, withdrawn_at__isnull=True)
        .exclude(kind__in=(AnnotationKind.UNDO, AnnotationKind.SKIP, AnnotationKind.FLAG))
        .filter(Q(labels__isnull=True) | Q(labels__value="YES"))
        .values("image_id", "kind", "labels__label__code")
        .annotate(n=Count("pk"))
        .order_by("image_id", "-n", "labels__label__code")
    )
    counted: dict[int, list[tuple[str, int]]] = {}
    for row in rows:
        said = row["labels__label__code"] or row["kind"]
        counted.setdefault(row["image_id"], []).append((said, row["n"]))
    return counted
