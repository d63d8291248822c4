"""Distributions over labels between scheme versions: matched by label, never by place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labeling.models import SchemeLabel

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from labeling.consensus.lineage import Lineage


def label_ids(scheme_id: int) -> tuple[int, ...]:
    """Give the labels of a scheme version in their order."""
    return tuple(
        SchemeLabel.objects.filter(scheme_id=scheme_id)
        .order_by("position", "pk")
        .values_list("label_id", flat=True)
    )


def remap(
    rows: npt.NDArray[np.float32],
    old: Sequence[int],
    new: Sequence[int],
    lineage: Lineage | None = None,
) -> npt.NDArray[np.float32]:
    """Bring distributions over the labels `old` to the order of `new`.

    What was merged is added up, what was split is shared out evenly, by the `lineage` of the new
    version. Retired labels drop and the rest is scaled to sum to 1; labels that are new get 0. A
    row that lay on retired labels alone becomes uniform: it no longer says anything.

    Rows are (n, len(old)) and sum to 1; the result is (n, len(new)) float32.
    """
    if tuple(old) == tuple(new):
        return rows
    column_of = {label_id: column for column, label_id in enumerate(new)}
    out = np.zeros((len(rows), len(new)), dtype=np.float32)
    for place, label in enumerate(old):
        columns = (column_of[label],) if label in column_of else _heirs(label, lineage)
        for column in columns:
            out[:, column] += rows[:, place] / np.float32(len(columns))
    total = out.sum(axis=1, keepdims=True)
    uniform = np.full_like(out, 1 / max(len(new), 1))
    return np.where(total > 0, out / np.where(total > 0, total, 1), uniform).astype(np.float32)


def _heirs(label: int, lineage: Lineage | None) -> tuple[int, ...]:
    if lineage is None:
        return ()
    if label in lineage.merged:
        return (lineage.merged[label],)
    return tuple(lineage.several.get(label, ()))
