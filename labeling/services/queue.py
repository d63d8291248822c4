"""Hand images out and take them back: claim, renew, release, expire.

A claim is one transaction: it takes the project's serve counter (whose lock puts the claims of a
project in a row, two tabs of one person among them), picks entries and takes one slot from each in
one statement, and writes the assignments. It reads the partial index `queue_entry_claim` from
its top, so its cost does not depend on the size of the pool.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import connection, transaction

from labeling.models import (
    Annotator,
    Assignment,
    AssignmentState,
    Image,
    Project,
    Reason,
    ServeCounter,
)
from labeling.selectors import annotators, progress
from labeling.selectors import queue as queue_selectors
from labeling.services import onboarding, presence, slots, standing, streams
from labeling.services.windows import RefillEntry, refill, top_up

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

__all__ = [
    "Claimed",
    "DoneReason",
    "RefillEntry",
    "claim",
    "expire",
    "refill",
    "release",
    "renew",
    "sweep",
    "top_up",
    "top_up_now",
]

EXPIRY_BATCH = 200
SHARE_APPLIES_FROM = 100

# One statement on both databases; `state` and `open_slots` are literals so that the planner can
# prove the partial index. PostgreSQL passes over entries another transaction is busy with; SQLite
# has one writer at a time. MATERIALIZED: the LIMIT is counted once.
CLAIM_SQL = """
WITH picked AS MATERIALIZED (
    SELECT entry.id FROM labeling_queueentry AS entry
    JOIN labeling_image AS image ON image.id = entry.image_id
    WHERE entry.project_id = %s AND entry.reason = %s
      AND entry.state = 'OPEN' AND entry.open_slots > 0
      AND entry.id NOT IN ({taken})
      AND image.flagged_at IS NULL AND image.removed_at IS NULL
      AND NOT EXISTS (
        SELECT 1 FROM labeling_annotation AS answer
        WHERE answer.image_id = entry.image_id AND answer.annotator_id = %s
          AND answer.withdrawn_at IS NULL AND NOT (answer.kind = 'UNDO'))
      AND NOT EXISTS (
        SELECT 1 FROM labeling_assignment AS held
        WHERE held.image_id = entry.image_id AND held.annotator_id = %s AND held.state = 'OPEN')
    ORDER BY entry.priority DESC, entry.id
    LIMIT %s {lock}
)
UPDATE labeling_queueentry SET open_slots = open_slots - 1
WHERE id IN (SELECT id FROM picked)
RETURNING id, image_id, priority, reason, policy, model_version, selection_probability
"""


@dataclass(frozen=True, slots=True)
class DoneReason:
    """Why there is nothing to label now: a code and a sentence for the page."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one tab holds after a claim (with `image` loaded), or why it holds nothing."""

    assignments: list[Assignment]
    done: DoneReason | None


@dataclass(frozen=True, slots=True)
class _Picked:
    entry_id: int
    image_id: int
    priority: float
    reason: str
    policy: str
    model_version: Any
    selection_probability: float


@dataclass(frozen=True, slots=True)
class _Turn:
    """One slot to fill: its serve number and the stream whose turn it is."""

    serve_number: int
    reason: str
    picked: _Picked | None = None


@dataclass(frozen=True, slots=True)
class _Holder:
    """One tab of one annotator."""

    project: Project
    annotator: Annotator
    client: str


def claim(*, project_id: int, annotator_id: int, count: int, client: str, now: datetime) -> Claimed:
    """Fill the window of one tab; give everything it holds then, oldest first.

    The tab is to hold `count` images, at most the project's `client_window`; two tabs (`client`) of
    one person never hold the same image.

    Where a stream runs dry, overdue assignments are taken back and the windows topped up in the
    same call: the queue works without any worker. What is still missing then comes from the next
    stream, and the shortfall is counted.
    """
    project = Project.objects.get(pk=project_id)
    annotator = Annotator.objects.get(pk=annotator_id, project_id=project_id)
    refusal = _refusal(project, annotator)
    if refusal is not None:
        return Claimed([], refusal)
    size = max(0, min(count, project.client_window))
    if onboarding.hand_out(project=project, annotator=annotator, client=client, size=size, now=now):
        top_up(project_id=project_id, now=now, rng=_rng(project, now))
        onboarding.hand_out(project=project, annotator=annotator, client=client, size=size, now=now)
    if not _take(project, annotator, size, client, now, is_last_try=False):
        expire(now=now, project_id=project_id)
        top_up(project_id=project_id, now=now, rng=_rng(project, now))
        _take(project, annotator, size, client, now, is_last_try=True)
    presence.saw(annotator, now)
    held = queue_selectors.held_by(annotator.pk, client, now)
    done = None if held or not size else _why_nothing(project, annotator, client)
    return Claimed(held, done)


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


@transaction.atomic
def _take(
    project: Project,
    annotator: Annotator,
    size: int,
    client: str,
    now: datetime,
    *,
    is_last_try: bool,
) -> bool:
    """Claim what the tab's window lacks; tell whether every slot came from its own stream.

    Before the last try a dry stream changes nothing at all, so that no serve number is spent.
    """
    counter = ServeCounter.objects.select_for_update(no_key=True).get(project=project)
    held = _mine(annotator.pk, client, None).filter(expires_at__gt=now).count()
    turns = [
        _Turn(number, streams.stream_of(project, number))
        for number in range(counter.served, counter.served + max(0, size - held))
    ]
    if not turns:
        return True
    filled = _fill(turns, project, annotator)
    if any(turn.picked is None for turn in filled):
        if not is_last_try:
            transaction.set_rollback(True)
            return False
        filled = _fill_elsewhere(filled, project, annotator)
    _hand_out(filled, counter, _Holder(project, annotator, client), now)
    return True


