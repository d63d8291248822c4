"""How many images of a project may be used, and for what."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F, Q

from labeling.models import ConsensusState, Image, Partition


@dataclass(frozen=True, slots=True)
class PartitionCounts:
    """How many images there are, how many of them are resolved, and what is counted nowhere.

    Attributes:
        images: usable ones: neither flagged nor taken out.
        pool_open: in the pool with an answer, and not enough to settle it.
        audit, audit_resolved: those drawn to be measured, one a group.
        pending: not decided yet; they are on their way into the pool or the audit slice.
        audit_twins: in the audit slice beside the one of their group that is measured.
        excluded: so like images of the pool and of the audit slice that they would join both.
        flagged, removed: not usable; what is both counts as removed.
    """

    images: int
    pool: int
    pool_resolved: int
    pool_open: int
    audit: int
    audit_resolved: int
    pending: int
    audit_twins: int
    excluded: int
    flagged: int
    removed: int


def counts(project_id: int) -> PartitionCounts:
    """Count a project's images by partition, in one query."""
    is_there = Q(removed_at__isnull=True)
    usable = is_there & Q(flagged_at__isnull=True)
    in_pool = usable & Q(partition=Partition.POOL)
    in_audit = usable & Q(partition=Partition.AUDIT)
    measured = in_audit & Q(split_group__measured_image_id=F("pk"))
    resolved = Q(consensus__state=ConsensusState.RESOLVED)
    counted = {
        "images": usable,
        "pool": in_pool,
        "pool_resolved": in_pool & resolved,
        "pool_open": in_pool & Q(consensus__state=ConsensusState.OPEN, consensus__n_votes__gt=0),
        "in_audit": in_audit,
        "audit": measured,
        "audit_resolved": measured & resolved,
        "pending": usable & Q(partition=Partition.PENDING),
        "excluded": usable & Q(partition=Partition.EXCLUDED),
        "flagged": is_there & Q(flagged_at__isnull=False),
        "removed": ~is_there,
    }
    found = Image.objects.filter(project_id=project_id).aggregate(
        **{name: Count("pk", filter=condition) for name, condition in counted.items()}
    )
    # Not by a condition of its own: a group without a measured image would fall out of both.
    twins = found.pop("in_audit") - found["audit"]
    return PartitionCounts(**found, audit_twins=twins)
