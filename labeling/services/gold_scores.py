"""What gold says of an annotator: counts that are always those of the rows, and what follows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from labeling.models import ABOUT_ONE_LABEL, Annotator, AnnotatorSkill, GoldReference, Reason
from labeling.selectors import gold as gold_selectors
from labeling.services import gold_stream, onboarding, standing

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from labeling.models import Annotation


def follow(annotation: Annotation, now: datetime) -> None:
    """Bring an annotator's gold score up to date with an answer, or with an undo of one.

    Inside the transaction that stores it. Asks nothing of the database unless the image was handed
    out as gold. An expert who takes back the word behind a reference withdraws the reference.
    """
    answer = annotation.undoes or annotation
    is_of_all = answer.kind not in ABOUT_ONE_LABEL
    if answer.is_expert and annotation.undoes is not None and is_of_all:
        _withdraw_with(answer, now)
    assignment = answer.assignment
    if assignment is None or assignment.reason != Reason.GOLD:
        return
    if answer.kind in gold_selectors.SCORED:
        scored = rescore(annotator_id=answer.annotator_id, now=now)
        # Whoever holds this row goes on to ask whether they may claim.
        annotation.annotator.paused_at = scored.paused_at
        annotation.annotator.paused_reason = scored.paused_reason
    onboarding.follow(annotation, now)


@transaction.atomic
def rescore(*, annotator_id: int, now: datetime) -> Annotator:
    """Count an annotator's gold answers again from the rows, and pause them where it is due.

    Gives the annotator as they are then.
    """
    # As in an answer of theirs: the person first, then their counts.
    people = Annotator.objects.select_for_update(no_key=True, of=("self",))
    annotator = people.select_related("project").get(pk=annotator_id)
    counted = gold_selectors.tally(annotator_id)
    AnnotatorSkill.objects.update_or_create(
        annotator_id=annotator_id,
        defaults={
            "n_gold_right": counted.right,
            "n_gold_wrong": counted.wrong,
            "updated_at": now,
        },
    )
    standing.check(annotator=annotator, now=now)
    return annotator


def rescore_all(project_id: int, image: UUID, now: datetime) -> None:
    """Score everyone again who has answered an image as gold; under no lock of an image."""
    for annotator_id in gold_selectors.answered_by(project_id, image):
        rescore(annotator_id=annotator_id, now=now)


def rescore_judged_by(annotator_id: int, now: datetime) -> None:
    """Score everyone again whom somebody's references judge; under no lock of an image."""
    for judged in gold_selectors.judged_by(annotator_id):
        rescore(annotator_id=judged, now=now)


def _withdraw_with(answer: Annotation, now: datetime) -> None:
    mine = GoldReference.objects.filter(
        image_id=answer.image_id, annotator_id=answer.annotator_id, withdrawn_at__isnull=True
    )
    if mine.update(withdrawn_at=now):
        gold_stream.close_entries([answer.image_id], now)
        # Not under the image's lock: whoever answers locks themselves first, then the image.
        transaction.on_commit(
            partial(rescore_all, answer.project_id, answer.image.public_id, now), robust=True
        )
