"""Snapshots of agreement and of the label error to be expected, so that both have a history."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.consensus import agreement as maths
from labeling.models import AgreementSnapshot, Mode, Project
from labeling.selectors import agreement as selectors

if TYPE_CHECKING:
    from datetime import datetime

    from labeling.consensus.agreement import Agreement, Alpha

EVERY = timedelta(days=1)
SALT = 0xA17A
DIGITS = 6


def take(*, project_id: int, now: datetime) -> AgreementSnapshot:
    """Measure agreement and the error of an export as they are now, and keep the figures.

    A project with several labels an image has no single answer to agree on; its figures are null.
    """
    project = Project.objects.get(pk=project_id)
    expected = selectors.expected(project_id)
    detail: dict[str, Any] = {"n_images": 0, "n_answers": 0, "n_exported": expected.n}
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
        expected_error=expected.error,
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
