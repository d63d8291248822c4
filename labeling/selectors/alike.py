"""Images that are nearly the same: which may be, and who is left of them to ask about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from django.db.models import Count, Exists, Max, OuterRef, Q

from labeling.consensus import policy
from labeling.models import (
    AlikeImage,
    Annotation,
    AnnotationKind,
    Assignment,
    AssignmentState,
    Consensus,
    ConsensusState,
    GoldReference,
    Image,
    Partition,
    QueueEntry,
    QueueEntryState,
    Reason,
)
from labeling.selectors.prepared import Prepared
from labeling.selectors.queue import CandidateRows, undecided_pool

if TYPE_CHECKING:
    import numpy.typing as npt
    from django.db.models import QuerySet

MOST_MEMBERS = 19
"""Beside the image that was answered."""
FEWEST_MEMBERS = 2
"""Beside it too: to answer one more image takes no longer than to be asked about it in a dialog."""


def pool(project_id: int) -> QuerySet[Image]:
    """Give the images that may lend and be lent to: of the pool, not gold, to be seen."""
    gold = GoldReference.objects.filter(image=OuterRef("pk"))
    return Image.objects.filter(
        ~Exists(gold),
        project_id=project_id,
        partition=Partition.POOL,
        flagged_at__isnull=True,
        removed_at__isnull=True,
    )


def pool_rows(project_id: int) -> CandidateRows:
    """Give `pool` with split groups, ascending; decided images too."""
    rows = list(pool(project_id).order_by("pk").values_list("pk", "split_group_id"))
    return CandidateRows(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([-row[0] if row[1] is None else row[1] for row in rows], dtype=np.int64),
    )


def pool_version(project_id: int) -> tuple[int, int]:
    """Count the images of `pool`, and give the newest: other images, other numbers."""
    found = pool(project_id).aggregate(n=Count("pk"), newest=Max("pk"))
    return int(found["n"]), int(found["newest"] or 0)


def undecided_ids(project_id: int) -> npt.NDArray[np.int64]:
    """Give the pool images that no answer has decided; none of these is a decision too."""
    return np.fromiter(undecided_pool(project_id).values_list("pk", flat=True), dtype=np.int64)


def set_apart(project_id: int) -> npt.NDArray[np.int64]:
    """Give the images that somebody has said are not the same as those they resemble."""
    apart = AlikeImage.objects.filter(project_id=project_id, set_apart_at__isnull=False)
    return np.fromiter(apart.values_list("image_id", flat=True), dtype=np.int64)


def judged_by_grid(project_id: int) -> npt.NDArray[np.int64]:
    """Give the images whose label, or not, is what somebody said of a grid of them.

    Those confirmed in one that nobody has answered otherwise, and those set apart in one. Of
    whether images nearly the same bear one label neither says anything: people were asked just
    that, and only where all of them seemed to.
    """
    live = Annotation.objects.filter(project_id=project_id, withdrawn_at__isnull=True)
    said = live.filter(kind=AnnotationKind.LABEL)
    in_grid = said.filter(assignment__policy=policy.CONFIRMED)
    otherwise = said.filter(image=OuterRef("image")).exclude(assignment__policy=policy.CONFIRMED)
    confirmed = in_grid.filter(~Exists(otherwise)).values_list("image_id", flat=True)
    return np.union1d(np.fromiter(confirmed, dtype=np.int64), set_apart(project_id))


def is_worth_asking(answer: Annotation) -> bool:
    """Tell whether enough images nearly the same as an answered one are free."""
    # Most images resemble no other, and every answer may ask.
    if not _grouped.raw(answer.image_id):
        return False
    return len(_some_free.raw(answer.project_id, answer.image_id)) == FEWEST_MEMBERS


def free_members(answer: Annotation) -> QuerySet[Image]:
    """Give the images nearly the same as an answered one that nobody has answered or holds.

    Never an audit or gold image, nor one that waits in another stream than the acquired.
    """
    return _free(answer.project_id, answer.image_id)


def _free(project_id: int, image_id: int) -> QuerySet[Image]:
    group = AlikeImage.objects.filter(image_id=image_id).values("group")[:1]
    decided = Consensus.objects.filter(image=OuterRef("pk")).exclude(state=ConsensusState.OPEN)
    held = Assignment.objects.filter(image=OuterRef("pk"), state=AssignmentState.OPEN)
    answered = Annotation.objects.filter(image=OuterRef("pk"), withdrawn_at__isnull=True).exclude(
        kind=AnnotationKind.UNDO
    )
    elsewhere = QueueEntry.objects.filter(image=OuterRef("pk"), state=QueueEntryState.OPEN).exclude(
        reason=Reason.ACQUIRED
    )
    return (
        pool(project_id)
        .filter(
            ~Exists(decided),
            ~Exists(held),
            ~Exists(answered),
            ~Exists(elsewhere),
            ~Q(pk=image_id),
            alike__group=group,
            alike__project_id=project_id,
            alike__set_apart_at__isnull=True,
        )
        .order_by("pk")
    )


_grouped = Prepared(lambda image_id: AlikeImage.objects.filter(image_id=image_id).values_list("pk"))
_some_free = Prepared(
    lambda project_id, image_id: _free(project_id, image_id).values_list("pk")[:FEWEST_MEMBERS]
)
