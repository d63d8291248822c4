"""Images asked again because the labels to choose from have changed.

An answer given before a label existed says nothing of that label. In the pool such an answer is
merely old; in the audit slice it would make the accuracy on the new label a guess, so whoever gave
it is asked again. What they said stays as a withdrawn row.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from labeling.models import Annotation, AnnotationKind, ConsensusState, Partition
from labeling.services import adjudication, answers, crowd, slots

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.db.models import QuerySet

    from labeling.models import Project

UNDECIDED = (ConsensusState.NONE_OF_THESE, ConsensusState.OPEN)
"""What experts are asked already (DISPUTED) they answer with the new label before them."""
BATCH = 500


def ask_unfitting_again(*, project: Project, now: datetime) -> int:
    """Reopen the audit images that people, or experts, said fit no label; give how many.

    Inside the transaction that adds a label, before anybody can answer with it. An image that most
    people gave a label keeps it.
    """
    said = Annotation.objects.filter(
        project=project,
        kind=AnnotationKind.NONE_OF_THESE,
        image__partition=Partition.AUDIT,
        image__consensus__state__in=UNDECIDED,
    )
    gone = withdraw(project=project, said=said, now=now)
    return len({answer.image_id for answer in gone})


def withdraw(
    *, project: Project, said: QuerySet[Annotation], now: datetime, also: Iterable[int] = ()
) -> list[Annotation]:
    """Withdraw the live ones of these answers and decide their images anew; give the answers.

    Each answer by a compensating row, as its author would do it, so that they may be asked again;
    what an expert had settled with one is open again. Images in `also` are decided anew as well.
    Inside a transaction.
    """
    live = said.filter(withdrawn_at__isnull=True)
    touched = sorted({*live.values_list("image_id", flat=True), *also})
    locked = {image.pk for image in slots.lock_images(touched)}
    # Read again: an answer may have been taken back before the lock was granted.
    gone = [answer for answer in live.order_by("pk") if answer.image_id in locked]
    Annotation.objects.filter(pk__in=[answer.pk for answer in gone]).update(withdrawn_at=now)
    undone = [
        answers.undo_of(answer, uuid.uuid4(), answers.hash_of("undo", answer.pk), now)
        for answer in gone
    ]
    for row in Annotation.objects.bulk_create(undone, batch_size=BATCH):
        adjudication.follow(row, now)
    for start in range(0, len(touched), BATCH):
        crowd.decide_batch(project, touched[start : start + BATCH], now, keeps_skills=False)
    return gone
