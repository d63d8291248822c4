"""Hand images out and take them back: claim, renew, release, expire.

The claim's own statement is in `labeling.services.claims`; here is what happens around it: who may
claim at all, and what is done where a stream has run dry.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction

from labeling.models import (
    Annotator,
    Assignment,
    AssignmentState,
    Image,
    Project,
    Reason,
)
from labeling.selectors import annotators, labelers
from labeling.selectors import onboarding as onboarding_selectors
from labeling.selectors import queue as queue_selectors
from labeling.selectors.combining import writing
from labeling.services import (
    anchoring,
    assignments,
    claims,
    done_reasons,
    onboarding,
    presence,
    slots,
    standing,
    streams,
)
from labeling.services.done_reasons import DoneReason
from labeling.services.windows import (
    RefillEntry,
    is_chosen_for,
    refill,
    top_up,
    top_up_dry,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from labeling.selectors.labelers import Labeler

__all__ = [
    "Claimed",
    "DoneReason",
    "RefillEntry",
    "claim",
    "expire",
    "leave",
    "refill",
    "release",
    "renew",
    "sweep",
    "top_up",
    "top_up_now",
]

EXPIRY_BATCH = 200
MAY_RETURN = timedelta(seconds=20)
"""How long a page that was closed may take to come back, as a reload does."""
DRY_FOR = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one tab holds after a claim (with `image` loaded), or why it holds nothing."""

    assignments: list[Assignment]
    done: DoneReason | None


def claim(*, project_id: int, annotator_id: int, count: int, client: str, now: datetime) -> Claimed:
    """Fill the window of one tab; give everything it holds then, oldest first.

    The tab is to hold `count` images, at most the project's `client_window`; two tabs (`client`) of
    one person never hold the same image.

    Where a stream runs dry, overdue assignments are taken back and the windows topped up in the
    same call: the queue works without any worker. What is still missing then comes from the next
    stream, and the shortfall is counted.
    """
    labeler = labelers.known(annotator_id)
    if labeler.project.pk != project_id:
        raise Annotator.DoesNotExist(f"Project {project_id} has no annotator {annotator_id}.")
    return claim_for(holder_of(labeler, client, count), now)


def claim_for(holder: claims.Holder, now: datetime) -> Claimed:
    """Claim as `claim` does, for a tab whose rows are read already."""
    refusal = done_reasons.refusal(holder.project, holder.annotator, now)
    if refusal is not None:
        return Claimed([], refusal)
    _welcome(holder, now)
    with writing():
        assignments.lock_labeler(holder.annotator)
        taken = claims.take(holder, now)
        presence.saw(holder.annotator, now)
    return fill(holder, taken, now)


def holder_of(labeler: Labeler, client: str, count: int) -> claims.Holder:
    """Say which tab asks, and how many images it may hold."""
    project, annotator = labeler.project, labeler.annotator
    is_expert = project.dispute_serving_share > 0 and annotators.is_expert(annotator)
    size = max(0, min(count, project.client_window))
    return claims.Holder(project, annotator, client, size, is_expert)


def fill(
    holder: claims.Holder,
    taken: claims.Taken,
    now: datetime,
    *,
    held: list[Assignment] | None = None,
) -> Claimed:
    """Give what a tab holds after its claim; where that found too little, find more first.

    `held` is what it holds, where the caller has looked since the claim.
    """
    if taken.missing:
        _fill_dry(holder, taken.missing, now)
    else:
        _fill_ahead(holder.project, taken, now)
    refused = standing.refusal(holder.annotator)
    if refused is not None:  # Since this request began: what they hold is being given back.
        return Claimed([], DoneReason("annotator_paused", refused))
    if held is None or taken.missing:
        held = queue_selectors.held_by(holder.annotator.pk, holder.client, now)
    anchoring.decide(holder.project, held)
    done = None
    if not held and holder.size:
        done = done_reasons.why_nothing(holder.project, holder.annotator, holder.client, now)
    return Claimed(held, done)


def is_simple(labeler: Labeler, now: datetime) -> bool:
    """Tell whether a claim of this person may follow their answer in the same transaction."""
    project, annotator = labeler.project, labeler.annotator
    is_newcomer = onboarding_selectors.may_be_newcomer(project, annotator)
    return not is_newcomer and done_reasons.refusal(project, annotator, now) is None


