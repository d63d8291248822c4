"""One request an answer: store it, then fill the tab's window again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labeling.models import Annotator
from labeling.services import annotations as annotation_service
from labeling.services import queue

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """The stored answer, and what the tab holds now."""

    submitted: annotation_service.Submitted
    claimed: queue.Claimed


def answer_and_refill(
    *,
    annotator_id: int,
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
    """Submit an answer and claim what the tab's window lacks then.

    Two transactions: the answer is durable whatever becomes of the claim, and its locks are gone
    before the claim takes its own. What was said is hashed for the idempotency key; how long it
    took is not, so that a retry that measures again is still a retry.

    Raises:
        LabelingError: as `annotations.submit`.
    """
    submitted = annotation_service.submit(
        annotator_id=annotator_id,
        assignment_public_id=assignment_public_id,
        key=key,
        request_hash=annotation_service.hash_of(
            str(assignment_public_id), kind, sorted(label_codes), flag_reason
        ),
        kind=kind,
        label_codes=label_codes,
        flag_reason=flag_reason,
        time_spent_ms=time_spent_ms,
        shown=shown,
        now=now,
    )
    annotator = Annotator.objects.select_related("project").get(pk=annotator_id)
    claimed = queue.claim(
        project_id=annotator.project_id,
        annotator_id=annotator_id,
        count=annotator.project.client_window,
        client=client,
        now=now,
    )
    return Answered(submitted, claimed)
