"""The "all the same?" grid: images nearly the same as one just answered, confirmed at once.

Each ticked image gets an ordinary answer of its own, so that undo, consensus and export know
nothing of grids. It tells nothing of how good its author is, nor of whether images nearly the same
bear one label: that is what was asked. Offered after few answers only, and never for audit or gold
images: what is measured is answered image by image.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from labeling.consensus import policy
from labeling.errors import LabelingError
from labeling.models import (
    AlikeImage,
    Annotation,
    AnnotationKind,
    Assignment,
    AssignmentState,
    Mode,
    Partition,
    QueueEntry,
    QueueEntryState,
    Reason,
)
from labeling.selectors import alike, labelers
from labeling.services import annotations as annotation_service
from labeling.services import answers, assignments, queue, slots, standing
from labeling.services.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from labeling.models import Project
    from labeling.selectors.labelers import Labeler

POLICY = policy.CONFIRMED
SALT = 0xA11_5A3E
"""Keeps this draw apart from the project's other draws from the same seed."""


class AlikeNotOfferedError(LabelingError):
    """That answer offers no grid."""

    code = "alike_not_offered"
    status = 409


@dataclass(frozen=True, slots=True)
class Ticked:
    """One image that is the same: its assignment, and the client's key for the answer."""

    assignment: UUID
    key: UUID


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a grid left.

    Attributes:
        annotations: one answer a ticked image, those of an earlier try included.
        lost: ticked images that somebody else was quicker with; nothing was stored for them.
        decided: images that need no more answers now.
    """

    annotations: list[Annotation]
    lost: int
    decided: int


def is_offered(project: Project, answer: Annotation) -> bool:
    """Tell whether the page may ask "all the same?" after an answer.

    The draw comes from the project's secret seed, the image and the person: answering again after
    an undo gives no other.
    """
    if not _may_offer(project, answer):
        return False
    return alike.is_worth_asking(answer)


def claim(
    *, annotator_id: int, annotation_public_id: UUID, client: str, now: datetime
) -> list[Assignment]:
    """Hand the free images nearly the same as an answered one to who answered it, at most 19.

    None where fewer than `alike.FEWEST_MEMBERS` are left by now.

    `client` names the grid: it is no tab that labels, and `queue.release` with it gives them back.
    Asking again gives the same images.

    Raises:
        AlikeNotOfferedError: the answer is not theirs, was taken back, or offers no grid.
        AnnotatorPausedError: they may not answer just now.
    """
    labeler = labelers.known(annotator_id)
    with transaction.atomic():
        assignments.lock_labeler(labeler.annotator)
        refused = standing.refusal(labeler.annotator)
        if refused is not None:
            raise annotation_service.AnnotatorPausedError(refused)
        answer = _answer(labeler, annotation_public_id)
        held = _held(annotator_id, client, now)
        if not held:
            ids = list(alike.free_members(answer).values_list("pk", flat=True))
            held = _hand_out(labeler, answer, ids[: alike.MOST_MEMBERS], client, now)
    return held


def confirm(
    *,
    annotator_id: int,
    annotation_public_id: UUID,
    client: str,
    ticked: Sequence[Ticked],
    unticked: Sequence[UUID],
    time_spent_ms: int | None,
    now: datetime,
) -> Confirmed:
    """Store the grid: a label for each ticked image, the others back to the queue, in one go.

    Idempotent by the keys. With each answer is stored that a grid was shown, how large, and how
    many were unticked, so that answers given so can be compared with others. An unticked image is
    never lent a label of this group again.

    Raises:
        AlikeNotOfferedError: the answer is not theirs, was taken back, or offers no grid.
        InvalidAnswerError, AssignmentNotFoundError, KeyReusedError: as `annotations.submit`.
    """
    labeler = labelers.known(annotator_id)
    stored: list[annotation_service.Submitted] = []
    lost = 0
    with transaction.atomic():
        assignments.lock_annotator(annotator_id)
        first = _answer(labeler, annotation_public_id)
        codes = [said.label.code for said in first.labels.select_related("label")]
        shown = {
            "grid": {
                "of": len(ticked) + len(unticked),
                "unticked": len(unticked),
                "label": codes[0],
                "annotation": str(first.public_id),
            }
        }
        mine = Assignment.objects.filter(
            annotator_id=annotator_id,
            public_id__in=[*unticked, *(one.assignment for one in ticked)],
        )
        image_of = dict(mine.values_list("public_id", "image_id"))
        slots.lock_images(sorted(image_of.values()))
        each_ms = None if time_spent_ms is None else time_spent_ms // max(1, len(ticked))
        for one in sorted(ticked, key=lambda one: image_of.get(one.assignment, 0)):
            kind = AnnotationKind.LABEL.value
            digest = answers.hash_of(str(one.assignment), kind, codes, "")
            answer = Answer(kind, codes, one.key, digest, "", each_ms, shown)
            try:
                stored.append(annotation_service.store(labeler, one.assignment, answer, now))
            except (
                annotation_service.AssignmentExpiredError,
                annotation_service.AlreadyAnsweredError,
            ):
                lost += 1
        apart = [image_of[public_id] for public_id in unticked if public_id in image_of]
        AlikeImage.objects.filter(image_id__in=apart).update(set_apart_at=now)
        queue.release(annotator_id=annotator_id, client=client, now=now)
    return Confirmed(
        [one.annotation for one in stored],
        lost,
        sum(one.decides and not one.is_repeat for one in stored),
    )


def _may_offer(project: Project, answer: Annotation) -> bool:
    if project.mode != Mode.SINGLE or answer.kind != AnnotationKind.LABEL:
        return False
    held = answer.assignment
    is_plain = held is not None and held.reason in (Reason.ACQUIRED, Reason.RANDOM)
    if not is_plain or answer.image.partition != Partition.POOL:
        return False
    if held is not None and held.policy == POLICY:
        return False
    return _drawn(project.seed, answer.image_id, answer.annotator_id) < project.alike_share


def _drawn(seed: int, image_id: int, annotator_id: int) -> float:
    """Draw between 0 and 1; by a hash, since every answer asks and a generator takes longer."""
    said = f"{SALT} {seed} {image_id} {annotator_id}".encode()
    return int.from_bytes(hashlib.blake2b(said, digest_size=7).digest()) / (1 << 56)


def _answer(labeler: Labeler, public_id: UUID) -> Annotation:
    found = (
        Annotation.objects.filter(
            public_id=public_id, annotator=labeler.annotator, withdrawn_at__isnull=True
        )
        .select_related("image", "assignment")
        .first()
    )
    if found is None or not _may_offer(labeler.project, found):
        raise AlikeNotOfferedError(
            f"There are no images to confirm after the answer {public_id}; go on with the next one."
        )
    return found


def _held(annotator_id: int, client: str, now: datetime) -> list[Assignment]:
    return list(
        Assignment.objects.filter(
            annotator_id=annotator_id,
            client=client,
            policy=POLICY,
            state=AssignmentState.OPEN,
            expires_at__gt=now,
        )
        .select_related("image")
        .order_by("image_id", "pk")
    )


def _hand_out(
    labeler: Labeler, answer: Annotation, image_ids: list[int], client: str, now: datetime
) -> list[Assignment]:
    """Hand images out that are still free once they and their queue entries are locked."""
    project, first = labeler.project, answer.assignment
    assert first is not None  # noqa: S101 - `_may_offer` has looked
    locked = slots.lock_images(image_ids)
    # A claim passes over locked entries, and has finished with those that were just granted.
    entries = QueueEntry.objects.select_for_update(no_key=True).filter(
        image_id__in=image_ids, state=QueueEntryState.OPEN
    )
    entry_of = {row.image_id: row.pk for row in entries.order_by("pk")}
    still = set(alike.free_members(answer).filter(pk__in=image_ids).values_list("pk", flat=True))
    images = [image for image in locked if image.pk in still]
    if len(images) < alike.FEWEST_MEMBERS:
        return []
    made = [
        Assignment(
            project=project,
            image=image,
            annotator=labeler.annotator,
            entry_id=entry_of.get(image.pk),
            reason=Reason.ACQUIRED,
            policy=POLICY,
            model_version=first.model_version,
            selection_probability=project.alike_share,
            serve_number=first.serve_number,
            client=client,
            suggestion={},
            created_at=now,
            expires_at=now + timedelta(seconds=project.assignment_ttl_s),
        )
        for image in images
    ]
    Assignment.objects.bulk_create(made)
    slots.recount(project, images, now)
    return made
