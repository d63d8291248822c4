"""When the slow loop pays: the conditions of `methods.md` §4, read from rows alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors import consensus, projects
from ml.models import ModelVersion, TrainingKind, TrainingRun
from ml.selectors import registry as registry_selectors
from ml.services import budget, finetune, runs

if TYPE_CHECKING:
    from datetime import datetime

    from labeling.selectors.projects import ProjectRow

MIN_LABELS_A_CLASS = 10
MIN_LABELS = 500
GROWTH = 1.5
"""An attempt pays again with half as many labels more than the last one had."""

FLAT_NATS = 0.05
"""The curve is flat where the last doubling of labels took less than this off the log-loss."""


def request_where_it_pays(*, project_id: int, now: datetime) -> TrainingRun | None:
    """Queue a fine-tune if all conditions of `methods.md` §4 hold; else do nothing.

    Enabled and not paused; one label an image; money left; enough new labels since the last attempt
    (the project's number, and half as many more); ten a class in the median, or 500; and a flat
    learning curve.
    """
    project = projects.by_id(project_id)
    if not project.finetune_enabled or project.training_paused_at is not None:
        return None
    if project.mode == "MULTI":
        return None
    champion = registry_selectors.champion(project_id)
    if champion is None or not _has_enough_new(project, champion.n_labels):
        return None
    is_busy = (
        runs.active(project_id, TrainingKind.FINETUNE) is not None
        or registry_selectors.waiting_challenger(project_id) is not None
    )
    pays = (
        not is_busy
        and budget.left(project, now=now) > 0
        and _has_enough_a_class(project_id)
        and _is_curve_flat(project_id, champion)
    )
    if not pays:
        return None
    return finetune.request(project_id=project_id, trigger="flat curve", now=now)


def _has_enough_new(project: ProjectRow, n_labels: int) -> bool:
    """Compare with the labels that the last attempt had; 0 before the first."""
    last = runs.newest_ended(project.pk, TrainingKind.FINETUNE)
    tried = int(last.settings.get("n_labels", 0)) if last else 0
    return n_labels >= project.finetune_min_new_labels + tried and n_labels >= GROWTH * tried


def _has_enough_a_class(project_id: int) -> bool:
    rows = consensus.training_rows(project_id)
    counts = np.bincount(rows.posteriors.argmax(axis=1), minlength=len(rows.codes))
    return len(rows.image_ids) >= MIN_LABELS or float(np.median(counts)) >= MIN_LABELS_A_CLASS


def _is_curve_flat(project_id: int, champion: registry_selectors.ChampionView) -> bool:
    """Compare the champion's leave-group-out log-loss with that at half as many labels.

    On the labels people gave, not on the audit slice, which steers nothing (rule 1).
    """
    half = (
        ModelVersion.objects.filter(
            project_id=project_id,
            embedding_set_id=champion.embedding_set_id,
            n_labels__lte=champion.n_labels / 2,
            promoted_at__isnull=False,
        )
        .order_by("-n_labels", "-pk")
        .values_list("metrics", flat=True)
        .first()
    )
    if half is None or "log_loss" not in half:
        return False
    return bool(half["log_loss"] - champion.metrics.get("log_loss", 0.0) < FLAT_NATS)