def _welcome(holder: claims.Holder, now: datetime) -> None:
    """Hand a newcomer the images of their first round; nothing for everybody else."""
    project = holder.project

    def hand_out() -> bool:
        return onboarding.hand_out(
            project=project,
            annotator=holder.annotator,
            client=holder.client,
            size=holder.size,
            now=now,
        )

    if hand_out():
        top_up(project_id=project.pk, now=now, rng=_rng(project, now))
        hand_out()


def renew(
    *,
    annotator_id: int,
    now: datetime,
    client: str | None = None,
    assignment_public_ids: Sequence[UUID] | None = None,
) -> datetime:
    """Keep a tab's (or the named) assignments for another term; give when that ends."""
    annotator = Annotator.objects.select_related("project").get(pk=annotator_id)
    until = now + timedelta(seconds=annotator.project.assignment_ttl_s)
    _mine(annotator_id, client, assignment_public_ids).update(expires_at=until)
    return until


def release(
    *,
    annotator_id: int,
    now: datetime,
    client: str | None = None,
    assignment_public_ids: Sequence[UUID] | None = None,
) -> int:
    """Give back a tab's (or the named) assignments at once; give how many."""
    held = _mine(annotator_id, client, assignment_public_ids)
    found = list(held.values_list("pk", "image_id"))
    return _close(found, AssignmentState.RELEASED, now)


def leave(*, annotator_id: int, client: str, now: datetime) -> datetime:
    """Give back what a tab holds unless it is back soon; give when that is.

    A browser tells nobody whether its page is closed or loaded anew. A claim of the same tab until
    then finds the same images, and a renewal keeps them.
    """
    until = now + MAY_RETURN
    _mine(annotator_id, client, None).filter(expires_at__gt=until).update(expires_at=until)
    return until


def expire(*, now: datetime, project_id: int | None = None) -> int:
    """Take back assignments that are overdue, at most 200 a call; give how many."""
    overdue = Assignment.objects.filter(state=AssignmentState.OPEN, expires_at__lte=now)
    if project_id is not None:
        overdue = overdue.filter(project_id=project_id)
    found = list(overdue.order_by("expires_at", "pk").values_list("pk", "image_id")[:EXPIRY_BATCH])
    return _close(found, AssignmentState.EXPIRED, now)


def sweep(*, now: datetime) -> int:
    """Take back what is overdue and top up every project; give how many rows changed."""
    changed = expire(now=now)
    live = Project.objects.filter(archived_at__isnull=True, labeling_paused_at__isnull=True)
    for project in live.order_by("pk"):
        changed += top_up(project_id=project.pk, now=now, rng=_rng(project, now))
    return changed


def top_up_now(*, project_id: int, now: datetime) -> int:
    """Top up one project with a draw of its own; give how many entries came."""
    project = Project.objects.get(pk=project_id)
    return top_up(project_id=project_id, now=now, rng=_rng(project, now))


def _mine(
    annotator_id: int, client: str | None, public_ids: Sequence[UUID] | None
) -> QuerySet[Assignment]:
    held = Assignment.objects.filter(annotator_id=annotator_id, state=AssignmentState.OPEN)
    if client is not None:
        held = held.filter(client=client)
    if public_ids is not None:
        held = held.filter(public_id__in=public_ids)
    return held


@transaction.atomic
def _close(found: Sequence[tuple[int, int]], state: str, now: datetime) -> int:
    """Close assignments that are still open, and return their slots to the queue."""
    if not found:
        return 0
    images = slots.lock_images({image_id for _, image_id in found})
    still = Assignment.objects.filter(pk__in=[pk for pk, _ in found], state=AssignmentState.OPEN)
    if state == AssignmentState.EXPIRED:  # A renewal may have come in between.
        still = still.filter(expires_at__lte=now)
    closed = still.update(state=state, closed_at=now)
    by_project: dict[int, list[Image]] = {}
    for image in images:
        by_project.setdefault(image.project_id, []).append(image)
    for project in Project.objects.filter(pk__in=by_project).order_by("pk"):
        slots.recount(project, by_project[project.pk], now)
    return closed


# One at a time in a process; the database keeps processes from opening an image twice.
_filling = threading.Lock()
# Streams that were dry after a top-up, by project: until when nobody tops them up again in passing.
_dry: dict[tuple[UUID, str], datetime] = {}
_DRY_KEPT = 1024


