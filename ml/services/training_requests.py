"""Training by the staff room's buttons. The sweep finds the rows and enqueues them (rule 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeling.services import journal
from ml.services import finetune, refit

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


def by_hand(*, project_id: int, kind: str, user_id: int | None, now: datetime) -> UUID:
    """Queue a head refit or a fine-tune and give its public id; an active run is given again.

    Raises:
        FineTuneNotEnabledError, TooFewLabelsError, BudgetExhaustedError: a fine-tune cannot run.
    """
    if kind == "finetune":
        run = finetune.request(project_id=project_id, trigger="button", now=now)
    else:
        run = refit.request(project_id=project_id, trigger="staff", now=now)
    journal.record_event(
        project_id=project_id,
        user_id=user_id,
        verb="train",
        target=kind,
        now=now,
    )
    return run.public_id
