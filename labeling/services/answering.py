"""One request an answer: store it, then fill the tab's window again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db import transaction

from labeling.selectors import labelers
from labeling.services import annotations as annotation_service
from labeling.services import claims, queue, standing
from labeling.services.answers import Answer

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime

    from labeling.selectors.labelers import Labeler


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
) -> Answered:
    """Submit an answer and claim what the tab's window lacks then, in one transaction.

    The claim comes last, so the serve counter is locked for as long as a commit takes. Where it
    finds too little, the answer is committed first and more is looked for afterwards. What was
    said is hashed for the idempotency key; how long it took is not, so that a retry that measures
    again is still a retry.

    Raises:
        LabelingError: as `annotations.submit`.
    """
    request_hash = annotation_service.hash_of(
        str(assignment_public_id), kind, sorted(label_codes), flag_reason
    )
    answer = Answer(kind, label_codes, key, request_hash, flag_reason, time_spent_ms, shown)
    holder = queue.holder_of(labeler, client, labeler.project.client_window)
    if not queue.is_simple(labeler, now):
        return _one_after_the_other(labeler, holder, assignment_public_id, answer, now)
    with transaction.atomic():
        submitted = annotation_service.store(labeler, assignment_public_id, answer, now)
        # Their gold answers may just have paused them.
        is_paused = standing.refusal(labeler.annotator) is not None
        taken = claims.NOTHING if is_paused else claims.take(holder, now)
    if is_paused:
        queue.release(annotator_id=labeler.annotator.pk, now=now)
        return Answered(submitted, queue.claim_for(holder, now))
    return Answered(submitted, queue.fill(holder, taken, now))


def _one_after_the_other(
    labeler: Labeler,
    holder: claims.Holder,
    assignment_public_id: uuid.UUID,
    answer: Answer,
    now: datetime,
) -> Answered:
    """Answer, then claim: for newcomers, and for those who get nothing more."""
    with transaction.atomic():
        submitted = annotation_service.store(labeler, assignment_public_id, answer, now)
    after = labelers.known(labeler.annotator.pk)
    if standing.refusal(after.annotator) is not None:
        queue.release(annotator_id=after.annotator.pk, now=now)
    return Answered(submitted, queue.claim_for(replace(holder, annotator=after.annotator), now))
