"""Questions about gold: which references stand, and who answered how many of them right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Subquery

from labeling.models import (
    Annotation,
    AnnotationKind,
    Annotator,
    Consensus,
    ConsensusState,
    GoldReference,
    Image,
    Label,
    LabelValue,
    Mode,
    Partition,
    QueueEntry,
    QueueEntryState,
    Reason,
)
from labeling.selectors import gold_sets, projects

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
NOT_SCORED = "GROUP"

PAGE = 100
COUNTED = 1000
"""Where more than these may be made gold, nobody needs to know how many."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many gold images an annotator answered right, and how many wrong."""

    right: int = 0
    wrong: int = 0

    @property
    def n(self) -> int:
        """Count both."""
        return self.right + self.wrong


def standing() -> QuerySet[GoldReference]:
    """Give the references that stand: not withdrawn, and not of somebody set aside.

    What somebody in quarantine set counts for and against nobody until it is lifted.
    """
    aside = Annotator.objects.filter(pk=OuterRef("annotator"), quarantined_at__isnull=False)
    return GoldReference.objects.filter(~Exists(aside), withdrawn_at__isnull=True)


def live(project_id: int) -> QuerySet[GoldReference]:
    """Give the references that stand, newest first, with image, label and who set them."""
    rows = standing().filter(image__project_id=project_id).prefetch_related("further")
    return rows.select_related("image", "label", "set_by", "annotator").order_by("-pk")


def count(project_id: int) -> int:
    """Count the references that stand."""
    return standing().filter(image__project_id=project_id).count()


def page(project_id: int, before: int | None = None) -> list[GoldReference]:
    """Give up to 100 references older than a key, newest first."""
    rows = live(project_id)
    return list(rows if before is None else rows.filter(pk__lt=before))[:PAGE]


def of_image(image_id: int) -> GoldReference | None:
    """Give the reference that stands for an image, or None."""
    rows = standing().filter(image_id=image_id).prefetch_related("further")
    return rows.select_related("image", "label", "set_by", "annotator").first()


def labels_of(reference: GoldReference) -> list[Label]:
    """Give all labels that a reference names, the first of them first."""
    return [reference.label, *sorted(reference.further.all(), key=lambda label: label.pk)]


def servable(project_id: int) -> QuerySet[GoldReference]:
    """Give the references that can be handed out: image usable, no label retired."""
    gone = Label.objects.filter(retired_at__isnull=False)
    named = GoldReference.further.through.objects.filter(goldreference=OuterRef("pk"))
    return live(project_id).filter(
        ~Exists(named.filter(label__in=gone)),
        image__flagged_at__isnull=True,
        image__removed_at__isnull=True,
        label__retired_at__isnull=True,
    )


def waiting(project_id: int) -> QuerySet[GoldReference]:
    """Give the servable references without an open queue entry of any stream."""
    entries = QueueEntry.objects.filter(image=OuterRef("image"), state=QueueEntryState.OPEN)
    return servable(project_id).filter(~Exists(entries))


def candidates(project_id: int, *, after: UUID | None, count: int) -> list[Image]:
    """Give up to `count` images that an expert may make gold, in the order of their public ids.

    That order is random and the same every time, so gold is not what somebody came across. It goes
    on behind `after`. Left out is what already waits for an expert: it is asked about elsewhere.
    """
    rows = _candidates(project_id).order_by("public_id", "pk")
    return list((rows if after is None else rows.filter(public_id__gt=after))[:count])


def candidates_left(project_id: int) -> int:
    """Count them, up to `COUNTED`."""
    return _candidates(project_id)[:COUNTED].count()


def set_by(annotator_id: int) -> int:
    """Count the references that stand and that somebody has set."""
    return standing().filter(annotator_id=annotator_id).count()


def why_not(image: Image) -> tuple[str, str] | None:
    """Give the code and the sentence why an image cannot be gold, or None where it can."""
    if image.partition == Partition.AUDIT:
        return (
            "audit_image",
            "This is an audit image: it measures. Choose another.",
        )
    if image.partition == Partition.PENDING:
        return "not_ready", "This image is not prepared yet. Try again in a moment."
    if image.flagged_at is not None or image.removed_at is not None:
        return "image_not_usable", "This image is flagged or removed. Choose another."
    return None


def tally(annotator_id: int, since: datetime | None = None) -> Tally:
    """Count an annotator's answers to gold images; only those given after `since`, if any.

    Of each image, the first answer given to a gold assignment counts, taken back or not: by then
    the annotator may have been told what it was, or have guessed it from how the page replied. A
    first answer that named nothing (a skip, say) leaves the image uncounted for good.
    """
    return _count(_rows([annotator_id]), since=since).get(annotator_id, Tally())


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


