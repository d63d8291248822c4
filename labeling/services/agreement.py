"""Snapshots of agreement and of the label error to be expected, so that both have a history."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.consensus import agreement as maths
from labeling.consensus.shares import DIGITS
from labeling.models import AgreementSnapshot, Mode, Project
from labeling.selectors import agreement as selectors
from labeling.services import label_error

if TYPE_CHECKING:
    from datetime import datetime

    from labeling.consensus.agreement import Agreement, Alpha
    from labeling.consensus.error import Expected

EVERY = timedelta(days=1)
SALT = 0xA17A


def take(*, project_id: int, now: datetime) -> AgreementSnapshot:
    """Measure agreement and the error of an export as they are now, and keep the figures.

    A project with several labels an image has no single answer to agree on; its figures are null.
    """
    project = Project.objects.get(pk=project_id)
    expected = label_error.expected(project)
    detail: dict[str, Any] = {"n_images": 0, "n_answers": 0, "n_exported": 0}
    if expected is not None:
        detail |= {"n_exported": expected.n, "expected": _account(expected)}
    found, codes = None, tuple[str, ...]()
    if project.mode == Mode.SINGLE:
        said = selectors.opinions(project_id)
        codes = said.codes
        detail |= {"n_images": said.n_images, "n_answers": len(said.label)}
        found = maths.krippendorff(
            said.image,
            said.label,
            n_outcomes=len(codes),
            rng=np.random.default_rng([project.seed, SALT]),
        )
    overall = None if found is None else _known(found.overall)
    return AgreementSnapshot.objects.create(
        project=project,
        at=now,
        alpha=overall["estimate"] if overall else None,
        interval=[overall["low"], overall["high"]] if overall else None,
        by_label={} if found is None else _by_label(found, codes),
        expected_error=None if expected is None else round(expected.error, DIGITS),
        detail=detail,
    )


def take_due(*, now: datetime) -> int:
    """Take the day's snapshot of every live project with new answers; give how many."""
    taken = 0
    for project in Project.objects.filter(archived_at__isnull=True).order_by("pk"):
        last = selectors.newest(project.pk)
        is_time = last is None or now - last.at >= EVERY
        if is_time and selectors.due(project):
            take(project_id=project.pk, now=now)
            taken += 1
    return taken


def quality(project_id: int) -> dict[str, Any]:
    """Say what an export's labels are worth: for the file that goes with it."""
    now = label_error.expected(Project.objects.get(pk=project_id))
    last = selectors.newest(project_id)
    account = {} if now is None else _account(now)
    return {
        "labels": 0 if now is None else now.n,
        "expected_error": None if now is None else round(now.error, DIGITS),
        "expected_error_interval": [account["low"], account["high"]] if account else None,
        "expected_error_by_model": account.get("by_model"),
        "expected_error_checked": account.get("checked", 0),
        "expected_error_means": account.get("means", ""),
        "agreement": None if last is None else last.alpha,
        "agreement_interval": None if last is None else last.interval,
        "agreement_at": None if last is None else last.at.isoformat(),
        "agreement_means": "Krippendorff's alpha (nominal) of people's independent answers, with "
        "its 95 % bootstrap interval over images.",
    }


def _account(found: Expected) -> dict[str, Any]:
    return {
        "low": round(found.low, DIGITS),
        "high": round(found.high, DIGITS),
        "by_model": round(found.by_model, DIGITS),
        "checked": found.n_checked,
        "means": _means(found),
    }


def _means(found: Expected) -> str:
    """Say in a sentence what the figure rests on."""
    if not found.n_checked:
        return (
            "No label has been checked by an expert yet. This rests on the model of the crowd "
            "alone, which takes people's mistakes for independent and was up to three times too "
            "low on simulated crowds; the interval allows for that. Labels of experts and imports "
            "are taken at their word."
        )
    return (
        f"Put right by {found.n_checked} labels whose truth experts have said, by gold or where "
        "they were asked about audit images. Labels of experts and imports are taken at their word."
    )


def _by_label(found: Agreement, codes: tuple[str, ...]) -> dict[str, Any]:
    """Give the figures by label code; labels nobody has named are left out."""
    return {
        code: {
            **(_known(one) or {"estimate": None, "low": None, "high": None}),
            "n_images": one.n_images,
        }
        for code, one in zip(codes, found.by_outcome, strict=True)
        if one.n_images
    }


def _known(one: Alpha) -> dict[str, Any] | None:
    if math.isnan(one.estimate):
        return None
    return {
        "estimate": round(one.estimate, DIGITS),
        "low": round(one.low, DIGITS),
        "high": round(one.high, DIGITS),
    }
