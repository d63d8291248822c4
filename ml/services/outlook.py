"""Compute the figures about labels to come, now and then, and store them for the page."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from labeling.selectors import consensus, projects
from labeling.services import journal
from ml.models import Outlook
from ml.selectors import outlook, registry
from ml.services import top_up

if TYPE_CHECKING:
    from datetime import datetime

    from labeling.selectors.projects import ProjectRow

GROWTH = 1.05
"""With every twentieth label more, as heads are compared for the stop advice."""

AT_LEAST_EVERY = timedelta(minutes=10)
"""While answers come: audit answers change the figures too, and add no label."""

REST = 50
"""Times as long as a computation took, before answers alone bring the next: where it is quick, the
page need not show figures that are ten minutes behind the tiles above them."""

AT_MOST_EVERY = timedelta(seconds=60)
"""Also how soon a computation that never ended is begun again."""

DIVERSE = "max_herding"
"""Covers the pool and asks no classifier: what chooses where the own function does not pay."""

SURELY_NONE, LIKELY_SOME = 0.1, 0.5
"""Chances of a gain over random labels: below the first the fallback comes, above the second it
goes. Two equal ways of choosing would else take turns with every look."""


def is_due(project_id: int, *, now: datetime) -> bool:
    """Tell whether the figures are out of date; four cheap queries at most."""
    champion = registry.serving_brief(project_id)
    if champion is None:
        return False
    stored = Outlook.objects.filter(project_id=project_id).first()
    if stored is None:
        return True
    if now - stored.asked_at < AT_MOST_EVERY:
        return False
    if stored.figures is None or stored.target != projects.by_id(project_id).target_accuracy:
        return True
    known = stored.figures["labels"]
    if champion.n_labels >= known * GROWTH or champion.backbone != stored.figures["backbone"]:
        return True
    rest = min(AT_LEAST_EVERY, timedelta(seconds=REST * stored.seconds))
    is_old = stored.computed_at is None or now - stored.computed_at >= rest
    return is_old and consensus.data_version(project_id) > stored.data_version


def update(*, project_id: int, now: datetime) -> bool:
    """Compute and store; give whether this call did. Any number of calls may meet."""
    if not _claim(project_id, now):
        return False
    started = time.perf_counter()
    project = projects.by_id(project_id)
    data_version = consensus.data_version(project_id)
    champion = registry.champion(project_id)
    figures = outlook.compute(project_id)
    stored = Outlook.objects.get(project_id=project_id)
    choose(stored, project, figures, now)
    stored.model_version_id = champion.version_id if champion else None
    stored.data_version = data_version
    stored.target = project.target_accuracy
    stored.figures = figures
    stored.seconds = time.perf_counter() - started
    stored.computed_at = now
    stored.save()
    top_up.end_reached(project_id=project_id, now=now)
    return True


def _claim(project_id: int, now: datetime) -> bool:
    """Take the work, unless somebody has just begun it."""
    stored, is_new = Outlook.objects.get_or_create(
        project_id=project_id, defaults={"asked_at": now}
    )
    if is_new:
        return True
    mine = Outlook.objects.filter(pk=stored.pk, asked_at=stored.asked_at)
    return bool(mine.filter(asked_at__lte=now - AT_MOST_EVERY).update(asked_at=now))


def choose(stored: Outlook, project: ProjectRow, figures: dict[str, Any], now: datetime) -> None:
    """Set the fallback where choosing does not pay, take it back where it may; the caller saves.

    By the random arm alone: the audit slice steers nothing (rule 1).
    """
    gain = figures["gain"]
    if gain is None or project.acquisition_function in (DIVERSE, "random"):
        stored.fallback = stored.fallback_because = ""
        return
    if gain["chance"] < SURELY_NONE and not stored.fallback:
        stored.fallback = DIVERSE
        stored.fallback_because = (
            f"{project.acquisition_function} was set aside for {DIVERSE}: on {gain['n']} labels "
            "drawn at random, as many random labels taught the classifier no less than the chosen "
            f"ones (chance of a gain {round(100 * gain['chance'])} in 100)."
        )
        _journal(project, stored.fallback_because, now)
    elif gain["chance"] > LIKELY_SOME and stored.fallback:
        because = (
            f"{project.acquisition_function} chooses again: on {gain['n']} labels drawn at random "
            f"the chance of a gain is {round(100 * gain['chance'])} in 100."
        )
        stored.fallback = stored.fallback_because = ""
        _journal(project, because, now)


def _journal(project: ProjectRow, because: str, now: datetime) -> None:
    journal.record_event(
        project_id=project.pk,
        user_id=None,
        verb="acquisition_fallback",
        target=because[:120],
        now=now,
    )
