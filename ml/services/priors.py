"""Tell labeling what the classifier thinks of pool images: a weak prior for their consensus.

Images the head was fitted on get what heads without their split group say (never their own echo).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labeling.services import image_priors

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from ml.services.acquisition import Scored
    from ml.types import Indices, Probabilities

GROWTH = 1.05
"""All priors are written again with every twentieth label more; in between, those of the window:
an image is asked about only from there, and one more answer moves the others by next to nothing."""


def is_full_due(n_labels: int, last_full_at: int) -> bool:
    """Tell whether all priors are due, given the number of labels when they last were written."""
    return n_labels >= GROWTH * last_full_at


def write(
    *,
    project_id: int,
    scheme_id: int,
    model_version: UUID,
    scored: Scored,
    labeled_ids: Indices,
    out_of_group: Probabilities,
    chosen: Indices,
    is_full: bool,
    now: datetime,
) -> int:
    """Store priors of the candidates and, out of group, of labeled images; give how many.

    Args:
        project_id: the project.
        scheme_id: the scheme whose order the columns have.
        model_version: the head that says so.
        scored: candidates with probabilities.
        labeled_ids: (n,) images the head was fitted on.
        out_of_group: (n, k) of those.
        chosen: (b,) candidates of the window; those are written at least.
        is_full: write the labeled images too, and all candidates whose probabilities were kept.
        now: the time.
    """
    if scored.head is None and scored.probabilities is None:
        return 0
    if is_full and scored.probabilities is not None:
        ids, rows = scored.image_ids, scored.probabilities
    else:
        ids, rows = scored.said_of(chosen)
    if is_full:
        ids = np.concatenate([ids, labeled_ids])
        rows = np.concatenate([rows, out_of_group])
    return image_priors.store(
        project_id=project_id,
        scheme_id=scheme_id,
        image_ids=ids.tolist(),
        probabilities=rows.astype(np.float32),
        model_version=model_version,
        now=now,
    )