def judged_by(annotator_id: int) -> list[int]:
    """Give who answered, as gold, an image whose reference this annotator has set.

    References that are withdrawn are left out; those of somebody in quarantine are not.
    """
    theirs = GoldReference.objects.filter(annotator_id=annotator_id, withdrawn_at__isnull=True)
    rows = Annotation.objects.filter(
        image__in=theirs.values("image"), assignment__reason=Reason.GOLD
    )
    return list(rows.order_by("annotator_id").values_list("annotator_id", flat=True).distinct())


def is_right(annotation: Annotation, reference: GoldReference) -> bool:
    """Tell whether an answer names the label of a reference, or just its labels of several."""
    if annotation.project.mode == Mode.MULTI:
        return gold_sets.are_right({annotation.pk: reference.pk})[annotation.pk]
    yes = annotation.labels.filter(value=LabelValue.YES)
    said = list(yes.values_list("label_id", flat=True))
    return reference.label_id in said or _are_same(reference.label_id, said)


def _are_same(label_id: int, said: Collection[int]) -> bool:
    """Tell whether a label and one of some others have been merged."""
    now = projects.merged_into([label_id, *said])
    return now.get(label_id, label_id) in {now.get(one, one) for one in said}


def _candidates(project_id: int) -> QuerySet[Image]:
    reference = standing().filter(image=OuterRef("pk"))
    disputed = Consensus.objects.filter(image=OuterRef("pk"), state=ConsensusState.DISPUTED)
    return Image.objects.filter(
        ~Exists(reference),
        ~Exists(disputed),
        project_id=project_id,
        partition=Partition.POOL,
        flagged_at__isnull=True,
        removed_at__isnull=True,
    )


def _rows(annotator_ids: Collection[int]) -> QuerySet[Annotation]:
    return _scored(Annotation.objects.filter(annotator_id__in=annotator_ids))


def _scored(rows: QuerySet[Annotation]) -> QuerySet[Annotation]:
    reference = standing().filter(image=OuterRef("image"))
    # Of every kind, withdrawn or not: which of them came first is what `_firsts` has to see.
    given = rows.filter(Exists(reference), assignment__reason=Reason.GOLD)
    return given.exclude(kind=AnnotationKind.UNDO)


def _count(
    rows: QuerySet[Annotation], key: str = "annotator_id", since: datetime | None = None
) -> dict[int, Tally]:
    reference = standing().filter(image=OuterRef("image"))
    given = list(
        rows.annotate(
            reference_key=Subquery(reference.values("pk")[:1]),
            reference=Subquery(reference.values("label_id")[:1]),
            group=Subquery(reference.values("label__parent_id")[:1]),
        )
        .order_by("pk")
        .values_list(
            "pk", key, "annotator_id", "image_id", "kind", "created_at",
            "reference", "group", "labels__label_id", "labels__value",
            "project__mode", "reference_key",
        )
    )  # fmt: skip
    # Where images may bear several labels an answer is compared whole.
    hits = gold_sets.are_right({row[0]: row[-1] for row in given if row[-2] == Mode.MULTI})
    differing = {one for *_, right, _, said, _, _, _ in given if said not in (None, right)
                 for one in (right, said)}  # fmt: skip
    now = projects.merged_into(differing) if differing else {}
    found = [
        # Whoever says no more than the group of the right label is neither right nor wrong.
        (*row, NOT_SCORED if said is not None and said == group else kind, at,
         said is not None and now.get(right, right) == now.get(said, said), value)
        if row[0] not in hits
        else (*row, kind, at, hits[row[0]], LabelValue.YES)
        for *row, kind, at, right, group, said, value, _, _ in given
    ]  # fmt: skip
    counts: dict[int, Tally] = {}
    for who, kind, at, hit in _firsts(found):
        if kind not in SCORED or (since is not None and at <= since):
            continue
        so_far = counts.get(who, Tally())
        counts[who] = Tally(so_far.right + hit, so_far.wrong + (not hit))
    return counts


def _firsts(
    found: Iterable[tuple[int, int, int, int, str, datetime, bool, str | None]],
) -> list[tuple[int, str, datetime, bool]]:
    """Take the first answer of each annotator to each image; one row a label of it comes in.

    Gives whose count it belongs to, its kind, when it was given and whether it names the label.
    """
    first: dict[tuple[int, int], int] = {}
    said: dict[int, tuple[int, str, datetime, bool]] = {}
    for pk, who, annotator_id, image_id, kind, at, hit, value in found:
        if first.setdefault((annotator_id, image_id), pk) == pk:
            was = pk in said and said[pk][-1]
            said[pk] = (who, kind, at, was or (bool(hit) and value == LabelValue.YES))
    return list(said.values())
