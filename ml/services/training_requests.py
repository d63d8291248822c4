"""Training by the staff room's buttons. The sweep finds the rows and enqueues them (rule 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors import consensus, projects
from labeling.services import journal
from ml.errors import MlError
from ml.heads import challenger
from ml.heads.classifier import FOLDS
from ml.models import TrainingKind
from ml.selectors import registry
from ml.services import finetune, refit, runs

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from ml.models import TrainingRun

MOST_LABELS = 10_000
"""Six fits on more take minutes, and answers would wait for them."""


class NotForThisProjectError(MlError):
    """This kind of head cannot be fitted on what there is, or checked."""

    code = "head_not_possible"
    status = 409


class RefitUnderWayError(MlError):
    """A refit runs; they take turns."""

    code = "refit_under_way"
    status = 409


def by_hand(*, project_id: int, kind: str, user_id: int | None, now: datetime) -> UUID:
    """Queue a head refit, a fine-tune or another kind of head and give its public id.

    An active run of the kind is given again.

    Args:
        project_id: of the project.
        kind: "head", "finetune", or one of `challenger.KINDS`.
        user_id: who asks.
        now: the time.

    Raises:
        FineTuneNotEnabledError, TooFewLabelsError, BudgetExhaustedError: a fine-tune cannot run.
        NotForThisProjectError, RefitUnderWayError: another kind of head cannot.
    """
    if kind == "finetune":
        run = finetune.request(project_id=project_id, trigger="button", now=now)
    elif kind in challenger.KINDS:
        run = _challenge(project_id, kind, now)
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


def _challenge(project_id: int, kind: str, now: datetime) -> TrainingRun:
    """Queue a head of another kind; the gate decides whether it serves."""
    project = projects.by_id(project_id)
    if project.mode == "MULTI":
        raise NotForThisProjectError(
            "Logistic regression says one label an image; this project takes several."
        )
    if registry.serving_brief(project_id) is None:
        raise NotForThisProjectError(
            "There is no classifier yet to compare with; the first one comes by itself."
        )
    _refuse_unfit(project_id)
    active = runs.active(project_id, TrainingKind.HEAD)
    run = active or refit.request(project_id=project_id, trigger=kind, now=now)
    if run.trigger != kind:
        raise RefitUnderWayError("A refit is under way; try again in a few seconds.")
    return run


def _refuse_unfit(project_id: int) -> None:
    rows = consensus.training_rows(project_id)
    n, n_groups = len(rows.image_ids), len(np.unique(rows.groups))
    if n > MOST_LABELS:
        raise NotForThisProjectError(
            f"{n:,} labels are too many to fit it six times over: answers would wait. It takes "
            f"{MOST_LABELS:,} at most."
        )
    if n_groups < FOLDS or len(np.unique(rows.posteriors.argmax(axis=1))) < 2:
        raise NotForThisProjectError(
            f"It takes two labels and {FOLDS} images that have nothing to do with each other to "
            f"check it; there are {n_groups} such images."
        )
