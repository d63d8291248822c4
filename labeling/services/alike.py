"""Images that are nearly the same: kept as `ml` finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from labeling.models import AlikeImage, Project

if TYPE_CHECKING:
    from collections.abc import Mapping

_BATCH = 1000


def set_groups(*, project_id: int, groups: Mapping[int, int]) -> int:
    """Make these the groups of a project, image key to group; give how many rows changed.

    An image that is left out is like no other. That somebody has set one apart stays known.
    """
    with transaction.atomic():
        # One writer at a time; claims and answers do not wait for this lock.
        Project.objects.select_for_update(no_key=True).get(pk=project_id)
        rows = {row.image_id: row for row in AlikeImage.objects.filter(project_id=project_id)}
        gone = [
            row.pk
            for image_id, row in rows.items()
            if image_id not in groups and row.set_apart_at is None
        ]
        changed, new = [], []
        for image_id, group in groups.items():
            row = rows.get(image_id)
            if row is None:
                new.append(AlikeImage(image_id=image_id, project_id=project_id, group=group))
            elif row.group != group:
                row.group = group
                changed.append(row)
        for start in range(0, len(gone), _BATCH):
            AlikeImage.objects.filter(pk__in=gone[start : start + _BATCH]).delete()
        AlikeImage.objects.bulk_update(changed, ["group"], batch_size=_BATCH)
        AlikeImage.objects.bulk_create(new, batch_size=_BATCH)
    return len(gone) + len(changed) + len(new)
