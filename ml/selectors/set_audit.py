"""The audit slice where images may bear several labels: whole sets in place of labels.

An answer is right where it names exactly the labels that people agree on, so every figure that
counts right answers (overall, by source, over time) is one of exact matches.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors import several
from ml.evaluation import label_sets
from ml.selectors import audit_predictions, set_predictions

if TYPE_CHECKING:
    from uuid import UUID

    import numpy.typing as npt

    from ml.selectors.metrics import Audit


def of_sets(project_id: int, found: Audit, names: dict[str, str]) -> Audit:
    """Let whole sets stand where labels stood; an expert's word stands for that image alone.

    An image counts where people were asked about every label of today.

    Args:
        project_id: the project.
        found: the audit slice as one label an image would have it.
        names: of the labels of the current scheme, in its order, by code.
    """
    known = several.sets(project_id, found.image_ids)
    written = label_sets.of_rows(known.shows, tuple(names))
    is_whole = known.known.all(axis=1)
    codes = sorted(set(written[is_whole].tolist()))
    column_of = {code: column for column, code in enumerate(codes)}
    columns = [column_of.get(code, -1) for code in written]
    n = len(found.image_ids)
    return replace(
        found,
        codes=tuple(codes),
        names=tuple(label_sets.names(code, names) for code in codes),
        truth=np.where(is_whole, np.array(columns, dtype=np.int64), -1),
        checks=replace(
            found.checks,
            checked=np.zeros(n, dtype=np.bool_),
            people=np.full(n, -1, dtype=np.int64),
            probability=np.ones(n),
            named=((),) * n,
        ),
        label_names=names,
    )


def said(
    found: Audit, version: UUID, image_ids: npt.NDArray[np.int64]
) -> audit_predictions.Answers | None:
    """Give what a version says, in labels or in sets; None where its weights are gone."""
    if found.label_names is None:
        return audit_predictions.of_version(version, image_ids)
    sets = set_predictions.of_version(version, image_ids)
    return sets.sets() if sets is not None else None
