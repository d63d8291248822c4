"""How far a project is, and what one annotator has done in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, F, OuterRef, Q

from labeling.consensus import policy
from labeling.models import (
    Annotation,
    AnnotationKind,
    Consensus,
    ConsensusState,
    Image,
    Partition,
    Reason,
)
from labeling.selectors import annotators, gold

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from labeling.models import Project

MOVING = (AnnotationKind.LABEL, AnnotationKind.NONE_OF_THESE, AnnotationKind.CANT_TELL)
"""Kinds that decide an image where one answer does."""
_IS_SKIP = Q(kind=AnnotationKind.SKIP)


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts for the bar on the labeling page.

    Attributes:
        labeled: images that need no more answers.
        total: images that are to be labeled: the pool, and the audit images to be measured.
        mine: this annotator's live answers; a skip is none.
        skipped: this annotator's live skips.
    """

    labeled: int
    total: int
    mine: int = 0
    skipped: int = 0

    @property
    def remaining(self) -> int:
        """Count the images that still need answers."""
        return max(0, self.total - self.labeled)


def for_project(project_id: int) -> Progress:
    """Count labeled and all images, by two queries; `mine` is 0."""
    total = (
        Image.objects.filter(
            project_id=project_id,
            partition__in=(Partition.POOL, Partition.AUDIT),
            flagged_at__isnull=True,
            removed_at__isnull=True,
        )
        .filter(_is_to_be_labeled("split_group", "pk"))
        .count()
    )
    labeled = (
        Consensus.objects.filter(
            project_id=project_id,
            image__partition__in=(Partition.POOL, Partition.AUDIT),
            image__flagged_at__isnull=True,
            image__removed_at__isnull=True,
        )
        .exclude(state=ConsensusState.OPEN)
        .filter(_is_to_be_labeled("image__split_group", "image_id"))
        .count()
    )
    return Progress(labeled, total)


def for_annotator(project: Project, annotator_id: int, *, now: datetime) -> Progress:
    """Count as `for_project`, as this annotator sees it, with what they have given."""
    found = for_project(project.pk)
    given = _live(annotator_id=annotator_id).aggregate(
        answers=Count("pk", filter=~_IS_SKIP), skips=Count("pk", filter=_IS_SKIP)
    )
    hidden = hidden_gold(project, now)
    if hidden:
        hidden = max(0, hidden - _gold_given(annotator_id))
    return Progress(max(0, found.labeled - hidden), found.total, given["answers"], given["skips"])


def hidden_gold(project: Project, now: datetime) -> int:
    """Count the gold images that do not count as labeled for whoever has not answered them.

    Where one answer decides, each moves the count of labeled images. A gold image is decided long
    before, so the count would stand still and tell that it was gold. Where it takes several
    answers, most leave the count alone, and nothing is hidden.
    """
    asked = project.votes_pool
    if asked > 1 and policy.effective_votes(asked, annotators.active_lately(project, now)) > 1:
        return 0
    return (
        gold.standing()
        .filter(
            image__project=project,
            image__partition=Partition.POOL,
            image__flagged_at__isnull=True,
            image__removed_at__isnull=True,
        )
        .count()
    )


def answer_counts(project_id: int) -> tuple[int, int]:
    """Count the live answers and the live skips of a project: a skip is no answer."""
    found = _live(project_id=project_id).aggregate(
        answers=Count("pk", filter=~_IS_SKIP), skips=Count("pk", filter=_IS_SKIP)
    )
    return found["answers"], found["skips"]


def _live(**where: int) -> QuerySet[Annotation]:
    rows = Annotation.objects.filter(withdrawn_at__isnull=True, **where)
    return rows.exclude(kind=AnnotationKind.UNDO)


def _gold_given(annotator_id: int) -> int:
    """Count the gold images somebody has said something about."""
    rows = _live(annotator_id=annotator_id).filter(
        Exists(gold.standing().filter(image=OuterRef("image"))),
        kind__in=MOVING,
        assignment__reason=Reason.GOLD,
    )
    return rows.count()


def _is_to_be_labeled(group: str, image: str) -> Q:
    """Give the pool and, of the audit slice, the image that was drawn in each group."""
    partition = "partition" if image == "pk" else "image__partition"
    measured = {partition: Partition.AUDIT, f"{group}__measured_image_id": F(image)}
    return Q(**{partition: Partition.POOL}) | Q(**measured)
