"""One request an answer: store it, then fill the tab's window again.

Answers that come while others of the project are being stored are stored together, in one
transaction (`labeling.selectors.combining`, `docs/adr/0010`). Nobody is told so before its commit,
and whatever is not plain is answered alone, as if nobody else were there.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connection

from labeling.selectors import labelers, recognition
from labeling.selectors.combining import Combiner, on_their_way, writing
from labeling.services import annotations as annotation_service
from labeling.services import batches, claims, joint_claims, queue, standing
from labeling.services.answers import Answer
from labeling.services.batches import Asked

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

    from labeling.models import Assignment
    from labeling.selectors.labelers import Labeler
    from labeling.selectors.recognition import Recognised

logger = logging.getLogger(__name__)
MOST_TOGETHER = 32
PROJECTS_KEPT = 256


@dataclass(frozen=True, slots=True)
class Answered:
    """The stored answer, and what the tab holds now."""

    submitted: annotation_service.Submitted
    claimed: queue.Claimed


def answer_and_refill(
    *,
    labeler: Labeler,
    client: str,
    assignment_public_id: uuid.UUID,
    key: uuid.UUID,
    kind: str,
    label_codes: Sequence[str],
    flag_reason: str,
    time_spent_ms: int | None,
    shown: dict[str, Any],
    now: datetime,
    proof: Recognised | None = None,
) -> Answered:
    """Submit an answer and claim what the tab's window lacks then, in one transaction.

    The claim comes last, so the serve counter is locked for as long as a commit takes. Where it
    finds too little, the answer is committed first and more is looked for afterwards. What was
    said is hashed for the idempotency key; how long it took is not, so that a retry that measures
    again is still a retry.

    Where the labeler comes from memory, `proof` is confirmed in the transaction that stores the
    answer.

    Raises:
        LabelingError: as `annotations.submit`.
        ForgottenError: they are no longer who they were; nothing was stored.
    """
    request_hash = annotation_service.hash_of(
        str(assignment_public_id), kind, sorted(label_codes), flag_reason
    )
    answer = Answer(kind, label_codes, key, request_hash, flag_reason, time_spent_ms, shown)
    holder = queue.holder_of(labeler, client, labeler.project.client_window)
    asked = Asked(labeler, holder, assignment_public_id, answer, now, proof)
    # A commit of others would not be this one's.
    if queue.is_simple(labeler, now) and not connection.in_atomic_block:
        done = _combiner(labeler.project.public_id).ask(asked)
        if done is not None:
            return _finished(asked, done)
    if proof is not None:
        labeler = recognition.look_again(proof, now)
        holder = queue.holder_of(labeler, client, labeler.project.client_window)
        asked = Asked(labeler, holder, assignment_public_id, answer, now)
    if not queue.is_simple(labeler, now):
        return _one_after_the_other(labeler, holder, assignment_public_id, answer, now)
    return _finished(asked, _alone(asked))


@dataclass(frozen=True, slots=True)
class _Done:
    """What a transaction has stored and taken; `held`, where it was read for several at once."""

    submitted: annotation_service.Submitted
    taken: claims.Taken
    is_paused: bool = False
    held: list[Assignment] | None = None


_combiners: dict[uuid.UUID, Combiner[Asked, _Done]] = {}


def _combiner(project: uuid.UUID) -> Combiner[Asked, _Done]:
    found = _combiners.get(project)
    if found is None:
        if len(_combiners) >= PROJECTS_KEPT:  # Two for one project share less, and harm nothing.
            _combiners.clear()
        made = Combiner(_answer_all, most=MOST_TOGETHER, apart=_annotator_of, passage=on_their_way)
        found = _combiners.setdefault(project, made)
    return found


def _annotator_of(asked: Asked) -> int:
    return asked.labeler.annotator.pk


def _answer_all(asked: Sequence[Asked]) -> list[_Done | None]:
    """Answer for several people of one project in one transaction; None for who goes alone."""
    try:
        return _together(asked)
    except DatabaseError:
        # Nothing is stored. Whoever it was, the others must not fail with them.
        logger.warning("%d answers together failed; each goes alone", len(asked), exc_info=True)
        return [None] * len(asked)


def _together(asked: Sequence[Asked]) -> list[_Done | None]:
    now = max(one.now for one in asked)
    with writing():
        stored = batches.store(asked, now)
        plain = [
            (place, one, submitted)
            for place, (one, submitted) in enumerate(zip(asked, stored, strict=True))
            if submitted is not None
        ]
        granted = joint_claims.take_all([one.holder for _, one, _ in plain], now)
    done: list[_Done | None] = [None] * len(asked)
    for (place, _, submitted), got in zip(plain, granted, strict=True):
        done[place] = _Done(submitted, got.taken, held=got.held)
    return done


def _alone(asked: Asked) -> _Done:
    labeler, now = asked.labeler, asked.now
    with writing():
        submitted = annotation_service.store(labeler, asked.assignment_public_id, asked.answer, now)
        # Their gold answers may just have paused them.
        is_paused = standing.refusal(labeler.annotator) is not None
        taken = claims.NOTHING if is_paused else claims.take(asked.holder, now)
    return _Done(submitted, taken, is_paused)


def _finished(asked: Asked, done: _Done) -> Answered:
    holder, now = asked.holder, asked.now
    if done.is_paused:
        queue.release(annotator_id=holder.annotator.pk, now=now)
        return Answered(done.submitted, queue.claim_for(holder, now))
    return Answered(done.submitted, queue.fill(holder, done.taken, now, held=done.held))


def _one_after_the_other(
    labeler: Labeler,
    holder: claims.Holder,
    assignment_public_id: uuid.UUID,
    answer: Answer,
    now: datetime,
) -> Answered:
    """Answer, then claim: for newcomers, and for those who get nothing more."""
    with writing():
        submitted = annotation_service.store(labeler, assignment_public_id, answer, now)
    after = labelers.known(labeler.annotator.pk)
    if standing.refusal(after.annotator) is not None:
        queue.release(annotator_id=after.annotator.pk, now=now)
    return Answered(submitted, queue.claim_for(replace(holder, annotator=after.annotator), now))
