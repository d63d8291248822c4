"""What the classifier that serves says of pictures: how likely each label is, and which is sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from labeling.errors import LabelingError
from labeling.services import pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from ml.services.serving import ServedModel


def probabilities_of(
    served: ServedModel, streams: Sequence[BinaryIO]
) -> list[npt.NDArray[np.float64] | LabelingError]:
    """Classify a batch of pictures with the ingest's own preprocessing.

    One picture is decoded at a time and only its small tensor kept, so a batch of large
    photographs needs little memory.

    Returns:
        For each stream (k,) probabilities in the bundle's label order, or its refusal.
    """
    import numpy as np  # noqa: PLC0415

    found: list[npt.NDArray[np.float64] | LabelingError] = []
    tensors: list[npt.NDArray[np.float32]] = []
    places: list[int] = []
    for place, stream in enumerate(streams):
        try:
            picture = pictures.as_stored(stream)
        except LabelingError as refusal:
            found.append(refusal)
            continue
        found.append(np.empty(0))
        tensors.append(served.embedder.preprocess(picture))
        places.append(place)
    if tensors:
        rows = served.probabilities(served.embedder.embed(np.stack(tensors)))
        for place, row in zip(places, rows, strict=True):
            found[place] = row
    return found


def top(
    served: ServedModel, probabilities: npt.NDArray[np.float64], top_k: int
) -> list[dict[str, Any]]:
    """Give the `top_k` likeliest labels of (k,) probabilities, best first.

    With several labels an image each says whether it is `accepted`, and more than `top_k` come
    where more are.
    """
    order = (-probabilities).argsort(kind="stable").tolist()
    if not served.is_several:
        return [_ranked(served, column, probabilities) for column in order[:top_k]]
    sure = served.accepted(probabilities)
    return [
        {**_ranked(served, column, probabilities), "accepted": column in sure}
        for place, column in enumerate(order)
        if place < top_k or column in sure
    ]


def sure_of(served: ServedModel, probabilities: npt.NDArray[np.float64]) -> dict[str, Any] | None:
    """Give the label that reaches the threshold, else the group that does, else nothing."""
    for column in served.accepted(probabilities):
        return {**_ranked(served, column, probabilities), "level": "label"}
    found = served.group_of(probabilities)
    if found is None:
        return None
    group, probability = found
    return {
        "label": group.code,
        "name": group.name,
        "probability": probability,
        "level": "group",
    }


def _ranked(
    served: ServedModel, column: int, probabilities: npt.NDArray[np.float64]
) -> dict[str, Any]:
    return {
        "label": served.label_order[column],
        "name": served.names[column],
        "probability": float(probabilities[column]),
    }
