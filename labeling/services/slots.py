"""How many people an image still needs, and the locks under which that is counted.

Every writer takes its locks in one order, so that no two can wait for each other:
images (by primary key), then queue entries, then assignments. A claim never waits for an entry
(`SKIP LOCKED`); SQLite has one writer at a time. Counting `wanted - votes - held` under the image's
lock, in a statement that starts after the lock was granted, is what keeps an image from being
handed to more people than its policy asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Count

from labeling.consensus import policy
from labeling.models import (
    Annotation,
    AnnotationKind,
    Assignment,
    AssignmentState,
    Consensus,
    ConsensusState,
    Image,
    Partition,
    QueueEntry,
    QueueEntryState,
    Reason,
)
from labeling.selectors import annotators
from labeling.selectors.prepared import Statement, adapted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from labeling.models import Project

GOLD_AT_ONCE = 100
"""How many people may look at one gold image at the same time."""
SECOND_OPINION = "activelab 1"
"""Policy of entries that ask for a second opinion of an image that is decided."""
VOTE_KINDS = (AnnotationKind.LABEL, AnnotationKind.CANT_TELL, AnnotationKind.NONE_OF_THESE)


@dataclass(frozen=True, slots=True)
class Need:
    """What one image waits for: votes wanted in all, given so far, and people at it now."""

    wanted: int
    votes: int
    held: int

    @property
    def free(self) -> int:
        """Count the people it may still be handed to."""
        return max(0, self.wanted - self.votes - self.held)


def lock_images(image_ids: Iterable[int]) -> list[Image]:
    """Lock images against every other writer of their answers; inside a transaction.

    `NO KEY UPDATE`: a claim that inserts an assignment for one of them does not wait.
    """
    return list(
        Image.objects.select_for_update(no_key=True).filter(pk__in=list(image_ids)).order_by("pk")
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """How many answers an image gets: those waited for, and the most that are asked for."""

    needed: int
    cap: int

    @classmethod
    def of(cls, project: Project, partition: str, n_active: int) -> Policy:
        """Read a project's policy: min(policy, active annotators) everywhere (rule 2)."""
        is_audit = partition == Partition.AUDIT
        asked = project.votes_audit if is_audit else project.votes_pool
        most = project.vote_cap_audit if is_audit else project.vote_cap_pool
        return cls(
            policy.effective_votes(asked, n_active),
            policy.effective_votes(max(asked, most), n_active),
        )


def purpose(reason: str, policy: str) -> str:
    """Tell what an entry is for: its reason, but a second opinion is not a first one."""
    return SECOND_OPINION if policy == SECOND_OPINION else reason


def wanted(
    rule: Policy, *, partition: str, state: str | None, is_expert: bool, votes: int, reason: str
) -> int:
    """Count the votes an image is to have in all before it leaves the queue.

    An undecided image that has its votes already is tied (or someone could not tell), and asks for
    one more up to the cap. A decided audit image with fewer votes than needed asks for the rest:
    people have joined since (rule 2); until they answer, what was decided stands. A gold image is
    decided and asks everyone. `reason` is the `purpose` of its entry: a decided pool image asks for
    a second vote where that was chosen.
    """
    if reason == Reason.GOLD:
        return votes + GOLD_AT_ONCE
    if reason == Reason.DISPUTE:
        return votes + 1 if state == ConsensusState.DISPUTED else 0
    if is_expert or partition not in (Partition.POOL, Partition.AUDIT):
        return 0
    if state is None or state == ConsensusState.OPEN:
        return min(rule.cap, max(rule.needed, votes + 1))
    if reason == SECOND_OPINION:
        return min(rule.cap, 2) if state == ConsensusState.RESOLVED else 0
    return rule.needed if partition == Partition.AUDIT else 0


