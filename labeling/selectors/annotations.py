"""Questions about answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labeling.models import (
    Annotation,
    AnnotationKind,
    Assignment,
    ImagePrior,
    Label,
    Partition,
    Reason,
)
from labeling.selectors import label_order, projects, questions
from labeling.selectors.queue import NOVEL, SIMILAR, TAIL_FIRST

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

UNDOABLE = 20
NEUTRAL_SENTENCE = "Saved. Thank you."
SENTENCES = {
    NOVEL: "The classifier had seen little like it.",
    TAIL_FIRST: "The classifier took it for something it has few pictures of.",
    SIMILAR: "It was asked for because it looks like pictures that are wanted.",
}
"""By policy: what else an acquired image was chosen for."""


def of_annotator(annotator_id: int) -> QuerySet[Annotation]:
    """Give an annotator's live answers, newest first."""
    return (
        Annotation.objects.filter(annotator_id=annotator_id, withdrawn_at__isnull=True)
        .exclude(kind=AnnotationKind.UNDO)
        .select_related("image")
        .prefetch_related("labels__label")
        .order_by("-pk")
    )


def row_of(public_id: UUID | str) -> int:
    """Give the key of an answer, which is the data version it made."""
    return Annotation.objects.values_list("pk", flat=True).get(public_id=public_id)


def undoable(annotator_id: int) -> list[Annotation]:
    """Give the last 20 live answers, newest first: those that can be undone."""
    return list(of_annotator(annotator_id)[:UNDOABLE])


def of_image(image_id: int) -> QuerySet[Annotation]:
    """Give an image's live answers, oldest first."""
    return (
        Annotation.objects.filter(image_id=image_id, withdrawn_at__isnull=True)
        .exclude(kind=AnnotationKind.UNDO)
        .prefetch_related("labels__label")
        .order_by("pk")
    )


def _by_policy(assignment: Assignment) -> str | None:
    code = questions.asked_code(assignment.policy)
    if code is None:
        return SENTENCES.get(assignment.policy)
    name = projects.label(assignment.project_id, code).name
    return f"That was all the classifier wanted to know: whether it shows {name}."


def sentence_after(assignment: Assignment | None) -> str:
    """Say, after the answer, why the image was asked for (rule 7).

    Only an acquired image explains itself, and only where the classifier had an opinion; the
    random arm, audit, gold and dispute share one neutral sentence.
    """
    if assignment is None or assignment.reason != Reason.ACQUIRED:
        return NEUTRAL_SENTENCE
    if (sentence := _by_policy(assignment)) is not None:
        return sentence
    prior = (
        ImagePrior.objects.filter(
            image_id=assignment.image_id, image__partition=Partition.POOL
        ).first()
        if assignment.model_version is not None
        else None
    )
    if prior is None:
        return NEUTRAL_SENTENCE
    row = np.frombuffer(bytes(prior.probabilities), dtype=np.float32)
    ids = label_order.label_ids(prior.scheme_id)
    if len(row) < 2 or len(ids) != len(row):
        return NEUTRAL_SENTENCE
    first, second = np.argsort(-row, kind="stable")[:2]
    names = dict(Label.objects.filter(pk__in=(ids[first], ids[second])).values_list("pk", "name"))
    if 2 * row[second] < row[first]:
        return f"The classifier's best guess was {names[ids[first]]}, with doubts."
    return f"The classifier was torn between {names[ids[first]]} and {names[ids[second]]}."
