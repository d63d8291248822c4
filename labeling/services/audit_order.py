"""In which order audit images are asked about: at random, some of them sooner.

The order is `draw_order / order_weight`. The draw order is chance and stays; the weight comes from
what is known of an image before anybody answers. So the chance of every image to have been asked
about by now is known, and figures weigh by it (`ml.evaluation.closer_look`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction

from labeling.models import Partition, SplitGroup
from labeling.services import windows

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

BATCH = 500
LIGHTEST = 1e-3
"""A lighter one would hardly ever be asked about, and weigh more than all others in the figures."""


def prefer(
    *,
    project_id: int,
    image_ids: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float64],
    reached: npt.NDArray[np.float64],
    now: datetime,
) -> None:
    """Give measured images new weights; what waits in the window and nobody holds goes back.

    Args:
        project_id: of the audit slice.
        image_ids: (n,) measured images of it; any other is left out.
        weights: (n,) so many times as early each is asked about, at least 0.001.
        reached: (n,) chance of each to have been asked about so far, in [0, 1]: it stays at least
            that whatever the weights are.
        now: the time.
    """
    if np.any(~np.isfinite(weights)) or np.any(weights < LIGHTEST):
        message = f"weights must be at least {LIGHTEST}, got {weights.min()}"
        raise ValueError(message)
    if np.any(reached < 0) or np.any(reached > 1):
        message = f"reached must lie in [0, 1], got {reached.min()} to {reached.max()}"
        raise ValueError(message)
    given = {
        key: (weight, so_far)
        for key, weight, so_far in zip(
            image_ids.tolist(), weights.tolist(), reached.tolist(), strict=True
        )
    }
    with transaction.atomic():
        groups = SplitGroup.objects.select_for_update().filter(
            project_id=project_id, partition=Partition.AUDIT, measured_image__isnull=False
        )
        changed = []
        for group in groups.order_by("pk").only("measured_image_id", "order_weight", "reached"):
            if group.measured_image_id in given:
                group.order_weight, group.reached = given[group.measured_image_id]
                changed.append(group)
        SplitGroup.objects.bulk_update(changed, ["order_weight", "reached"], batch_size=BATCH)
        windows.put_back_audit(project_id=project_id, now=now)
