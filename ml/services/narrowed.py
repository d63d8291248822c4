"""Images of which people know no more than that they are one of several labels.

Somebody said "milk, I cannot say which", or a label that was split since. Such a row is spread over
what the image may be, by what is believed of it, and teaches the head with its full weight. It is
never asked whether the classifier is right: checks, thresholds and figures leave it out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors import consensus
from ml.selectors import embeddings
from ml.services import snapshots

if TYPE_CHECKING:
    from labeling.selectors.projects import ProjectRow
    from ml.models import EmbeddingSet
    from ml.services.lending import Lending

MULTI = "MULTI"


def joined(found: Lending, project: ProjectRow, embedding_set: EmbeddingSet | None) -> Lending:
    """Append the narrowed rows behind what is answered and what is lent.

    An image that is lent a label, which says more, has no second row.
    """
    if embedding_set is None or project.mode == MULTI:
        return found
    rows, before = consensus.narrowed_rows(project.pk), found.rows
    if not len(rows.image_ids) or rows.scheme_id != before.scheme_id:
        return found
    may = embeddings.has_vector(embedding_set.pk, rows.image_ids)
    rows = snapshots.only(rows, may & ~np.isin(rows.image_ids, before.image_ids))
    together = replace(
        before,
        image_ids=np.concatenate([before.image_ids, rows.image_ids]),
        posteriors=np.concatenate([before.posteriors, rows.posteriors]),
        weights=np.concatenate([before.weights, rows.weights]),
        groups=np.concatenate([before.groups, rows.groups]),
    )
    return replace(found, rows=together, n_narrowed=len(rows.image_ids))
