"""In which order audit images are asked about: at random, some of them sooner.

The order is `draw_order / order_weight`. The draw order is chance and stays; the weight comes from
what is known of an image before anybody answers. So the chance of every image to have been asked
about by now is known, and figures weigh by it (`ml.evaluation.closer_look`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from django.db import connection, transaction

from labeling.models import Partition, SplitGroup
from labeling.services import windows

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

UPDATE_SQL = "UPDATE labeling_splitgroup SET order_weight = %s, reached = %s WHERE id = %s"
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

    Nothing is done where the weights are what they were.

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
        listed = groups.order_by("pk").values_list("pk", "measured_image_id", "order_weight")
        was = [(key, image_id, weight) for key, image_id, weight in listed if image_id in given]
        if all(math.isclose(weight, given[image_id][0]) for _, image_id, weight in was):
            return
        rows = [(*given[image_id], key) for key, image_id, _ in was]
        with connection.cursor() as cursor:
            cursor.executemany(UPDATE_SQL, rows)
        windows.put_back_audit(project_id=project_id, now=now)
