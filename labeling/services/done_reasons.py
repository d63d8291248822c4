"""Why somebody gets no image to label, in a sentence for the page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from labeling.selectors import counts, progress
from labeling.selectors import images as image_selectors
from labeling.selectors import queue as queue_selectors
from labeling.services import standing

if TYPE_CHECKING:
    from datetime import datetime

    from labeling.models import Annotator, Project


@dataclass(frozen=True, slots=True)
class DoneReason:
    """Why there is nothing to label now: a code and a sentence for the page."""

    code: str
    message: str


def refusal(project: Project, annotator: Annotator, now: datetime) -> DoneReason | None:
    """Say why this annotator may label nothing; None where they may."""
    if project.archived_at is not None:
        return DoneReason("archived", "This project has ended. Thank you for every answer.")
    if project.labeling_paused_at is not None:
        return DoneReason("paused", "Labeling is paused by the coordinator. Come back later.")
    refused = standing.refusal(annotator)
    if refused is not None:
        return DoneReason("annotator_paused", refused)
    is_capped = project.max_annotator_share is not None
    if is_capped and counts.has_share(project, annotator, now):
        return DoneReason(
            "share_reached",
            "You have given as large a share of all answers as this project takes from one person.",
        )
    return None


def why_nothing(project: Project, annotator: Annotator, client: str, now: datetime) -> DoneReason:
    """Say why a tab holds nothing though labeling goes on."""
    far = progress.for_project(project.pk)
    if far.total == 0:
        if image_selectors.waiting_count(project.pk):
            return DoneReason("images_coming", "They are being prepared; the first one comes soon.")
        return DoneReason(
            "no_images",
            "Nobody has added images to this project yet. "
            "Leave this page open, or come back later: the first one appears here by itself.",
        )
    if far.remaining == 0:
        return DoneReason("all_labeled", "Thank you! New ones appear here by themselves.")
    until = queue_selectors.held_by_others_until(project.pk, annotator.pk, client)
    if until is not None:
        return DoneReason(
            "held_by_others",
            "Others, or another tab of yours, are busy with the last images. "
            f"One that a closed page still holds is free again {_within(until - now)}.",
        )
    return DoneReason(
        "nothing_for_you",
        "You have seen every image that is left; the rest is for other people to answer.",
    )


def _within(left: timedelta) -> str:
    minutes = math.ceil(left / timedelta(minutes=1))
    if minutes < 1:
        return "in a moment"
    return "within a minute" if minutes == 1 else f"within {minutes} minutes"
