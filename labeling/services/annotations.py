"""Take answers in and take them back: append-only, idempotent, under the image's lock.

Whatever answers an image locks the image first (`slots.lock_images`): two answers to one image,
or a double click, come one after the other, and the second sees what the first has written.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from labeling.errors import LabelingError
from labeling.models import (
    Annotation,
    AnnotationKind,
    Annotator,
    Assignment,
    AssignmentState,
    Consensus,
    ConsensusState,
    Image,
    QueueEntry,
    QueueEntryState,
    Reason,
)
from labeling.selectors import annotations as annotation_selectors
from labeling.selectors import annotators, labelers, projects
from labeling.selectors.queue import ImageNotFoundError
from labeling.services import answers, assignments, presence, slots, standing
from labeling.services.answers import (
    InvalidAnswerError,
    KeyReusedError,
    hash_of,
)
from labeling.services.decisions import adjudicate, record_trusted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from labeling.selectors.labelers import Labeler

__all__ = [
    "AlreadyAnsweredError",
    "AnnotationNotFoundError",
    "AnnotatorPausedError",
    "AssignmentExpiredError",
    "AssignmentNotFoundError",
    "CannotUndoError",
    "ImageNotFoundError",
    "InvalidAnswerError",
    "KeyReusedError",
    "Submitted",
    "Undone",
    "adjudicate",
    "hash_of",
    "record_direct",
    "record_trusted",
    "submit",
    "undo",
]


class AssignmentNotFoundError(LabelingError):
    """No such assignment of this annotator."""

    code = "assignment_not_found"
    status = 404


class AnnotationNotFoundError(LabelingError):
    """No such answer of this annotator."""

    code = "annotation_not_found"
    status = 404


class AlreadyAnsweredError(LabelingError):
    """The annotator has a live answer to this image already."""

    code = "already_answered"
    status = 409


class AssignmentExpiredError(LabelingError):
    """The assignment ran out and the image needs no answer of this person any more."""

    code = "assignment_expired"
    status = 409


class CannotUndoError(LabelingError):
    """The answer is withdrawn already, or too long ago."""

    code = "cannot_undo"
    status = 409


class AnnotatorPausedError(LabelingError):
    """The coordinator has paused this annotator."""

    code = "annotator_paused"
    status = 403


@dataclass(frozen=True, slots=True)
class Submitted:
    """A stored answer.

    Attributes:
        annotation: the row.
        is_repeat: the key had been used for the same request before.
        decides: the image needs no more answers with this one, and did before.
    """

    annotation: Annotation
    is_repeat: bool
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Undone:
    """The withdrawn answer, and the image again as an assignment (None where it had none).

    `reopens`: the image needs answers now.
    """

    annotation: Annotation
    assignment: Assignment | None
    is_repeat: bool
    reopens: bool = False


def submit(
    *,
    annotator_id: int,
    assignment_public_id: uuid.UUID,
    key: uuid.UUID,
    request_hash: str,
    kind: str,
    label_codes: Sequence[str],
    flag_reason: str,
    time_spent_ms: int | None,
    shown: dict[str, Any],
    now: datetime,
) -> Submitted:
    """Store the answer to an assignment in one transaction; durable when this returns.

    `key` is the client's idempotency key: with the same `request_hash` (of the canonical request)
    it gives the first result again. `shown` is what the page showed: suggestion, order of labels.

    Raises:
        InvalidAnswerError: no label, a label that is retired or not of the project, several labels
            where one is asked for, or a flag without its reason.
        AssignmentNotFoundError: not an assignment of this annotator.
        AssignmentExpiredError: it ran out, and others have answered or hold the image now. One
            that ran out while the image is still free is accepted.
        AlreadyAnsweredError: the image has a live answer of this annotator under another key.
        KeyReusedError: the key was used for another request.
    """
    answer = answers.Answer(kind, label_codes, key, request_hash, flag_reason, time_spent_ms, shown)
    labeler = labelers.known(annotator_id)
    with transaction.atomic():
        return store(labeler, assignment_public_id, answer, now)


def store(
    labeler: Labeler, assignment_public_id: uuid.UUID, answer: answers.Answer, now: datetime
) -> Submitted:
    """Store an answer as `submit` does, as the first thing of a transaction.

    It locks the annotator, which puts everything one person sends in a row: of a double click,
    the second finds what the first has stored.
    """
    annotator = labeler.annotator
    assignment = assignments.lock(annotator, assignment_public_id)
    if assignment is None:
        raise AssignmentNotFoundError(f"You have no assignment {assignment_public_id}.")
    image = assignment.image
    repeat = _repeat_of(annotator, image, answer)
    if repeat is not None:
        return Submitted(repeat, is_repeat=True)
    _refuse_paused(annotator)
    if not assignments.close(assignment, now):
        _refuse_where_taken(assignment, image)
        assignments.close_late(assignment, now)
    if assignment.reason == Reason.DISPUTE:
        answer = replace(answer, is_expert=annotators.is_expert(annotator))
    assignment.annotator = annotator
    annotation = answers.write(
        annotator, image, answer, now, assignment=assignment, scheme=labeler.scheme
    )
    found = answers.follow(labeler.project, image, annotation, now, labeler.scheme)
    presence.saw(annotator, now)
    return Submitted(annotation, is_repeat=False, decides=found.resolved_at == now)


def record_direct(
    *,
    annotator_id: int,
    image_id: int,
    kind: str,
    label_codes: Sequence[str],
    key: uuid.UUID,
    now: datetime,
) -> Submitted:
    """Store an answer to an image that was not handed out: the try page, a client's feedback.

    Raises:
        InvalidAnswerError: as for `submit`.
        ImageNotFoundError: not an image of the annotator's project.
        AlreadyAnsweredError: the image has a live answer of this annotator under another key.
        KeyReusedError: the key was used for another request.
    """
    request_hash = hash_of(image_id, kind, sorted(label_codes))
    answer = answers.Answer(kind, label_codes, key, request_hash)
    with transaction.atomic():
        assignments.lock_annotator(annotator_id)
        annotator = Annotator.objects.select_related("project").get(pk=annotator_id)
        image = answers.locked(annotator.project_id, image_id)
        repeat = _repeat_of(annotator, image, answer)
        if repeat is not None:
            return Submitted(repeat, is_repeat=True)
        _refuse_paused(annotator)
        scheme = projects.current_scheme(annotator.project_id)
        annotation = answers.write(annotator, image, answer, now, scheme=scheme)
        answers.close_held(annotator, image, now)
        answers.follow(annotator.project, image, annotation, now, scheme)
        return Submitted(annotation, is_repeat=False)


def undo(
    *,
    annotator_id: int,
    annotation_public_id: uuid.UUID,
    key: uuid.UUID,
    now: datetime,
    client: str | None = None,
) -> Undone:
    """Withdraw one of the annotator's last 20 answers by a row of its own.

    The image comes back to them as an assignment, in the tab `client` or the one that held it
    before; the vote they took back is the slot they hold.

    Raises:
        AnnotationNotFoundError: not an answer of this annotator.
        AnnotatorPausedError: they are paused, or their answers are set aside.
        CannotUndoError: withdrawn already, or not among the last 20.
        KeyReusedError: the key was used for another request.
    """
    request_hash = hash_of("undo", annotation_public_id)
    with transaction.atomic():
        assignments.lock_annotator(annotator_id)
        answer = Annotation.objects.filter(
            public_id=annotation_public_id, annotator_id=annotator_id
        ).first()
        if answer is None or answer.kind == AnnotationKind.UNDO:
            raise AnnotationNotFoundError(f"You have no answer {annotation_public_id}.")
        image = slots.lock_images([answer.image_id])[0]
        repeat = answers.repeat_of(annotator_id, key, request_hash)
        if repeat is not None:
            return Undone(answer, _open_assignment(annotator_id, image.pk), is_repeat=True)
        annotator = Annotator.objects.select_related("project").get(pk=annotator_id)
        # It would hand them the image again, and move what staff may be about to look at.
        _refuse_paused(annotator)
        if answer.pk not in {row.pk for row in annotation_selectors.undoable(annotator_id)}:
            raise CannotUndoError(
                "This answer was taken back already, or is not among your last 20."
            )
        undo_row = answers.withdraw(answer, key, request_hash, now)
        assignment = _give_again(annotator, answer, client, now)
        found = answers.follow(annotator.project, image, undo_row, now)
    is_open = found.state == ConsensusState.OPEN
    return Undone(answer, assignment, is_repeat=False, reopens=is_open)


# --- reading under the lock ---------------------------------------------------------------


def _repeat_of(annotator: Annotator, image: Image, answer: answers.Answer) -> Annotation | None:
    """Give what an answer's key has stored before, or None where it is the first to an image.

    Raises:
        AlreadyAnsweredError: the image has a live answer under another key.
        KeyReusedError: the key was used for another request.
    """
    if not answers.has_said(annotator.pk, image.pk, answer.key):
        return None
    repeat = answers.repeat_of(annotator.pk, answer.key, answer.request_hash)
    if repeat is None:
        _refuse_second_answer(annotator, image)
    return repeat


def _refuse_second_answer(annotator: Annotator, image: Image) -> None:
    earlier = answers.live_answer(annotator, image)
    if earlier is not None:
        raise AlreadyAnsweredError(
            "You have answered this image already; your first answer stands.",
            annotation=str(earlier.public_id),
        )


def _refuse_paused(annotator: Annotator) -> None:
    refused = standing.refusal(annotator)
    if refused is not None:
        raise AnnotatorPausedError(refused)


def _refuse_where_taken(assignment: Assignment, image: Image) -> None:
    """Refuse an answer that came late, unless the image still has a free slot for it."""
    # Locked: a claim that is just taking the last slot has to be over before it is counted.
    entries = QueueEntry.objects.select_for_update(no_key=True).filter(
        image=image, state=QueueEntryState.OPEN
    )
    if assignment.reason != Reason.DISPUTE:
        entries = entries.exclude(reason=Reason.DISPUTE)  # Its slot is an expert's.
    entry = entries.first()
    is_free = entry is not None and entry.open_slots > 0
    if not is_free and not _is_untouched(image):
        raise AssignmentExpiredError(
            "This image was with you for too long; meanwhile it went to somebody else. "
            "Your answer was not counted.",
            assignment=str(assignment.public_id),
        )


def _is_untouched(image: Image) -> bool:
    """Tell whether the image left the queue undecided and in nobody's hands."""
    is_decided = Consensus.objects.filter(image=image).exclude(state=ConsensusState.OPEN).exists()
    is_waiting = QueueEntry.objects.filter(image=image, state=QueueEntryState.OPEN).exists()
    is_held = Assignment.objects.filter(image=image, state=AssignmentState.OPEN).exists()
    return not (is_decided or is_waiting or is_held)


def _open_assignment(annotator_id: int, image_id: int) -> Assignment | None:
    return (
        Assignment.objects.filter(
            annotator_id=annotator_id, image_id=image_id, state=AssignmentState.OPEN
        )
        .select_related("image")
        .first()
    )


def _give_again(
    annotator: Annotator, answer: Annotation, client: str | None, now: datetime
) -> Assignment | None:
    """Hand the image of a withdrawn answer to the same person again, as it was handed before."""
    first = answer.assignment
    if first is None:
        return None
    held = _open_assignment(annotator.pk, answer.image_id)
    if held is not None:
        return held
    again = Assignment(
        project_id=first.project_id,
        image_id=first.image_id,
        annotator=annotator,
        entry_id=first.entry_id,
        reason=first.reason,
        policy=first.policy,
        model_version=first.model_version,
        selection_probability=first.selection_probability,
        serve_number=first.serve_number,
        client=first.client if client is None else client,
        suggestion=first.suggestion,
        created_at=now,
        expires_at=now + timedelta(seconds=annotator.project.assignment_ttl_s),
    )
    again.save()
    return again
