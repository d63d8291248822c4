"""Questions about the queue: what may enter it, what waits in it, who holds what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.models import Count, Exists, F, Max, OuterRef, Q, Sum

from labeling.errors import LabelingError
from labeling.models import (
    ABOUT_ONE_LABEL,
    Annotation,
    Assignment,
    AssignmentState,
    Consensus,
    ConsensusState,
    Image,
    Partition,
    QueueEntry,
    QueueEntryState,
    Reason,
    SplitGroup,
)
from labeling.selectors.prepared import Prepared, instance
from labeling.selectors.votes import NO_VOTE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

    import numpy.typing as npt
    from django.db.models import QuerySet


NOVEL = "novelty 1"
"""Policy of entries that may show something of no label."""
TAIL_FIRST = "tail first 1"
"""Policy of entries likely of a label with few images."""
SIMILAR = "similar 1"
"""Policy of entries that staff asked for, by pictures of what they want more of."""


class ImageNotFoundError(LabelingError):
    """No such image in this project."""

    code = "image_not_found"
    status = 404


@dataclass(frozen=True, slots=True)
class CandidateRows:
    """Pool images that may be acquired: (n,) int64 each; no group is -1 times the image's key."""

    image_ids: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]


def undecided_pool(project_id: int) -> QuerySet[Image]:
    """Give the pool images that still lack a label and are neither flagged nor removed."""
    decided = Consensus.objects.filter(image=OuterRef("pk")).exclude(state=ConsensusState.OPEN)
    return Image.objects.filter(
        ~Exists(decided),
        project_id=project_id,
        partition=Partition.POOL,
        flagged_at__isnull=True,
        removed_at__isnull=True,
    )


def candidates(project_id: int) -> CandidateRows:
    """Give the pool images an acquisition function may choose from, in ascending order.

    Undecided, not flagged, not removed, not just now in somebody's hands, and in no other
    stream of the queue: what the random arm has drawn stays its own.
    """
    held = Assignment.objects.filter(image=OuterRef("pk"), state=AssignmentState.OPEN)
    elsewhere = QueueEntry.objects.filter(image=OuterRef("pk"), state=QueueEntryState.OPEN).exclude(
        reason=Reason.ACQUIRED
    )
    rows = list(
        undecided_pool(project_id)
        .filter(~Exists(held), ~Exists(elsewhere))
        .order_by("pk")
        .values_list("pk", "split_group_id")
    )
    return CandidateRows(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([-row[0] if row[1] is None else row[1] for row in rows], dtype=np.int64),
    )


def in_work(project_id: int, *, since: int) -> npt.NDArray[np.int64]:
    """Give the pool images that somebody holds, or has answered after the annotation `since`."""
    given = Assignment.objects.filter(image=OuterRef("pk"), state=AssignmentState.OPEN)
    held = undecided_pool(project_id).filter(Exists(given)).order_by("pk")
    answered = Annotation.objects.filter(
        project_id=project_id, pk__gt=since, image__partition=Partition.POOL
    )
    ids = {*held.values_list("pk", flat=True), *answered.values_list("image_id", flat=True)}
    return np.array(sorted(ids), dtype=np.int64)


def undecided(project_id: int, image_ids: Sequence[int]) -> set[int]:
    """Give those of some images that still lack a label, in somebody's hands or not."""
    rows = undecided_pool(project_id).filter(pk__in=list(image_ids))
    return set(rows.order_by("pk").values_list("pk", flat=True))


PROBED_FROM = 5000
FEWEST_PROBES, MOST_PROBES = 250, 1000
MOST_ROUNDS = 8


