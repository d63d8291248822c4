"""Every figure of the staff room's overview, computed again from stored rows."""

from __future__ import annotations

from typing import Any

from ml.selectors import accuracy, history, outlook, versions


def everything(project_id: int) -> dict[str, Any]:
    """Give what the overview, the curve and the forecast show, without anything kept in between.

    `is_as_stored` tells whether the stored forecast is what its rows give now; labels and answers
    that came since make it differ until it is computed next.
    """
    pointer = versions.pointer(project_id)
    ahead = outlook.compute(project_id)
    stored = outlook.stored(project_id)
    return {
        "accuracy": accuracy.page(project_id, pointer.version if pointer else None),
        "history": history.points(project_id),
        "outlook": ahead,
        "is_as_stored": stored is not None and stored.figures == ahead,
    }
