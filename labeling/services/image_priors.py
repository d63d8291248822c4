"""What the classifier thinks of pool images: a weak prior for what people say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction

from labeling.models import Image, ImagePrior, Partition
from labeling.selectors import label_order

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    import numpy.typing as npt

BATCH = 500


def store(
    *,
    project_id: int,
    scheme_id: int,
    image_ids: Sequence[int],
    probabilities: npt.NDArray[np.float32],
    model_version: UUID,
    now: datetime,
) -> int:
    """Store the classifier's out-of-group probabilities for pool images; give how many.

    Audit images among `image_ids` are left out: no prior of theirs exists to be used by mistake.
    `probabilities` is (n, k) float32 in the order of the scheme version, one row an image.

    Raises:
        ValueError: the shape is not (n, k of the scheme); columns would name the wrong labels.
    """
    k = len(label_order.label_ids(scheme_id))
    if probabilities.shape != (len(image_ids), k):
        message = f"probabilities have shape {probabilities.shape}, not ({len(image_ids)}, {k})"
        raise ValueError(message)
    rows = np.ascontiguousarray(probabilities, dtype=np.float32)
    stored = 0
    for start in range(0, len(image_ids), BATCH):
        ids = [int(image_id) for image_id in image_ids[start : start + BATCH]]
        pool = _pool_ids(project_id, ids)
        priors = [
            ImagePrior(
                image_id=image_id,
                scheme_id=scheme_id,
                probabilities=row.tobytes(),
                model_version=model_version,
                updated_at=now,
            )
            for image_id, row in zip(ids, rows[start : start + BATCH], strict=True)
            if image_id in pool
        ]
        _store_priors(priors)
        stored += len(priors)
    return stored


def _pool_ids(project_id: int, ids: Sequence[int]) -> set[int]:
    found = Image.objects.filter(project_id=project_id, pk__in=ids, partition=Partition.POOL)
    return set(found.values_list("pk", flat=True))


@transaction.atomic
def _store_priors(priors: list[ImagePrior]) -> None:
    # In one order, so that two writers never wait for each other.
    ImagePrior.objects.bulk_create(
        sorted(priors, key=lambda prior: prior.image_id),
        update_conflicts=True,
        unique_fields=["image"],
        update_fields=["scheme", "probabilities", "model_version", "updated_at"],
    )
