"""How much hangs on each label: what a merge or a split of it would touch."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q

from labeling.models import (
    AnnotationLabel,
    Consensus,
    ConsensusState,
    GoldReference,
    LabelValue,
    Partition,
)
from labeling.selectors import projects


@dataclass(frozen=True, slots=True)
class LabelUse:
    """What has one label now.

    Attributes:
        code: of the label.
        images: images that people agree have it; those that are measured among them.
        audit_images: the measured ones.
        answers: live answers that name it, or a label that was merged into it.
        gold: gold references to it.
    """

    code: str
    images: int
    audit_images: int
    answers: int
    gold: int


def of_project(project_id: int) -> list[LabelUse]:
    """Count for every label of the scheme, in its order, by three queries."""
    scheme = projects.current_scheme(project_id)
    decided = (
        Consensus.objects.filter(project_id=project_id, state=ConsensusState.RESOLVED)
        .values_list("label_id")
        .annotate(n=Count("pk"), measured=Count("pk", Q(image__partition=Partition.AUDIT)))
        .order_by("label_id")
    )
    said = (
        AnnotationLabel.objects.filter(
            annotation__project_id=project_id,
            annotation__withdrawn_at__isnull=True,
            value=LabelValue.YES,
        )
        .values_list("label_id")
        .annotate(n=Count("pk"))
        .order_by("label_id")
    )
    gold = (
        GoldReference.objects.filter(image__project_id=project_id, withdrawn_at__isnull=True)
        .values_list("label_id")
        .annotate(n=Count("pk"))
        .order_by("label_id")
    )
    also = (
        GoldReference.further.through.objects.filter(
            goldreference__image__project_id=project_id, goldreference__withdrawn_at__isnull=True
        )
        .values_list("label_id")
        .annotate(n=Count("pk"))
        .order_by("label_id")
    )
    columns = scheme.column_of
    counts = [[0, 0, 0, 0] for _ in scheme.codes]
    for rows, places in ((decided, (0, 1)), (said, (2,)), (gold, (3,)), (also, (3,))):
        for label_id, *found in rows:
            if label_id in columns:
                for place, n in zip(places, found, strict=True):
                    counts[columns[label_id]][place] += n
    return [LabelUse(code, *row) for code, row in zip(scheme.codes, counts, strict=True)]
