"""The windows of the queue: what `ml` chose, what the audit slice and the random arm are due.

A window is bounded (`Project.window_size` entries a stream), so a claim never looks at the pool.
An image has one open entry at most, whatever its stream.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from labeling.models import (
    Assignment,
    AssignmentState,
    Consensus,
    ConsensusState,
    Image,
    Partition,
    Project,
    QueueEntry,
    QueueEntryState,
    Reason,
    SplitGroup,
)
from labeling.selectors import annotators
from labeling.selectors import queue as queue_selectors
from labeling.selectors.combining import writing
from labeling.selectors.prepared import (
    ANY_OF,
    Prepared,
    Rows,
    Statement,
    adapted,
    instance,
)
from labeling.services import consensus, gold_stream, slots

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class RefillEntry:
    """One image that an acquisition function chose.

    Attributes:
        image_id: a pool image; any other is left out.
        priority: higher is sooner.
        selection_probability: of being chosen into this window, in (0, 1].
        policy: what chose it, where that is not what chose the rest of the window.
    """

    image_id: int
    priority: float
    selection_probability: float
    policy: str = ""


@dataclass(frozen=True, slots=True)
class _Stream:
    """Where entries go and what chose them."""

    reason: str
    policy: str
    model_version: UUID | None = None


LARGEST = 5
"""Times its size, a window may grow where all that waits in it has been answered by who asks."""

AUDIT = _Stream(Reason.AUDIT, "audit in serving order 2")
RANDOM = _Stream(Reason.RANDOM, "random arm 1")
TOP_UP = _Stream(Reason.ACQUIRED, "random top-up 1")
DISPUTES = _Stream(Reason.DISPUTE, "disputes 1")
GOLD = _Stream(Reason.GOLD, gold_stream.POLICY)


def refill(
    *,
    project_id: int,
    entries: Sequence[RefillEntry],
    policy: str,
    model_version: UUID | None,
    now: datetime,
) -> int:
    """Replace the window of acquired images; give how many entries it has gained.

    Entries whose image is in somebody's hands stay as they are. An image that waits in another
    stream stays there, one that needs no more answers is left out; at most `window_size` are
    taken, the first ones. Running it again with the same entries changes nothing but their keys.
    """
    project = Project.objects.get(pk=project_id)
    chosen = {entry.image_id: entry for entry in entries[: project.window_size]}
    with transaction.atomic():
        stale = _unheld(project_id, Reason.ACQUIRED).values_list("image_id", flat=True)
        images = slots.lock_images({*stale, *chosen})
        _unheld(project_id, Reason.ACQUIRED).filter(
            image_id__in=[image.pk for image in images]
        ).update(state=QueueEntryState.CLOSED, closed_at=now)
        wanted = [
            image
            for image in images
            if image.pk in chosen
            and image.project_id == project_id
            and image.partition == Partition.POOL
        ]
        stream = _Stream(Reason.ACQUIRED, policy, model_version)
        return _open(project, wanted, chosen, stream, now)


def top_up(*, project_id: int, now: datetime, rng: np.random.Generator) -> int:
    """Fill the windows that run low, from the database alone; give how many entries came.

    - AUDIT: measured images below their policy, in the random order of their groups. Images
      decided by fewer votes than there are people to ask now are among them (rule 2).
    - RANDOM: drawn uniformly from all undecided pool images, those in the acquired window too.
    - GOLD: every reference, in random order; an entry asks everybody once.
    - ACQUIRED: drawn uniformly as well, only where `ml` has left nothing to serve.
    """
    project = Project.objects.get(pk=project_id)
    if project.archived_at is not None or project.labeling_paused_at is not None:
        return 0
    _reconsider(project, now)
    sizes = queue_selectors.window_sizes(project_id)
    opened, size = 0, project.window_size
    if project.audit_serving_share > 0 and 2 * sizes[Reason.AUDIT] <= size:
        opened += _top_up_audit(project, size - sizes[Reason.AUDIT], now)
    # What the random arm holds, acquisition cannot choose: it holds no more than its share.
    size = math.ceil(size * project.random_arm_share)
    if project.random_arm_share > 0 and 2 * sizes[Reason.RANDOM] <= size:
        missing = size - sizes[Reason.RANDOM]
        opened += _top_up_at_random(project, RANDOM, missing, now, rng)
    if gold_stream.is_served(project):
        opened += _top_up_gold(project, project.window_size - sizes[Reason.GOLD], now, rng)
    if sizes[Reason.ACQUIRED] == 0:
        opened += _top_up_at_random(project, TOP_UP, project.window_size, now, rng)
    return opened


def top_up_dry(
    *, project_id: int, reasons: Collection[str], now: datetime, rng: np.random.Generator
) -> int:
    """Fill the windows of streams that a claim has just found too short; give how many came.

    As `top_up`, but only these, and whatever is left in them: what is left may be of no use to who
    asks.
    """
    project = _project(project_id)
    if project.archived_at is not None or project.labeling_paused_at is not None:
        return 0
    sizes = queue_selectors.window_sizes(project_id)
    opened = 0
    # Not the whole of what may come: somebody waits, and others wait for the interpreter.
    most = max(project.window_size, project.client_window)
    for reason in reasons:
        size = min(LARGEST * project.window_size, sizes[reason] + most)
        if reason == Reason.AUDIT and project.audit_serving_share > 0:
            opened += _top_up_audit(project, size - sizes[reason], now)
        elif reason == Reason.RANDOM and project.random_arm_share > 0:
            # Beyond its share of the window by what one page holds, for the same reason.
            share = math.ceil(project.window_size * project.random_arm_share)
            missing = max(share - sizes[reason], project.client_window)
            missing = min(missing, size - sizes[reason])
            opened += _top_up_at_random(project, RANDOM, missing, now, rng)
        elif reason == Reason.GOLD and gold_stream.is_served(project):
            opened += _top_up_gold(project, project.window_size - sizes[reason], now, rng)
        elif reason == Reason.ACQUIRED:
            opened += _top_up_at_random(project, TOP_UP, size - sizes[reason], now, rng)
    return opened


def is_chosen_for(project: Project) -> bool:
    """Tell whether anything in the acquired window was chosen, by a classifier, not drawn."""
    return bool(_chosen.raw(project.pk))


_chosen = Prepared(
    lambda project_id: (
        QueueEntry.objects.filter(
            project_id=project_id,
            reason=Reason.ACQUIRED,
            state=QueueEntryState.OPEN,
            open_slots__gt=0,
        )
        .exclude(policy=TOP_UP.policy)
        .values_list("pk")[:1]
    )
)
_PROJECT = [field.attname for field in Project._meta.concrete_fields]
_projects = Prepared(
    lambda project_id: Project.objects.filter(pk=project_id).values_list(*_PROJECT)
)


def _project(project_id: int) -> Project:
    """Read a project by a statement that is kept: somebody may be waiting for what follows."""
    row = _projects.first(project_id)
    if row is None:
        raise Project.DoesNotExist(f"There is no project {project_id}.")
    return instance(Project, _PROJECT, row)


def put_back_audit(*, project_id: int, now: datetime) -> int:
    """Close the audit entries that nobody holds and nobody has answered yet; give how many.

    For an order that has changed: what is first now comes with the next `top_up`.
    """
    with transaction.atomic():
        waiting = _unheld(project_id, Reason.AUDIT).filter(
            Q(image__consensus__isnull=True) | Q(image__consensus__n_votes=0)
        )
        images = slots.lock_images(set(waiting.values_list("image_id", flat=True)))
        kept = [image.pk for image in images]
        closed = _unheld(project_id, Reason.AUDIT).filter(image_id__in=kept)
        return closed.update(state=QueueEntryState.CLOSED, closed_at=now)


def open_dispute(project: Project, image: Image, now: datetime) -> None:
    """Put a disputed image before the experts; inside a transaction that holds its lock."""
    QueueEntry.objects.filter(image=image, state=QueueEntryState.OPEN).exclude(
        reason=Reason.DISPUTE
    ).update(state=QueueEntryState.CLOSED, closed_at=now)
    entry = RefillEntry(image.pk, -now.timestamp(), 1.0)
    _open(project, [image], {image.pk: entry}, DISPUTES, now)


def _unheld(project_id: int, reason: str) -> QuerySet[QueueEntry]:
    held = Assignment.objects.filter(image=OuterRef("image"), state=AssignmentState.OPEN)
    return QueueEntry.objects.filter(
        ~Exists(held), project_id=project_id, reason=reason, state=QueueEntryState.OPEN
    )


def _open(
    project: Project,
    images: Sequence[Image],
    chosen: dict[int, RefillEntry],
    stream: _Stream,
    now: datetime,
) -> int:
    """Open entries for locked images that need answers and wait nowhere else."""
    ids = [image.pk for image in images]
    taken = {image_id for (image_id,) in _waiting.rows(ids)} if ids else set()
    fresh = [image for image in images if image.pk not in taken]
    policies = {image_id: entry.policy or stream.policy for image_id, entry in chosen.items()}
    purposes = {key: slots.purpose(stream.reason, policy) for key, policy in policies.items()}
    needs = slots.needs(project, fresh, purposes, now)
    rows = [
        (
            project.pk,
            image.pk,
            str(stream.reason),
            float(chosen[image.pk].priority),
            needs[image.pk].free,
            float(chosen[image.pk].selection_probability),
            policies[image.pk],
            stream.model_version,
            now,
        )
        for image in fresh
        if needs[image.pk].wanted > needs[image.pk].votes
    ]
    _INSERT.run(rows)
    return len(rows)


_waiting = Prepared(
    lambda image_ids: QueueEntry.objects.filter(
        image_id__in=image_ids, state=QueueEntryState.OPEN
    ).values_list("image_id")
)
_COLUMNS = (
    "project_id, image_id, reason, priority, open_slots, selection_probability, policy, "
    "model_version, created_at"
)
# Past the model's constructor and the building of SQL: somebody may be waiting for these.
_INSERT = Rows(
    on_sqlite=f"INSERT INTO labeling_queueentry ({_COLUMNS}, state) "  # noqa: S608
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'OPEN')",
    on_postgres=f"INSERT INTO labeling_queueentry ({_COLUMNS}, state) "  # noqa: S608
    f"SELECT {_COLUMNS}, 'OPEN' FROM unnest(%s::bigint[], %s::bigint[], %s::text[], "
    "%s::float8[], %s::int[], %s::float8[], %s::text[], %s::uuid[], %s::timestamptz[]) "
    f"AS new({_COLUMNS})",
)


def _top_up_audit(project: Project, missing: int, now: datetime) -> int:
    if missing <= 0:
        return 0
    rule = slots.Policy.of(project, Partition.AUDIT, annotators.active_count(project, now))
    # In the order of an index, so a large slice is not sorted; decided under no lock yet.
    below = (
        _measured(project.pk)
        .filter(
            Q(measured_image__consensus__isnull=True)
            | Q(measured_image__consensus__state=ConsensusState.OPEN)
            | Q(
                measured_image__consensus__is_expert=False,
                measured_image__consensus__n_votes__lt=rule.needed,
            )
        )
        .order_by("serve_order", "pk")
        .values_list("measured_image_id", "serve_order")[:missing]
    )
    chosen = {key: RefillEntry(key, -order, 1.0) for key, order in below if key is not None}
    with writing():
        return _open(project, slots.lock_images(chosen), chosen, AUDIT, now)


@transaction.atomic
def _top_up_gold(project: Project, missing: int, now: datetime, rng: np.random.Generator) -> int:
    gold_stream.close_stale(project.pk, now)
    chosen = {
        image_id: RefillEntry(image_id, priority, probability)
        for image_id, priority, probability in gold_stream.draw(project.pk, missing, rng)
    }
    return _open(project, slots.lock_images(chosen), chosen, GOLD, now) if chosen else 0


@transaction.atomic
def _reconsider(project: Project, now: datetime) -> None:
    """Decide again what waits for people who have left: it has all the answers to be had now."""
    n_active = annotators.active_count(project, now)
    asked = {
        partition: slots.Policy.of(project, partition, n_active)
        for partition in (Partition.POOL, Partition.AUDIT)
    }
    is_waiting_in_vain = Q()
    for partition, rule in asked.items():
        is_waiting_in_vain |= Q(image__partition=partition, n_votes__gte=rule.cap) | Q(
            image__partition=partition, n_votes__gte=rule.needed, effective_votes__gt=rule.needed
        )
    found = Consensus.objects.filter(
        is_waiting_in_vain, project=project, state=ConsensusState.OPEN, n_votes__gt=0
    )
    ids = list(found.order_by("pk").values_list("image_id", flat=True)[: project.window_size])
    images = slots.lock_images(ids) if ids else []
    changed = consensus.update_many(project=project, images=images, now=now)
    slots.recount(project, images, now)
    disputed = {row.image_id for row in changed if row.state == ConsensusState.DISPUTED}
    for image in images:
        if image.pk in disputed:
            open_dispute(project, image, now)


def _measured(project_id: int) -> QuerySet[SplitGroup]:
    waiting = QueueEntry.objects.filter(
        image=OuterRef("measured_image_id"), state=QueueEntryState.OPEN
    )
    return SplitGroup.objects.filter(
        ~Exists(waiting),
        project_id=project_id,
        partition=Partition.AUDIT,
        measured_image__partition=Partition.AUDIT,
        measured_image__split_group_id=F("pk"),
        measured_image__flagged_at__isnull=True,
        measured_image__removed_at__isnull=True,
    )


def _top_up_at_random(
    project: Project, stream: _Stream, missing: int, now: datetime, rng: np.random.Generator
) -> int:
    """Draw uniformly, without replacement, from the undecided pool images.

    The random arm takes an image out of the acquired window where it draws one, else it would not
    be a random draw from the pool; what somebody holds, or another stream has, stays out.
    """
    if missing <= 0:
        return 0
    drawn, probability = queue_selectors.draw(
        project.pk, missing, rng, leaves_acquired=stream is TOP_UP
    )
    chosen = {
        int(image_id): RefillEntry(int(image_id), -float(place), probability)
        for place, image_id in enumerate(drawn)
    }
    with writing():
        images = slots.lock_images(chosen)
        if stream is not TOP_UP:  # What it draws has no entry.
            _TAKE_OUT.run([adapted(now), project.pk, adapted(list(chosen))])
        return _open(project, images, chosen, stream, now)


# As `_unheld(...).update(...)`.
_TAKE_OUT = Statement(
    "UPDATE labeling_queueentry SET state = 'CLOSED', closed_at = %s "  # noqa: S608
    "WHERE project_id = %s AND reason = 'ACQUIRED' AND state = 'OPEN' "
    f"AND image_id {ANY_OF} AND NOT EXISTS (SELECT 1 FROM labeling_assignment AS held "
    "WHERE held.image_id = labeling_queueentry.image_id AND held.state = 'OPEN')"
)
