"""The audit slice where images may bear several labels: whole sets in place of labels.

An answer is right where it names exactly the labels that people agree on, so every figure that
counts right answers (overall, by source, over time) is one of exact matches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors import several
from ml.evaluation import label_sets
from ml.selectors import audit_predictions, set_predictions

if TYPE_CHECKING:
    from uuid import UUID

    import numpy.typing as npt

    from ml.types import Labels


@dataclass(frozen=True, slots=True)
class SetTruth:
    """The sets that people agree on.

    Attributes:
        codes: of every set there is, sorted.
        names: of those sets, in the names of their labels.
        truth: (n,) index into `codes`; -1 where nothing stands.
        unasked: by image, the labels that nobody was asked about: made since, or split.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    truth: Labels
    unasked: dict[int, frozenset[str]]


def truth(project_id: int, image_ids: npt.NDArray[np.int64], names: dict[str, str]) -> SetTruth:
    """Read the sets of (n,) images.

    Args:
        project_id: the project.
        image_ids: (n,).
        names: of the labels of the current scheme, in its order, by code.
    """
    known = several.sets(project_id, image_ids)
    written = label_sets.of_rows(known.shows & known.known, tuple(names))
    is_asked = known.known.any(axis=1)
    codes = sorted(set(written[is_asked].tolist()))
    column_of = {code: column for column, code in enumerate(codes)}
    columns = np.array([column_of.get(code, -1) for code in written], dtype=np.int64)
    return SetTruth(
        tuple(codes),
        tuple(label_sets.names(code, names) for code in codes),
        np.where(is_asked, columns, -1),
        {
            int(image_ids[row]): frozenset(
                label
                for label, is_known in zip(names, known.known[row], strict=True)
                if not is_known
            )
            for row in np.flatnonzero(is_asked & ~known.known.all(axis=1))
        },
    )


def said(
    version: UUID,
    image_ids: npt.NDArray[np.int64],
    unasked: dict[int, frozenset[str]] | None,
) -> audit_predictions.Answers | None:
    """Give what a version says of (n,) images; None where its weights are gone.

    In labels, or where `unasked` is given in sets, without what nobody was asked about.
    """
    if unasked is None:
        return audit_predictions.of_version(version, image_ids)
    found = set_predictions.of_version(version, image_ids)
    if found is None:
        return None
    left_out = np.zeros(found.probabilities.shape, dtype=np.bool_)
    for row, image_id in enumerate(image_ids.tolist()):
        if image_id in unasked:
            left_out[row] = [label in unasked[image_id] for label in found.label_order]
    return found.sets(left_out)