def _fill_dry(holder: claims.Holder, missing: frozenset[str], now: datetime) -> None:
    """Fill a tab whose turn came to a stream that has too little.

    A stream that a top-up has just left dry is passed over for a while, as long as others have
    something: looking through all images once more for every volunteer would find nothing.
    """
    project = holder.project
    is_known = all(now < _dry.get((project.public_id, one), now) for one in missing)
    if is_known and _take_elsewhere(holder, now):
        return
    is_first = _filling.acquire(blocking=False)
    if not is_first:
        _filling.acquire()
    try:
        # Who had to wait finds what the one before has opened, most often.
        still = missing if is_first else _take(holder, now)
        if not still:
            return
        expire(now=now, project_id=project.pk)
        opened = top_up_dry(project_id=project.pk, reasons=still, now=now, rng=_rng(project, now))
        for reason in still.intersection(AHEAD):
            _note_supply(project, reason, opened)
        still = _take(holder, now)
    finally:
        _filling.release()
    if not still:
        return
    if len(_dry) >= _DRY_KEPT:
        _dry.clear()
    if not opened:  # Else others were quicker, or this person knows all of it.
        _dry.update({(project.public_id, one): now + DRY_FOR for one in still})
    if not _take_elsewhere(holder, now):
        rng = _rng(project, now)
        opened = top_up(project_id=project.pk, now=now, rng=rng)
        others = [Reason.ACQUIRED, *streams.fallbacks(project, Reason.ACQUIRED)]
        opened += top_up_dry(project_id=project.pk, reasons=others, now=now, rng=rng)
        if opened:
            _take_elsewhere(holder, now)


AHEAD = (Reason.ACQUIRED, Reason.RANDOM, Reason.AUDIT)
# By project and stream: what waits in its window by the count of this process, since it has opened
# some, and at how many to open more. A hint: where it is wrong, the stream is filled when dry.
_supplies: dict[tuple[UUID, str], tuple[int, int]] = {}
_SUPPLIES_KEPT = 1024


def _note_supply(project: Project, reason: str, opened: int) -> None:
    if len(_supplies) >= _SUPPLIES_KEPT:
        _supplies.clear()
    left = queue_selectors.window_sizes(project.pk)[reason] if opened else 0
    _supplies[project.public_id, reason] = (left, left // 4)


def _fill_ahead(project: Project, taken: claims.Taken, now: datetime) -> None:
    """Open more of what nothing but top-ups fills, before its window is dry again.

    One request is a little later then, instead of all that come while the window is filled.
    """
    for reason in set(taken.due).intersection(AHEAD):
        left, reserve = _supplies.get((project.public_id, reason), (0, 0))
        if not reserve:
            continue
        left -= taken.due.count(reason)
        _supplies[project.public_id, reason] = (left, reserve)
        if left <= reserve and _filling.acquire(blocking=False):
            try:
                _open_more(project, reason, now)
            finally:
                _filling.release()


def _open_more(project: Project, reason: str, now: datetime) -> None:
    opened = 0
    if reason != Reason.ACQUIRED or not is_chosen_for(project):
        rng = _rng(project, now)
        opened = top_up_dry(project_id=project.pk, reasons=[reason], now=now, rng=rng)
    # Nothing opened: the pool is through, or a classifier has filled the window since.
    _note_supply(project, reason, opened)


@writing()
def _take(holder: claims.Holder, now: datetime) -> frozenset[str]:
    """Take what is due once more; give the streams that still have too little."""
    assignments.lock_labeler(holder.annotator)
    return claims.take(holder, now).missing


@writing()
def _take_elsewhere(holder: claims.Holder, now: datetime) -> bool:
    """Take slot by slot, from the stream whose turn it is or else the next; tell if all is full."""
    assignments.lock_labeler(holder.annotator)
    for _ in range(holder.size):
        taken = claims.take(holder, now, most=1)
        if not taken.due:
            return True
        if taken.missing and not any(
            not claims.take(
                holder, now, most=1, borrowed=claims.Borrowed(other, taken.due[0])
            ).missing
            for other in streams.fallbacks(holder.project, taken.due[0])
        ):
            return False
    return True


def _rng(project: Project, now: datetime) -> np.random.Generator:
    """Derive the draw of one top-up from the project's secret seed and the moment."""
    return np.random.default_rng([project.seed, int(now.timestamp() * 1_000_000)])
