"""Split groups: written once, never moved between partitions (architecture rule 1).

`ml` finds out which images may show the same thing; what follows from it is decided here, so that
no caller can move an image that was measured into training or the other way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from django.db import connection, transaction

from labeling import events
from labeling.models import Image, Partition, Project, SplitGroup
from labeling.selectors import prepared

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

BATCH = 200
GROUP_COLUMNS = (
    "project_id",
    "partition",
    "inclusion_probability",
    "measured_image_id",
    "draw_order",
    "created_at",
)
UPDATE_SQL = """
UPDATE labeling_image SET split_group_id = %s, partition = %s, inclusion_probability = %s
WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class GroupDecision:
    """One connected component of images that may show the same thing."""

    image_ids: Sequence[int]  # those that still wait
    existing_group_ids: Sequence[int] = ()  # groups they are linked to
    partition: str | None = None  # None: drawn by the project's share
    audit_share: float | None = None  # instead of the project's, where it makes a new group


@dataclass(slots=True)
class _Writes:
    """What a call has decided and not written yet."""

    project: Project
    now: datetime
    groups: list[SplitGroup] = field(default_factory=list)
    images: list[tuple[int, SplitGroup]] = field(default_factory=list)


def set_partitions(
    *,
    project_id: int,
    decisions: Sequence[GroupDecision],
    now: datetime,
    rng: np.random.Generator | None = None,
) -> int:
    """Give waiting images their split group and partition; an image decided before stays.

    A component that touches no group makes a new one: AUDIT with the probability
    `audit_partition_share` (or the decision's own), else POOL, unless the decision names a
    partition. One that touches
    groups of a single partition joins them, and they become one. One that touches groups of
    different partitions is EXCLUDED on its own: it would carry what the audit measures into
    what is trained on. `inclusion_probability` is the chance that the group had of becoming
    AUDIT; the same for its POOL twin.

    Args:
        project_id: of the project; its row is locked meanwhile.
        decisions: components, disjoint in images.
        now: the time.
        rng: draws everything. Without it each component draws from the project's secret seed
            and its smallest image id, so that the batches images come in change nothing.

    Returns:
        How many images left PENDING.
    """
    with transaction.atomic():
        project = Project.objects.select_for_update(no_key=True).get(pk=project_id)
        waiting = _waiting(project_id, decisions)
        roots = _roots(project_id, decisions)
        writes = _Writes(project, now)
        for decision in decisions:
            images = [key for key in decision.image_ids if key in waiting]
            if images:
                waiting.difference_update(images)
                touched = _distinct(roots, decision.existing_group_ids)
                draw = rng or _own_rng(project, images)
                _decide(writes, decision, images, touched, draw)
        _write(writes)
        if writes.images:
            events.send_on_commit(events.partition_decided, project_id=project_id)
    return len(writes.images)


def _decide(
    writes: _Writes,
    decision: GroupDecision,
    images: list[int],
    touched: list[SplitGroup],
    rng: np.random.Generator,
) -> None:
    kinds = {group.partition for group in touched}
    if len(kinds) == 1:
        _join(images, _merged(touched), writes)
        return
    probability = writes.project.audit_partition_share
    if decision.audit_share is not None:
        probability = decision.audit_share
    partition = decision.partition
    if kinds or partition == Partition.EXCLUDED:
        partition, probability = Partition.EXCLUDED, 0.0
    elif partition is not None:
        probability = float(partition == Partition.AUDIT)
    elif rng.random() < probability:
        partition = Partition.AUDIT
    group = SplitGroup(
        project=writes.project,
        partition=str(partition or Partition.POOL),
        inclusion_probability=probability,
        draw_order=float(rng.random()),
        created_at=writes.now,
    )
    if group.partition == Partition.AUDIT:
        group.measured_image_id = images[int(rng.integers(len(images)))]
    writes.groups.append(group)
    _join(images, group, writes)


def _join(images: Iterable[int], group: SplitGroup, writes: _Writes) -> None:
    writes.images += [(image_id, group) for image_id in images]


def _merged(groups: list[SplitGroup]) -> SplitGroup:
    """Make one group of several of one partition; the first in draw order keeps its measure.

    Draw order is random and knows nothing of the answers, so the image that stays measured is
    still a random one.
    """
    kept, *others = sorted(groups, key=lambda group: (group.draw_order, group.pk))
    for other in others:
        other.merged_into = kept
        other.save(update_fields=["merged_into"])
        other.images.update(split_group=kept)
        SplitGroup.objects.filter(merged_into=other).update(merged_into=kept)
    return kept


def _write(writes: _Writes) -> None:
    """Write groups and images, both past the objects: they are most of what deciding costs."""
    rows = [[getattr(group, name) for name in GROUP_COLUMNS] for group in writes.groups]
    keys = prepared.insert("labeling_splitgroup", GROUP_COLUMNS, rows)
    for group, key in zip(writes.groups, keys, strict=True):
        group.pk, group._state.adding = key, False
    # The live one's key: a group may have been merged by a later decision of this call.
    decided = [
        (_live(group).pk, group.partition, group.inclusion_probability, image_id)
        for image_id, group in writes.images
    ]
    with connection.cursor() as cursor:
        cursor.executemany(UPDATE_SQL, decided)


def _waiting(project_id: int, decisions: Sequence[GroupDecision]) -> set[int]:
    """Give those of the images that are in the project and not decided yet."""
    ids = sorted({int(key) for decision in decisions for key in decision.image_ids})
    found: set[int] = set()
    for start in range(0, len(ids), BATCH):
        rows = Image.objects.filter(
            project_id=project_id,
            partition=Partition.PENDING,
            pk__in=ids[start : start + BATCH],
        )
        found.update(rows.values_list("pk", flat=True))
    return found


def _roots(project_id: int, decisions: Sequence[GroupDecision]) -> dict[int, SplitGroup]:
    """Give each group that is named, and where it was merged away, what it became."""
    ids = sorted({int(key) for decision in decisions for key in decision.existing_group_ids})
    found: dict[int, SplitGroup] = {}
    for start in range(0, len(ids), BATCH):
        rows = SplitGroup.objects.filter(project_id=project_id, pk__in=ids[start : start + BATCH])
        found.update({group.pk: group for group in rows.select_related("merged_into")})
    live = {key: group.merged_into or group for key, group in found.items()}
    same = {group.pk: group for group in live.values()}
    return {key: same[group.pk] for key, group in live.items()}


def _distinct(roots: dict[int, SplitGroup], group_ids: Iterable[int]) -> list[SplitGroup]:
    """Give the live groups behind some ids, following merges made earlier in this call."""
    live: dict[int, SplitGroup] = {}
    for key in group_ids:
        group = roots.get(int(key))
        if group is not None:
            group = _live(group)
            live[group.pk] = group
    return list(live.values())


def _live(group: SplitGroup) -> SplitGroup:
    while group.merged_into is not None:
        group = group.merged_into
    return group


def _own_rng(project: Project, images: list[int]) -> np.random.Generator:
    return np.random.default_rng([project.seed, min(images)])
