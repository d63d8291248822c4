"""The report of a champion that finds several labels in pictures it has never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml.evaluation import intervals, rounding, several_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from ml.evaluation.several_labels import LabelMeasure
    from ml.services.labeled_folder import LabeledPicture
    from ml.services.serving import ServedModel


def report(
    served: ServedModel,
    pictures: Sequence[LabeledPicture],
    column_of: Mapping[str, int],
    said: npt.NDArray[np.float64],
) -> dict[str, Any]:
    """Measure (n, k) probabilities against the sets of labels that the pictures show.

    `accuracy` counts pictures whose likelier-than-not labels are exactly those they show. The
    figures of a label are of what is said from its threshold on.

    Args:
        served: who said so.
        pictures: (n,) with their labels; a label that is not named is not there.
        column_of: of every label of the pictures, as it is written there.
        said: (n, k).
    """
    shows = np.zeros(said.shape, dtype=np.bool_)
    for row, picture in enumerate(pictures):
        shows[row, [column_of[label] for label in picture.labels]] = True
    bars = np.asarray(served.head.several.thresholds if served.head.several else [], dtype=float)
    found = several_labels.measure(shows, said, np.ones_like(shows), bars)
    exact = intervals.wilson(int(((said > 0.5) == shows).all(axis=1).sum()), len(pictures))
    return {
        "n": len(pictures),
        "accuracy": rounding.number(exact.estimate),
        "interval": rounding.bounds(exact),
        "mean_average_precision": rounding.number(found.mean_average_precision),
        "micro_f1": rounding.number(found.micro_f1),
        "macro_f1": rounding.number(found.macro_f1),
        "per_class": {
            code: {
                "threshold": rounding.number(float(bars[at]) if bars[at] <= 1 else None),
                **_of_label(found.by_label[at]),
            }
            for at, code in enumerate(served.label_order)
        },
        "model_version": {
            "id": str(served.public_id),
            "number": served.number,
            "evidence": served.evidence,
        },
    }


def _of_label(one: LabelMeasure) -> dict[str, Any]:
    return {
        "n": one.n_yes,
        "average_precision": rounding.number(one.average_precision),
        "precision": rounding.share(one.precision),
        "recall": rounding.share(one.recall),
        "f1": rounding.number(one.f1),
    }
