"""Measuring the champion on labeled pictures that the project has never seen.

For owners who have photographs of their own. Nothing is stored: the pictures go through the
prediction API's own path and are forgotten.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.errors import LabelingError
from labeling.services.import_sources import plain
from ml.errors import MlError
from ml.evaluation import intervals, metrics, rounding
from ml.services import classify, evaluation_several, levels, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ml.services.labeled_folder import LabeledPicture
    from ml.services.serving import ServedModel
    from ml.types import Labels, Probabilities

BATCH = 16


class UnknownLabelsError(MlError):
    """The folder uses labels that the classifier does not know."""

    code = "unknown_labels"


class UnreadablePictureError(MlError):
    """A picture of the folder cannot be read; leaving it out would flatter the figure."""

    code = "unreadable_picture"


def evaluate(
    *,
    project_id: int,
    pictures: Sequence[LabeledPicture],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Classify labeled pictures with the champion and say how often it is right.

    Intervals are Wilson's at 95 % and take the pictures as independent: near-duplicates in the
    folder make them too narrow.

    Args:
        project_id: whose champion.
        pictures: with labels that are codes or names of the champion's labels.
        progress: called with how many are done and how many there are.

    Returns:
        `n, accuracy, interval, macro, top5, ece, per_class, confusion, model_version`, as
        docs/operations.md describes them. With several labels an image `accuracy` is the share of
        whole sets that are right, and `mean_average_precision, micro_f1, macro_f1` stand in place
        of `macro, top5, ece, confusion`. Where labels have groups, `levels` says how often either
        is right, and what the API would answer with (`levels.measure`).

    Raises:
        NoChampionError: there is nothing to measure yet.
        UnknownLabelsError: a label of the folder is none of the champion's.
        UnreadablePictureError: a picture is refused.
    """
    served = serving.champion(project_id)
    column_of = _known(pictures, served)
    rows = []
    for start in range(0, len(pictures), BATCH):
        rows += _classify(served, pictures[start : start + BATCH])
        progress(len(rows), len(pictures))
    said = np.array(rows)
    if served.is_several:
        return evaluation_several.report(served, pictures, column_of, said)
    true = np.array([column_of[picture.label] for picture in pictures], dtype=np.int64)
    found = _report(served, true, said)
    return found | ({"levels": levels.measure(served, true, said)} if served.groups else {})


def _known(pictures: Sequence[LabeledPicture], served: ServedModel) -> dict[str, int]:
    """Give the column of every label of the pictures: by code, by name, or as a folder writes it.

    An import takes a folder "Oat-Milk" for the label "Oat Milk"; so does this.
    """
    exact = {name: column for column, name in enumerate(served.names)}
    exact |= {code: column for column, code in enumerate(served.label_order)}
    alike = {short: column for name, column in exact.items() if (short := plain(name))}
    used = {
        label
        for picture in pictures
        for label in (picture.labels if served.is_several else (picture.label,))
    }
    column_of = {label: exact.get(label, alike.get(plain(label), -1)) for label in used}
    unknown = sorted(label for label, column in column_of.items() if column < 0)
    if unknown:
        raise UnknownLabelsError(
            f"Version {served.number} does not know {len(unknown)} of the labels: "
            f"{', '.join(unknown[:10])}. It knows {', '.join(served.names)}.",
            unknown=unknown,
        )
    return column_of


def _classify(
    served: ServedModel, pictures: Sequence[LabeledPicture]
) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    with ExitStack() as stack:
        streams = [stack.enter_context(picture.path.open("rb")) for picture in pictures]
        found = classify.probabilities_of(served, streams)
    rows = []
    for picture, row in zip(pictures, found, strict=True):
        if isinstance(row, LabelingError):
            raise UnreadablePictureError(f"{picture.name}: {row.message}", name=picture.name)
        rows.append(row)
    return rows


def _report(served: ServedModel, true: Labels, probabilities: Probabilities) -> dict[str, Any]:
    predicted = probabilities.argmax(axis=1)
    counts = metrics.confusion(true, predicted, len(served.label_order))
    overall = intervals.wilson(int(np.trace(counts)), len(true))
    return {
        "n": len(true),
        "accuracy": rounding.number(overall.estimate),
        "interval": rounding.bounds(overall),
        "macro": rounding.number(metrics.macro(true, predicted)),
        "top5": rounding.number(metrics.top_k(true, probabilities, 5)),
        "ece": rounding.number(metrics.ece(true, probabilities)),
        "per_class": {
            code: _of_class(int(counts[column, column]), int(counts[column].sum()))
            for column, code in enumerate(served.label_order)
        },
        "confusion": {"labels": list(served.label_order), "counts": counts.tolist()},
        "model_version": {
            "id": str(served.public_id),
            "number": served.number,
            "evidence": served.evidence,
        },
    }


def _of_class(right: int, n: int) -> dict[str, Any]:
    share = intervals.wilson(right, n)
    return {
        "n": n,
        "accuracy": rounding.number(share.estimate) if n else None,
        "interval": rounding.bounds(share) if n else None,
    }
