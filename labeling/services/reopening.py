"""Audit images asked again because the labels to choose from have changed.

An answer given before a label existed says nothing of that label. In the pool such an answer is
merely old; in the audit slice it would make the accuracy on the new label a guess, so whoever gave
it is asked again. What they said stays as a withdrawn row.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from labeling.models import Annotation, AnnotationKind, ConsensusState, Partition
from labeling.services import adjudication, answers, consensus, slots, windows

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from labeling.models import Image, Project

UNDECIDED = (ConsensusState.NONE_OF_THESE, ConsensusState.OPEN)
"""What experts are asked already (DISPUTED) they answer with the new label before them."""


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
    return len(withdraw(project=project, said=said, now=now))


def withdraw(*, project: Project, said: QuerySet[Annotation], now: datetime) -> list[Image]:
    """Withdraw the live ones of these answers and decide their images anew; give the images.

    Each answer by a compensating row, as its author would do it, so that they may be asked again.
    Inside a transaction.
    """
    live = said.filter(withdrawn_at__isnull=True)
    images = slots.lock_images(live.values_list("image_id", flat=True).distinct())
    # Read again: an answer may have been taken back before the lock was granted.
    for answer in live.filter(image__in=images).order_by("pk"):
        undone = answers.withdraw(answer, uuid.uuid4(), answers.hash_of("undo", answer.pk), now)
        adjudication.follow(undone, now)
    changed = consensus.update_many(project=project, images=images, now=now)
    slots.recount(project, images, now)
    disputed = {row.image_id for row in changed if row.state == ConsensusState.DISPUTED}
    for image in images:
        if image.pk in disputed:
            windows.open_dispute(project, image, now)
    return images