def draw(
    project_id: int, count: int, rng: np.random.Generator, *, leaves_acquired: bool
) -> tuple[list[int], float]:
    """Draw undecided pool images uniformly, without replacement; give them and their probability.

    A small pool is read whole. From a large one keys are drawn and looked up, so that the cost does
    not grow with it: uniform keys that hit a candidate are uniform candidates, and the share of
    hits tells how many candidates there are. Where nearly everything is decided too few hit, and
    the pool is read whole after all.

    Args:
        project_id: whose pool.
        count: how many.
        rng: the draw.
        leaves_acquired: whether images of the acquired window stay out; else they may be drawn.
    """
    low, high = _key_range(project_id)
    if high - low >= PROBED_FROM:
        look_up = _drawable_outside if leaves_acquired else _drawable_anywhere
        found, n_probed = _probe(lambda keys: look_up.rows(project_id, keys), count, rng, low, high)
        if len(found) >= count:
            n_candidates = (high - low + 1) * len(found) / n_probed
            return found[:count], min(1.0, count / n_candidates)
    ids = list(_drawable(project_id, leaves_acquired).order_by("pk").values_list("pk", flat=True))
    drawn = [ids[place] for place in rng.permutation(len(ids))[:count]]
    return drawn, len(drawn) / len(ids) if ids else 1.0


def _probe(
    look_up: Callable[[list[int]], list[tuple[Any, ...]]],
    count: int,
    rng: np.random.Generator,
    low: int,
    high: int,
) -> tuple[list[int], int]:
    """Look up random keys until enough are found; give them, in their order, and how many tried."""
    found: dict[int, None] = {}
    n_probed = 0
    # Twice what is needed is enough while most are undecided; fewer would not tell the share.
    probes = min(MOST_PROBES, max(FEWEST_PROBES, 2 * count))
    for _ in range(MOST_ROUNDS):
        keys = list(dict.fromkeys(rng.integers(low, high + 1, probes).tolist()))
        hits = {key for (key,) in look_up(keys)}
        found |= dict.fromkeys(key for key in keys if key in hits)
        n_probed += len(keys)
        probes = MOST_PROBES
        if len(found) >= count or len(found) * MOST_ROUNDS < count:
            break
    return list(found), n_probed


def _key_range(project_id: int) -> tuple[int, int]:
    low, high = _first_key.first(project_id), _last_key.first(project_id)
    return (low[0], high[0]) if low and high else (0, 0)


def _keys(project_id: int) -> QuerySet[Image, tuple[Any, ...]]:
    return Image.objects.filter(project_id=project_id, partition=Partition.POOL).values_list("pk")


_first_key = Prepared(lambda project_id: _keys(project_id).order_by("pk")[:1])
_last_key = Prepared(lambda project_id: _keys(project_id).order_by("-pk")[:1])


def _drawable(project_id: int, leaves_acquired: bool) -> QuerySet[Image]:
    held = Assignment.objects.filter(image=OuterRef("pk"), state=AssignmentState.OPEN)
    waiting = QueueEntry.objects.filter(image=OuterRef("pk"), state=QueueEntryState.OPEN)
    if not leaves_acquired:
        waiting = waiting.exclude(reason=Reason.ACQUIRED)
    return undecided_pool(project_id).filter(~Exists(held), ~Exists(waiting))


_drawable_outside = Prepared(
    lambda project_id, keys: _drawable(project_id, True).filter(pk__in=keys).values_list("pk")
)
_drawable_anywhere = Prepared(
    lambda project_id, keys: _drawable(project_id, False).filter(pk__in=keys).values_list("pk")
)


def window_sizes(project_id: int) -> dict[str, int]:
    """Count the entries of each stream that can be claimed; every reason is a key."""
    return dict.fromkeys(Reason.values, 0) | dict(_sizes.raw(project_id))


_sizes = Prepared(
    lambda project_id: (
        QueueEntry.objects.filter(
            project_id=project_id, state=QueueEntryState.OPEN, open_slots__gt=0
        )
        .values_list("reason")
        .annotate(n=Count("pk"))
        .order_by("reason")
    )
)


def open_slots(project_id: int) -> int:
    """Sum the answers that can be claimed just now, over all streams."""
    found = QueueEntry.objects.filter(
        project_id=project_id, state=QueueEntryState.OPEN, open_slots__gt=0
    ).aggregate(n=Sum("open_slots"))
    return int(found["n"] or 0)


def held_by_others_until(project_id: int, annotator_id: int, client: str) -> datetime | None:
    """Give when the last image in other hands comes free if nobody renews it; None without any.

    Other hands are those of other people and of this person's other tabs.
    """
    held = Assignment.objects.filter(project_id=project_id, state=AssignmentState.OPEN)
    others = held.exclude(annotator_id=annotator_id, client=client)
    until: datetime | None = others.aggregate(until=Max("expires_at"))["until"]
    return until


