"""Distributions over labels between scheme versions: matched by label, never by place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labeling.models import SchemeLabel

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


def label_ids(scheme_id: int) -> tuple[int, ...]:
    """Give the labels of a scheme version in their order."""
    return tuple(
        SchemeLabel.objects.filter(scheme_id=scheme_id)
        .order_by("position", "pk")
        .values_list("label_id", flat=True)
    )


def remap(
    rows: npt.NDArray[np.float32], old: Sequence[int], new: Sequence[int]
) -> npt.NDArray[np.float32]:
    """Bring distributions over the labels `old` to the order of `new`.

    Retired labels drop and the rest is scaled to sum to 1; labels that are new get 0. A row that
    lay on retired labels alone becomes uniform: it no longer says anything.

    Rows are (n, len(old)) and sum to 1; the result is (n, len(new)) float32.
    """
    if tuple(old) == tuple(new):
        return rows
    column_of = {label_id: column for column, label_id in enumerate(old)}
    kept = [(place, column_of[label]) for place, label in enumerate(new) if label in column_of]
    out = np.zeros((len(rows), len(new)), dtype=np.float32)
    if kept:
        places, columns = (list(side) for side in zip(*kept, strict=True))
        out[:, places] = rows[:, columns]
    total = out.sum(axis=1, keepdims=True)
    uniform = np.full_like(out, 1 / max(len(new), 1))
    return np.where(total > 0, out / np.where(total > 0, total, 1), uniform).astype(np.float32)