def needs(
    project: Project, images: Sequence[Image], reasons: dict[int, str], now: datetime
) -> dict[int, Need]:
    """Count wanted, given and held for each image, locked by the caller, by four queries.

    `reasons` is the `purpose` of each image's queue entry; `ACQUIRED` where it is missing.
    """
    ids = [image.pk for image in images]
    n_active = annotators.active_count(project, now)
    decided = Consensus.objects.filter(image_id__in=ids)
    states = {
        image_id: (state, is_expert)
        for image_id, state, is_expert in decided.values_list("image_id", "state", "is_expert")
    }
    votes = _count(
        Annotation.objects.filter(
            image_id__in=ids,
            withdrawn_at__isnull=True,
            kind__in=VOTE_KINDS,
            annotator__quarantined_at__isnull=True,
        )
    )
    held = _count(Assignment.objects.filter(image_id__in=ids, state=AssignmentState.OPEN))
    found = {}
    for image in images:
        given, at_it = votes.get(image.pk, 0), held.get(image.pk, 0)
        state, is_expert = states.get(image.pk, (None, False))
        asked = 0
        if image.flagged_at is None and image.removed_at is None:
            asked = wanted(
                Policy.of(project, image.partition, n_active),
                partition=image.partition,
                state=state,
                is_expert=is_expert,
                votes=given,
                reason=reasons.get(image.pk, Reason.ACQUIRED),
            )
        found[image.pk] = Need(asked, given, at_it)
    return found


_ENTRY = "SELECT id, reason, policy FROM labeling_queueentry WHERE image_id = %s AND state = 'OPEN'"
_LOCK_ENTRY = {
    "sqlite": Statement(_ENTRY),
    "postgresql": Statement(f"{_ENTRY} FOR NO KEY UPDATE"),
}
_STANDING = Statement(
    "SELECT (SELECT count(*) FROM labeling_annotation AS answer"
    " JOIN labeling_annotator AS author ON author.id = answer.annotator_id"
    " WHERE answer.image_id = image.id AND answer.withdrawn_at IS NULL"
    " AND answer.kind IN ('LABEL', 'CANT_TELL', 'NONE_OF_THESE')"
    " AND author.quarantined_at IS NULL),"
    " (SELECT count(*) FROM labeling_assignment AS held"
    " WHERE held.image_id = image.id AND held.state = 'OPEN'),"
    " decided.state, decided.is_expert "
    "FROM labeling_image AS image "
    "LEFT JOIN labeling_consensus AS decided ON decided.image_id = image.id WHERE image.id = %s"
)
_SET_SLOTS = Statement(
    "UPDATE labeling_queueentry SET open_slots = %s, state = %s, closed_at = %s WHERE id = %s"
)


def recount_one(project: Project, image: Image, now: datetime) -> None:
    """As `recount`, for one image, in three small statements: every answer needs it."""
    entry = _LOCK_ENTRY[connection.vendor].run([image.pk])
    if not entry:
        return
    ((entry_id, reason, policy),) = entry
    reason = purpose(reason, policy)
    # After the entry's lock was granted: a claim that was taking its last slot is counted.
    ((votes, held, state, is_expert),) = _STANDING.run([image.pk])
    is_done = (
        state not in (None, ConsensusState.OPEN)
        and image.partition != Partition.AUDIT
        and reason not in (Reason.DISPUTE, Reason.GOLD, SECOND_OPINION)
    )
    asked = 0
    if not is_done and image.flagged_at is None and image.removed_at is None:
        asked = wanted(
            Policy.of(project, image.partition, annotators.active_lately(project, now)),
            partition=image.partition,
            state=state,
            is_expert=bool(is_expert),
            votes=votes,
            reason=reason,
        )
    need = Need(asked, votes, held)
    is_open = need.wanted > need.votes
    state = QueueEntryState.OPEN if is_open else QueueEntryState.CLOSED
    _SET_SLOTS.run([need.free, state.value, None if is_open else adapted(now), entry_id])


def recount(project: Project, images: Sequence[Image], now: datetime) -> None:
    """Set the free slots of the images' queue entries; close those that need no more answers.

    Inside a transaction that holds the images' locks.
    """
    entries = list(
        QueueEntry.objects.select_for_update(no_key=True)
        .filter(image_id__in=[image.pk for image in images], state=QueueEntryState.OPEN)
        .order_by("pk")
    )
    if not entries:
        return
    purposes = {entry.image_id: purpose(entry.reason, entry.policy) for entry in entries}
    found = needs(project, images, purposes, now)
    for entry in entries:
        need = found[entry.image_id]
        entry.open_slots = need.free
        if need.wanted <= need.votes:
            entry.state = QueueEntryState.CLOSED
            entry.closed_at = now
    QueueEntry.objects.bulk_update(entries, ["open_slots", "state", "closed_at"])


def _count(rows: QuerySet[Any]) -> dict[int, int]:
    counted = rows.values("image_id").annotate(n=Count("pk")).order_by("image_id")
    return {row["image_id"]: row["n"] for row in counted}