def _fill(turns: list[_Turn], project: Project, annotator: Annotator) -> list[_Turn]:
    """Pick for each turn from its own stream, one statement a stream."""
    due = Counter(turn.reason for turn in turns)
    if due[Reason.DISPUTE] and not annotators.is_expert(annotator):
        del due[Reason.DISPUTE]
    got = {reason: _pick(project.pk, annotator.pk, reason, n) for reason, n in due.items()}
    return [
        replace(turn, picked=got[turn.reason].pop(0)) if got.get(turn.reason) else turn
        for turn in turns
    ]


def _fill_elsewhere(turns: list[_Turn], project: Project, annotator: Annotator) -> list[_Turn]:
    """Pick for the turns that are still empty from the streams that have something."""
    taken = [turn.picked.entry_id for turn in turns if turn.picked]
    filled = []
    for turn in turns:
        picked = turn.picked
        for reason in streams.fallbacks(project, turn.reason):
            if picked is not None:
                break
            picked = next(iter(_pick(project.pk, annotator.pk, reason, 1, taken)), None)
            taken += [picked.entry_id] if picked else []
        filled.append(replace(turn, picked=picked))
    return filled


def claim_sql(taken: Sequence[int]) -> str:
    """Give the claim for this database, with a placeholder for each entry to pass over."""
    return CLAIM_SQL.format(
        lock="FOR UPDATE OF entry SKIP LOCKED" if connection.vendor == "postgresql" else "",
        taken=", ".join(["%s"] * len(taken)) or "0",
    )


def _pick(
    project_id: int, annotator_id: int, reason: str, count: int, taken: Sequence[int] = ()
) -> list[_Picked]:
    """Take a slot of up to `count` entries, the most urgent first; never twice of one entry."""
    with connection.cursor() as cursor:
        cursor.execute(
            claim_sql(taken), [project_id, reason, *taken, annotator_id, annotator_id, count]
        )
        picked = [_Picked(*row) for row in cursor.fetchall()]
    return sorted(picked, key=lambda one: (-one.priority, one.entry_id))


def _hand_out(filled: list[_Turn], counter: ServeCounter, holder: _Holder, now: datetime) -> None:
    """Write the assignments; serve numbers that found no image are not spent."""
    counts = streams.slots_a_block(holder.project)
    rows: list[Assignment] = []
    for turn in filled:
        picked = turn.picked
        if picked is None:
            continue
        if picked.reason != turn.reason:
            counter.shortfalls[turn.reason] = counter.shortfalls.get(turn.reason, 0) + 1
        share = counts[picked.reason] / streams.BLOCK
        rows.append(
            Assignment(
                project=holder.project,
                annotator=holder.annotator,
                client=holder.client,
                image_id=picked.image_id,
                entry_id=picked.entry_id,
                reason=picked.reason,
                policy=picked.policy,
                model_version=picked.model_version,
                selection_probability=picked.selection_probability * share,
                serve_number=counter.served + len(rows),
                created_at=now,
                expires_at=now + timedelta(seconds=holder.project.assignment_ttl_s),
            )
        )
    Assignment.objects.bulk_create(rows)
    counter.served += len(rows)
    counter.save(update_fields=["served", "shortfalls"])


def _rng(project: Project, now: datetime) -> np.random.Generator:
    """Derive the draw of one top-up from the project's secret seed and the moment."""
    return np.random.default_rng([project.seed, int(now.timestamp() * 1_000_000)])


def _refusal(project: Project, annotator: Annotator) -> DoneReason | None:
    if project.archived_at is not None:
        return DoneReason("archived", "This project has ended. Thank you for every answer.")
    if project.labeling_paused_at is not None:
        return DoneReason("paused", "Labeling is paused by the coordinator. Come back later.")
    refused = standing.refusal(annotator)
    if refused is not None:
        return DoneReason("annotator_paused", refused)
    if project.max_annotator_share is not None and _has_share(project, annotator):
        return DoneReason(
            "share_reached",
            "You have given as large a share of all answers as this project takes from one person.",
        )
    return None


def _has_share(project: Project, annotator: Annotator) -> bool:
    """Tell whether one person has given their largest share; counted from 100 answers on."""
    counts = progress.answer_counts(project.pk)
    total = sum(counts.values())
    share = project.max_annotator_share or 1.0
    if len(counts) == 1 or total < SHARE_APPLIES_FROM:
        return False
    return counts.get(annotator.pk, 0) > share * total


def _why_nothing(project: Project, annotator: Annotator, client: str) -> DoneReason:
    """Say why a tab holds nothing though labeling goes on."""
    far = progress.for_project(project.pk)
    if far.total == 0:
        return DoneReason("no_images", "There are no images yet. They are being prepared.")
    if far.remaining == 0:
        return DoneReason("all_labeled", "Every image is labeled. Thank you!")
    if queue_selectors.is_held_by_others(project.pk, annotator.pk, client):
        return DoneReason(
            "held_by_others",
            "Others, or another tab of yours, are busy with the last images. Try again soon.",
        )
    return DoneReason(
        "nothing_for_you",
        "You have seen every image that is left; the rest is for other people to answer.",
    )
