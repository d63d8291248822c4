"""Questions about a newcomer's first round: how far they are, and what to tell them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labeling.models import (
    Annotation,
    AnnotationKind,
    Annotator,
    AnnotatorKind,
    Assignment,
    AssignmentState,
    LabelExample,
)
from labeling.selectors import annotators
from labeling.selectors import gold as gold_selectors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from labeling.models import Label, Project


@dataclass(frozen=True, slots=True)
class Round:
    """How many images of a first round are answered, and of how many it consists."""

    done: int
    of: int

    @property
    def is_over(self) -> bool:
        """Tell whether the round is through."""
        return self.done >= self.of


@dataclass(frozen=True, slots=True)
class Practice:
    """What a newcomer is told after an answer of their first round.

    Attributes:
        is_right: whether they said what the reference says.
        said: the code and name of the label they chose; None where they chose none.
        label: code and name of what it is.
        note: why, in the words of who set the reference; may be empty.
        has_example: whether the guide holds a picture of that label.
        done, of: where they are in the round.
    """

    is_right: bool
    said: tuple[str, str] | None
    label: tuple[str, str]
    note: str
    has_example: bool
    done: int
    of: int

    @property
    def is_last(self) -> bool:
        """Tell whether the round ends with this answer."""
        return self.done >= self.of

    @property
    def sentence(self) -> str:
        """Say it in one sentence that needs no picture."""
        name = self.label[1]
        if self.is_right:
            verdict = f"Right: {name}."
        elif self.said is None:
            verdict = f"Our experts say {name}."
        else:
            verdict = f"Not quite: our experts say {name}."
        return f"{verdict} {self.note}".strip()


def may_be_newcomer(project: Project, annotator: Annotator) -> bool:
    """Tell from the two rows alone whether a first round may be due; no query."""
    return (
        project.onboarding_images > 0
        and annotator.onboarded_at is None
        and annotator.kind == AnnotatorKind.PERSON
    )


def is_newcomer(project: Project, annotator: Annotator) -> bool:
    """Tell whether somebody is in their first round or about to begin it.

    Whoever answered before rounds were switched on is no newcomer, nor is an expert.
    """
    if not may_be_newcomer(project, annotator) or annotators.is_expert(annotator):
        return False
    mine = Annotation.objects.filter(annotator=annotator)
    return _of_round(mine).exists() or _practising(annotator.pk).exists() or not mine.exists()


def round_of(project: Project, annotator: Annotator) -> Round | None:
    """Give where a newcomer is in their round, or None for everyone else."""
    if not is_newcomer(project, annotator):
        return None
    return Round(answered(annotator.pk), project.onboarding_images)


def answered(annotator_id: int) -> int:
    """Count the images of their round that somebody has answered, taken back or not."""
    mine = _of_round(Annotation.objects.filter(annotator_id=annotator_id))
    return mine.values("image_id").distinct().count()


def held(annotator_id: int, now: datetime) -> int:
    """Count the images of their round that somebody holds."""
    return _practising(annotator_id).filter(expires_at__gt=now).count()


def practice(annotation: Annotation) -> Practice | None:
    """Give what to tell after an answer; None for every answer outside a first round."""
    assignment = annotation.assignment
    if assignment is None or assignment.policy != gold_selectors.ONBOARDING:
        return None
    reference = gold_selectors.of_image(annotation.image_id)
    if reference is None:
        return None
    rows = annotation.labels.select_related("label").order_by("pk")
    said = [row.label for row in rows]
    label = reference.label
    return Practice(
        is_right=gold_selectors.is_right(annotation, reference),
        said=(said[0].code, _together(said)) if said else None,
        label=(label.code, _together(gold_selectors.labels_of(reference))),
        note=reference.note,
        has_example=LabelExample.objects.filter(label=label).exists(),
        done=answered(annotation.annotator_id),
        of=annotation.project.onboarding_images,
    )


def _together(labels: Sequence[Label]) -> str:
    """Say the names of labels that a picture shows at once."""
    return " and ".join(label.name for label in labels)


def unseen(project_id: int, annotator_id: int) -> bool:
    """Tell whether there is a reference left that somebody has not answered yet."""
    seen = Annotation.objects.filter(annotator_id=annotator_id, withdrawn_at__isnull=True)
    servable: bool = (
        gold_selectors.servable(project_id)
        .exclude(image_id__in=seen.exclude(kind=AnnotationKind.UNDO).values("image_id"))
        .exists()
    )
    return servable


def _of_round(rows: QuerySet[Annotation]) -> QuerySet[Annotation]:
    return rows.filter(assignment__policy=gold_selectors.ONBOARDING).exclude(
        kind=AnnotationKind.UNDO
    )


def _practising(annotator_id: int) -> QuerySet[Assignment]:
    return Assignment.objects.filter(
        annotator_id=annotator_id,
        state=AssignmentState.OPEN,
        policy=gold_selectors.ONBOARDING,
    )
