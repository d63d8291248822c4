"""What is taken for what, on the audit slice: the matrix, and the images behind one cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml.evaluation import metrics as shares
from ml.selectors import metrics, versions

if TYPE_CHECKING:
    from ml.selectors.metrics import Measured


def confusion(found: Measured) -> dict[str, Any]:
    """Count resolved audit images: a row for the label people agreed on, a column for ours."""
    judged = found.is_judged
    counts = shares.confusion(found.truth[judged], found.predicted[judged], len(found.codes))
    return {
        "labels": [
            {"code": code, "name": name}
            for code, name in zip(found.codes, found.names, strict=True)
        ],
        "counts": counts.tolist(),
        "n": int(judged.sum()),
        "version": found.version_number,
    }


def cell(found: Measured, truth: str, predicted: str) -> list[tuple[int, float]]:
    """Give image ids and probabilities of one confusion cell, most certain first.

    Codes that the matrix does not have give an empty cell.
    """
    if truth not in found.codes or predicted not in found.codes:
        return []
    is_here = (
        found.is_judged
        & (found.truth == found.codes.index(truth))
        & (found.predicted == found.codes.index(predicted))
    )
    rows = zip(found.image_ids[is_here].tolist(), found.p[is_here].tolist(), strict=True)
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def confusion_of_champion(project_id: int) -> dict[str, Any]:
    """Give the matrix of the version that serves; all zeros before the first."""
    return confusion(_of_champion(project_id))


def cell_of_champion(project_id: int, *, truth: str, predicted: str) -> list[tuple[int, float]]:
    """Give the images of one cell of that matrix, most certain first."""
    return cell(_of_champion(project_id), truth, predicted)


def _of_champion(project_id: int) -> Measured:
    pointer = versions.pointer(project_id)
    return metrics.of_version(project_id, pointer.version if pointer else None)
