"""Questions about gold: which references stand, and who answered how many of them right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q

from labeling.models import (
    Annotation,
    AnnotationKind,
    GoldReference,
    Image,
    LabelValue,
    Partition,
    QueueEntry,
    QueueEntryState,
    Reason,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

POLICY = "gold 1"
ONBOARDING = "onboarding 1"
"""What chose a gold assignment: the silent stream, or a newcomer's first round."""

SCORED = (AnnotationKind.LABEL, AnnotationKind.NONE_OF_THESE)
"""What is right or wrong about a gold image; who cannot tell or skips has said nothing."""

PAGE = 100


@dataclass(frozen=True, slots=True)
class Tally:
    """How many gold images an annotator answered right, and how many wrong."""

    right: int = 0
    wrong: int = 0

    @property
    def n(self) -> int:
        """Count both."""
        return self.right + self.wrong


def live(project_id: int) -> QuerySet[GoldReference]:
    """Give the references that stand, newest first, with image, label and who set them."""
    rows = GoldReference.objects.filter(image__project_id=project_id, withdrawn_at__isnull=True)
    return rows.select_related("image", "label", "set_by").order_by("-pk")


def count(project_id: int) -> int:
    """Count the references that stand."""
    return GoldReference.objects.filter(
        image__project_id=project_id, withdrawn_at__isnull=True
    ).count()


def page(project_id: int, before: int | None = None) -> list[GoldReference]:
    """Give up to 100 references older than a key, newest first."""
    rows = live(project_id)
    return list(rows if before is None else rows.filter(pk__lt=before))[:PAGE]


def of_image(image_id: int) -> GoldReference | None:
    """Give the reference that stands for an image, or None."""
    rows = GoldReference.objects.filter(image_id=image_id, withdrawn_at__isnull=True)
    return rows.select_related("image", "label", "set_by").first()


def servable(project_id: int) -> QuerySet[GoldReference]:
    """Give the references that can be handed out: image usable, label not retired."""
    return live(project_id).filter(
        image__flagged_at__isnull=True,
        image__removed_at__isnull=True,
        label__retired_at__isnull=True,
    )


def waiting(project_id: int) -> QuerySet[GoldReference]:
    """Give the servable references without an open queue entry of any stream."""
    entries = QueueEntry.objects.filter(image=OuterRef("image"), state=QueueEntryState.OPEN)
    return servable(project_id).filter(~Exists(entries))


def why_not(image: Image) -> tuple[str, str] | None:
    """Give the code and the sentence why an image cannot be gold, or None where it can."""
    if image.partition == Partition.AUDIT:
        return (
            "audit_image",
            "This image belongs to the audit slice, which measures. Choose another.",
        )
    if image.partition == Partition.PENDING:
        return "not_ready", "This image is not prepared yet. Try again in a moment."
    if image.flagged_at is not None or image.removed_at is not None:
        return "image_not_usable", "This image is flagged or removed. Choose another."
    return None


def tally(annotator_id: int, since: datetime | None = None) -> Tally:
    """Count an annotator's answers to gold images; only those given after `since`, if any.

    Answers count that were given to a gold assignment and stand; of a first round, where the
    answer was told afterwards, the first answer to each image, taken back or not.
    """
    rows = _rows([annotator_id])
    return _count(rows.filter(created_at__gt=since) if since else rows).get(annotator_id, Tally())


def tallies(annotator_ids: Collection[int]) -> dict[int, Tally]:
    """Give `tally` for many; who has answered none is missing."""
    return _count(_rows(annotator_ids))


def by_reference(image_ids: Collection[int]) -> dict[int, Tally]:
    """Count right and wrong answers by image: a reference most people miss may be wrong itself.

    What somebody in quarantine said of it speaks against nothing.
    """
    answers = Annotation.objects.filter(
        image_id__in=image_ids, annotator__quarantined_at__isnull=True
    )
    return _count(_scored(answers), key="image_id")


def answered_by(project_id: int, image: UUID) -> list[int]:
    """Give who answered an image as gold."""
    rows = Annotation.objects.filter(
        project_id=project_id, image__public_id=image, assignment__reason=Reason.GOLD
    )
    return list(rows.order_by("annotator_id").values_list("annotator_id", flat=True).distinct())


def is_right(annotation: Annotation, reference: GoldReference) -> bool:
    """Tell whether an answer names the label of a reference."""
    said = annotation.labels.filter(value=LabelValue.YES)
    return said.filter(label_id=reference.label_id).exists()


def _rows(annotator_ids: Collection[int]) -> QuerySet[Annotation]:
    return _scored(Annotation.objects.filter(annotator_id__in=annotator_ids))


def _scored(rows: QuerySet[Annotation]) -> QuerySet[Annotation]:
    reference = GoldReference.objects.filter(image=OuterRef("image"), withdrawn_at__isnull=True)
    return rows.filter(
        Q(withdrawn_at__isnull=True) | Q(assignment__policy=ONBOARDING),
        Exists(reference),
        assignment__reason=Reason.GOLD,
        kind__in=SCORED,
    )


def _count(rows: QuerySet[Annotation], key: str = "annotator_id") -> dict[int, Tally]:
    named = GoldReference.objects.filter(
        image=OuterRef("image"), withdrawn_at__isnull=True, label=OuterRef("labels__label")
    )
    found = (
        rows.annotate(hit=Exists(named))
        .order_by("pk")
        .values_list("pk", key, "annotator_id", "image_id", "hit", "labels__value")
    )
    counts: dict[int, Tally] = {}
    for who, hit in _firsts(found):
        so_far = counts.get(who, Tally())
        counts[who] = Tally(so_far.right + hit, so_far.wrong + (not hit))
    return counts


def _firsts(
    found: Iterable[tuple[int, int, int, int, bool, str | None]],
) -> list[tuple[int, bool]]:
    """Take the first answer of each annotator to each image; one row a label of it comes in."""
    first: dict[tuple[int, int], int] = {}
    said: dict[int, tuple[int, bool]] = {}
    for pk, who, annotator_id, image_id, hit, value in found:
        if first.setdefault((annotator_id, image_id), pk) == pk:
            was = said.get(pk, (who, False))[1]
            said[pk] = (who, was or (bool(hit) and value == LabelValue.YES))
    return list(said.values())
