"""How far a project is, and what one annotator has done in it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F, Q

from labeling.models import (
    Annotation,
    AnnotationKind,
    Consensus,
    ConsensusState,
    Image,
    Partition,
)


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts for the bar on the labeling page.

    Attributes:
        labeled: images that need no more answers.
        total: images that are to be labeled: the pool, and the audit images to be measured.
        mine: this annotator's live answers.
    """

    labeled: int
    total: int
    mine: int

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
    return Progress(labeled, total, 0)


def for_annotator(project_id: int, annotator_id: int) -> Progress:
    """Count as `for_project`, and this annotator's live answers: three queries."""
    project = for_project(project_id)
    return Progress(project.labeled, project.total, answers_of(annotator_id))


def answers_of(annotator_id: int) -> int:
    """Count one annotator's live answers."""
    return (
        Annotation.objects.filter(annotator_id=annotator_id, withdrawn_at__isnull=True)
        .exclude(kind=AnnotationKind.UNDO)
        .count()
    )


def answer_counts(project_id: int) -> dict[int, int]:
    """Count the live answers of every annotator of a project."""
    rows = (
        Annotation.objects.filter(project_id=project_id, withdrawn_at__isnull=True)
        .exclude(kind=AnnotationKind.UNDO)
        .values("annotator_id")
        .annotate(n=Count("pk"))
        .order_by("annotator_id")
    )
    return {row["annotator_id"]: row["n"] for row in rows}


def _is_to_be_labeled(group: str, image: str) -> Q:
    """Give the pool and, of the audit slice, the image that was drawn in each group."""
    partition = "partition" if image == "pk" else "image__partition"
    measured = {partition: Partition.AUDIT, f"{group}__measured_image_id": F(image)}
    return Q(**{partition: Partition.POOL}) | Q(**measured)