def held_by(annotator_id: int, client: str, now: datetime) -> list[Assignment]:
    """Give what one tab of one person holds, in the order it was handed out."""
    return [_assignment(row) for row in _held.rows(annotator_id, client, now)]


def held_by_many(
    tabs: Sequence[tuple[int, str]], now: datetime
) -> dict[tuple[int, str], list[Assignment]]:
    """Give what each of some tabs holds, (annotator, client), as `held_by` does for one."""
    found: dict[tuple[int, str], list[Assignment]] = {tab: [] for tab in tabs}
    people = sorted({annotator_id for annotator_id, _ in tabs})
    for client, *row in _held_by_people.rows(people, now):
        assignment = _assignment(row)
        tab = (assignment.annotator_id, client)
        if tab in found:
            found[tab].append(assignment)
    return found


def _assignment(row: Sequence[Any]) -> Assignment:
    end = len(_ASSIGNMENT)
    image = instance(Image, _IMAGE, row[end:])
    return instance(Assignment, _ASSIGNMENT, row[:end], image=image)


# What the page is given and what tests look at; the rest is read when it is asked for.
_ASSIGNMENT = ["id", "public_id", "project_id", "image_id", "annotator_id", "state", "reason"]
_ASSIGNMENT += ["serve_number", "policy", "suggestion", "expires_at"]
_IMAGE = ["id", "public_id", "width", "height"]
_held = Prepared(
    lambda annotator_id, client, now: (
        Assignment.objects.filter(
            annotator_id=annotator_id, client=client, state=AssignmentState.OPEN, expires_at__gt=now
        )
        .order_by("serve_number", "pk")
        .values_list(*_ASSIGNMENT, *(f"image__{name}" for name in _IMAGE))
    )
)


_held_by_people = Prepared(
    lambda annotator_ids, now: (
        Assignment.objects.filter(
            annotator_id__in=annotator_ids, state=AssignmentState.OPEN, expires_at__gt=now
        )
        .order_by("serve_number", "pk")
        .values_list("client", *_ASSIGNMENT, *(f"image__{name}" for name in _IMAGE))
    )
)


@dataclass(frozen=True, slots=True)
class Said:
    """How often people said the same of an image; no label where the kind is none."""

    label_code: str | None
    kind: str
    count: int


def said_by_people(image_id: int) -> list[Said]:
    """Count the live answers to an image that are no adjudications, the most frequent first."""
    rows = (
        Annotation.objects.filter(
            image_id=image_id,
            withdrawn_at__isnull=True,
            is_expert=False,
            annotator__quarantined_at__isnull=True,
        )
        .exclude(kind__in=(*NO_VOTE, *ABOUT_ONE_LABEL))
        .filter(Q(labels__isnull=True) | Q(labels__value="YES"))
        .values("kind", "labels__label__code")
        .annotate(n=Count("pk"))
        .order_by("-n", "labels__label__code", "kind")
    )
    return [Said(row["labels__label__code"], row["kind"], row["n"]) for row in rows]


def image_id(project_id: int, public_id: UUID) -> int:
    """Give the key of an image of a project by its public id.

    Raises:
        ImageNotFoundError: the project has none of that id.
    """
    found = Image.objects.filter(project_id=project_id, public_id=public_id)
    key = found.values_list("pk", flat=True).first()
    if key is None:
        raise ImageNotFoundError(f"This project has no image {public_id}.")
    return key


def is_audit_preferred(project_id: int) -> bool:
    """Tell whether some audit images are asked about sooner than chance has it.

    Only those that can be asked about: a group keeps its weight where its image was flagged or
    taken out, or where it was merged into another.
    """
    groups = SplitGroup.objects.filter(
        project_id=project_id,
        partition=Partition.AUDIT,
        measured_image__split_group_id=F("pk"),
        measured_image__flagged_at__isnull=True,
        measured_image__removed_at__isnull=True,
    )
    return groups.exclude(order_weight=1.0).exists()
