"""The live answers of images, as consensus reads them: one query for many images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import Subquery

from labeling.consensus import policy
from labeling.consensus.types import Hint
from labeling.models import (
    ABOUT_ONE_LABEL,
    Annotation,
    AnnotationKind,
    AnnotatorKind,
    Label,
    LabelValue,
)
from labeling.selectors.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

    from labeling.consensus.lineage import Lineage

NO_VOTE = (AnnotationKind.UNDO, AnnotationKind.SKIP, AnnotationKind.FLAG)


def is_live(row: str) -> str:
    """Give the SQL of somebody's one live answer to an image, as its unique index says it.

    What an expert says of one label alone is none: they may be asked about the picture yet.
    """
    return (
        f"{row}.withdrawn_at IS NULL AND NOT ({row}.kind = 'UNDO') "
        f"AND NOT ({row}.is_expert AND {row}.kind IN ('YES', 'NO', 'UNSURE'))"
    )


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """What one annotator says of one image now.

    Attributes:
        annotation_id: grows with time.
        annotator_id: of whoever says it.
        kind: a label, none of these or can't tell.
        decides_alone: an expert's adjudication, be it of one label, or labels that came with an
            import.
        label_ids: the labels it says yes to.
        is_confirmed: one of a grid of images confirmed at once ("all the same?").
        denied_ids: the label that it says no to, where it was asked about that one alone.
        is_import: it came with the picture; nobody was asked.
        unsure_ids: the label of which it cannot tell, where it was asked about that one alone.
    """

    annotation_id: int
    annotator_id: int
    kind: str
    decides_alone: bool
    label_ids: list[int] = field(default_factory=list)
    is_confirmed: bool = False
    denied_ids: list[int] = field(default_factory=list)
    unsure_ids: list[int] = field(default_factory=list)
    is_import: bool = False

    @property
    def is_opinion(self) -> bool:
        """Whether it names a label or says that none fits."""
        return self.kind not in (AnnotationKind.CANT_TELL, AnnotationKind.UNSURE)

    @property
    def is_whole(self) -> bool:
        """Whether it says what the picture shows, and not only whether it shows one label."""
        return self.kind not in ABOUT_ONE_LABEL


def live(image_ids: Sequence[int]) -> QuerySet[Annotation]:
    """Give the answers that count: not withdrawn, nobody's who is set aside, no skips or flags."""
    return Annotation.objects.filter(
        image_id__in=image_ids, withdrawn_at__isnull=True, annotator__quarantined_at__isnull=True
    ).exclude(kind__in=NO_VOTE)


def _rows(image_ids: list[int]) -> QuerySet[Annotation, tuple[Any, ...]]:
    return (
        live(image_ids)
        .order_by("pk", "labels__pk")
        .values_list(
            "image_id",
            "pk",
            "annotator_id",
            "kind",
            "is_expert",
            "annotator__kind",
            "assignment__policy",
            "labels__label_id",
            "labels__value",
        )
    )


_of_images = Prepared(_rows)


def of_images(image_ids: Sequence[int]) -> dict[int, list[LiveAnswer]]:
    """Give the live answers of images, oldest first; an image without any has an empty list."""
    found: dict[int, list[LiveAnswer]] = {image_id: [] for image_id in image_ids}
    rows = _of_images.rows(list(image_ids)) if found else []
    for image_id, pk, annotator_id, kind, is_expert, author, handed_by, label_id, value in rows:
        answers = found[image_id]
        if not answers or answers[-1].annotation_id != pk:
            is_import = author == AnnotatorKind.IMPORT
            answers.append(
                LiveAnswer(
                    pk,
                    annotator_id,
                    kind,
                    decides_alone=is_expert or is_import,
                    is_confirmed=handed_by == policy.CONFIRMED,
                    is_import=is_import,
                )
            )
        if value == LabelValue.YES:
            answers[-1].label_ids.append(label_id)
        elif value == LabelValue.NO:
            answers[-1].denied_ids.append(label_id)
        elif value == LabelValue.UNSURE:
            answers[-1].unsure_ids.append(label_id)
    return found


def hints_of(
    answers: Mapping[int, Sequence[LiveAnswer]], lineage: Lineage
) -> dict[int, list[Hint]]:
    """Give what was said of images that may be several labels, oldest first.

    By live answers that name a group, and by those that named a label before it was split, of
    people who have not answered since. One query, and none where no label was split.

    Args:
        answers: image to its live answers (`of_images`).
        lineage: of the current scheme.
    """
    found: dict[int, list[Hint]] = {image_id: [] for image_id in answers}
    for image_id, annotator_id, label_id in _before_split(list(answers), lineage):
        if annotator_id not in {one.annotator_id for one in answers[image_id]}:
            columns = lineage.several[label_id]
            found[image_id].append(Hint(annotator_id, label_id, columns, counts=False))
    for image_id, said in answers.items():
        for one in said:
            named = [label for label in one.label_ids if label in lineage.several]
            if named and not one.decides_alone:
                columns = lineage.several[named[0]]
                # An answer that was on its way while its label was split is asked again too.
                counts = named[0] not in lineage.split_at
                found[image_id].append(Hint(one.annotator_id, named[0], columns, counts))
    return found


def _before_split(image_ids: Sequence[int], lineage: Lineage) -> list[tuple[int, int, int]]:
    """Give image, annotator and label of the answers that a split has withdrawn."""
    if not lineage.split_at or not image_ids:
        return []
    rows = Annotation.objects.filter(
        image_id__in=image_ids,
        kind=AnnotationKind.LABEL,
        withdrawn_at__in=sorted(set(lineage.split_at.values())),
        annotator__quarantined_at__isnull=True,
        labels__label_id__in=list(lineage.split_at),
        labels__value=LabelValue.YES,
    )
    return list(rows.order_by("pk").values_list("image_id", "annotator_id", "labels__label_id"))


def said_too_early(label_id: int, answers: Sequence[LiveAnswer]) -> set[int]:
    """Give the keys of answers "none of these" from before there was this label.

    Whoever gave them was not wrong: nobody could choose it then.
    """
    none = [one.annotation_id for one in answers if one.kind == AnnotationKind.NONE_OF_THESE]
    if not none:
        return set()
    since = Label.objects.filter(pk=label_id).values("created_at")
    rows = Annotation.objects.filter(pk__in=none, created_at__lt=Subquery(since))
    return set(rows.order_by("pk").values_list("pk", flat=True))
