"""How many people an image still needs, and the locks under which that is counted.

Every writer takes its locks in one order, so that no two can wait for each other:
images (by primary key), then queue entries, then assignments. A claim never waits for an entry
(`SKIP LOCKED`); SQLite has one writer at a time. Counting `wanted - votes - held` under the image's
lock, in a statement that starts after the lock was granted, is what keeps an image from being
handed to more people than its policy asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labeling.consensus import policy
from labeling.models import (
    AnnotationKind,
    ConsensusState,
    Image,
    Partition,
    QueueEntryState,
    Reason,
)
from labeling.selectors import annotators, doubts, questions, several
from labeling.selectors.prepared import (
    ANY_OF,
    IS_SQLITE,
    Prepared,
    Rows,
    Statement,
    adapted,
    instance,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from labeling.models import Project

GOLD_AT_ONCE = 100
"""How many people may look at one gold image at the same time."""
SECOND_OPINION = "activelab 1"
"""Policy of entries that ask for a second opinion of an image that is decided."""
DOUBTED = doubts.DOUBTED
"""The same, of an image whose label the classifier and its neighbours speak against."""
SECOND_OPINIONS = frozenset({SECOND_OPINION, DOUBTED})
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


# What decides how many answers an image needs, and what a page shows of it; the rest is read when
# it is asked for.
_IMAGE = ["id", "public_id", "project_id", "width", "height", "partition", "flagged_at"]
_IMAGE += ["removed_at", "split_group_id"]
_locked = Prepared(
    lambda image_ids: Image.objects.filter(pk__in=image_ids).order_by("pk").values_list(*_IMAGE),
    lock="FOR NO KEY UPDATE",
)


def lock_images(image_ids: Iterable[int]) -> list[Image]:
    """Lock images against every other writer of their answers; inside a transaction.

    `NO KEY UPDATE`: a claim that inserts an assignment for one of them does not wait.
    """
    ids = list(image_ids)
    return [instance(Image, _IMAGE, row) for row in _locked.rows(ids)] if ids else []


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
    """Tell what an entry is for: its reason, but a second opinion is not a first one.

    A question about one label is for that label: its policy.
    """
    if questions.asked_code(policy) is not None:
        return policy
    return SECOND_OPINION if policy in SECOND_OPINIONS else reason


def wanted(
    rule: Policy, *, partition: str, state: str | None, is_expert: bool, votes: int, reason: str
) -> int:
    """Count the votes an image is to have in all before it leaves the queue.

    An undecided image that has its votes already is tied (or someone could not tell), and asks for
    one more up to the cap. A decided audit image with fewer votes than needed asks for the rest:
    people have joined since (rule 2); until they answer, what was decided stands. A gold image is
    decided and asks everyone. `reason` is the `purpose` of its entry: a decided pool image asks for
    a second vote where that was chosen. A question about one label is asked as often as an image
    needs votes; `votes` are the answers to it.
    """
    if reason == Reason.GOLD:
        return votes + GOLD_AT_ONCE
    if reason == Reason.DISPUTE:
        return votes + 1 if state == ConsensusState.DISPUTED else 0
    if is_expert or partition not in (Partition.POOL, Partition.AUDIT):
        return 0
    if state is None or state == ConsensusState.OPEN:
        is_of_one_label = questions.asked_code(reason) is not None
        return rule.needed if is_of_one_label else min(rule.cap, max(rule.needed, votes + 1))
    return _wanted_again(rule, partition, state, reason)


def _wanted_again(rule: Policy, partition: str, state: str, reason: str) -> int:
    """Count the votes that a decided image is to have; of one label, those about it alone."""
    if reason == SECOND_OPINION:
        return min(rule.cap, 2) if state == ConsensusState.RESOLVED else 0
    if questions.is_again(reason):
        return min(rule.cap - 1, 1) if state in several.SETTLED else 0
    return rule.needed if partition == Partition.AUDIT else 0


def needs(
    project: Project,
    images: Sequence[Image],
    reasons: dict[int, str],
    now: datetime,
    *,
    n_active: int | None = None,
) -> dict[int, Need]:
    """Count wanted, given and held for each image, locked by the caller, by one statement.

    `reasons` is the `purpose` of each image's queue entry; `ACQUIRED` where it is missing.
    `n_active` is how many people answer these days; without it they are counted.
    """
    if not images:
        return {}
    n_active = n_active or annotators.active_count(project, now)
    stands = {row[0]: row[1:] for row in _STANDING.run([adapted([one.id for one in images])])}
    codes = {key: questions.asked_code(chosen) for key, chosen in reasons.items()}
    asked_alone = {key: code for key, code in codes.items() if code is not None}
    answers_alone = questions.counts(asked_alone)
    found = {}
    for image in images:
        votes, held, state, is_expert = stands[image.id]
        if image.id in asked_alone:
            votes = answers_alone.get(image.id, 0)
        asked = 0
        if image.flagged_at is None and image.removed_at is None:
            asked = wanted(
                Policy.of(project, image.partition, n_active),
                partition=image.partition,
                state=state,
                is_expert=bool(is_expert),
                votes=votes,
                reason=reasons.get(image.id, Reason.ACQUIRED),
            )
        found[image.id] = Need(asked, votes, held)
    return found


_LOCK_ENTRIES = Statement(
    "SELECT id, image_id, reason, policy FROM labeling_queueentry "  # noqa: S608
    f"WHERE image_id {ANY_OF} AND state = 'OPEN' ORDER BY id"
    + ("" if IS_SQLITE else " FOR NO KEY UPDATE")
)
_STANDING = Statement(
    "SELECT image.id, (SELECT count(*) FROM labeling_annotation AS answer"  # noqa: S608
    " JOIN labeling_annotator AS author ON author.id = answer.annotator_id"
    " WHERE answer.image_id = image.id AND answer.withdrawn_at IS NULL"
    " AND answer.kind IN ('LABEL', 'CANT_TELL', 'NONE_OF_THESE')"
    " AND author.quarantined_at IS NULL),"
    " (SELECT count(*) FROM labeling_assignment AS held"
    " WHERE held.image_id = image.id AND held.state = 'OPEN'),"
    " decided.state, decided.is_expert "
    "FROM labeling_image AS image "
    "LEFT JOIN labeling_consensus AS decided ON decided.image_id = image.id "
    f"WHERE image.id {ANY_OF}"
)
_SET_SLOTS = Rows(
    on_sqlite="UPDATE labeling_queueentry SET open_slots = %s, state = %s, closed_at = %s "
    "WHERE id = %s",
    on_postgres="UPDATE labeling_queueentry AS entry SET open_slots = new.open_slots, "
    "state = new.state, closed_at = new.closed_at FROM unnest("
    "%s::int[], %s::text[], %s::timestamptz[], %s::bigint[]) "
    "AS new(open_slots, state, closed_at, id) WHERE entry.id = new.id",
)


def recount(
    project: Project, images: Sequence[Image], now: datetime, *, n_active: int | None = None
) -> None:
    """Set the free slots of the images' queue entries; close those that need no more answers.

    Inside a transaction that holds the images' locks. `n_active` is as for `needs`.
    """
    if not images:
        return
    entries = _LOCK_ENTRIES.run([adapted([image.id for image in images])])
    purposes = {image_id: purpose(*chosen) for _, image_id, *chosen in entries}
    # After the entries' locks were granted: a claim that was taking a last slot is counted.
    waiting = [image for image in images if image.id in purposes]
    found = needs(project, waiting, purposes, now, n_active=n_active)
    changes = []
    for entry_id, image_id, *_ in entries:
        need = found[image_id]
        is_open = need.wanted > need.votes
        state = QueueEntryState.OPEN if is_open else QueueEntryState.CLOSED
        changes.append((need.free, state.value, None if is_open else now, entry_id))
    _SET_SLOTS.run(changes)
