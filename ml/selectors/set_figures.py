"""How good a version is that finds several labels in an image, label by label (rule 1).

From the audit slice alone: one image a split group, drawn before anybody labeled it. An image
counts for a label where people were asked about it and no expert has yet to look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import consensus, projects, several
from ml.evaluation import several_labels
from ml.selectors import audited, metrics, set_predictions

if TYPE_CHECKING:
    from uuid import UUID

    import numpy.typing as npt

    from ml.evaluation.several_labels import LabelMeasure

PAIRS = 12
"""Pairs of labels shown, those that come together most often first."""


@dataclass(frozen=True, slots=True)
class _Truth:
    shows: npt.NDArray[np.bool_]
    known: npt.NDArray[np.bool_]
    image_ids: npt.NDArray[np.int64]


def page(project_id: int, version: UUID | None) -> dict[str, Any]:
    """Give the figures of each label, and which labels come together.

    Precision, recall and F1 are of what the version says by itself: from each label's threshold.
    `average_precision` needs no threshold. All null where nothing is known yet.
    """
    scheme = projects.current_scheme(project_id)
    truth = _truth(project_id)
    said = set_predictions.of_version(version, truth.image_ids) if version else None
    k = len(scheme.codes)
    probabilities, bars = np.zeros(truth.shows.shape), np.full(k, np.inf)
    known = truth.known.copy()
    if said is None:
        known[:] = False
    else:
        at = {code: column for column, code in enumerate(said.label_order)}
        for column, code in enumerate(scheme.codes):
            if code in at:
                probabilities[:, column] = said.probabilities[:, at[code]]
                bars[column] = said.thresholds[at[code]]
        known &= said.is_there[:, None]
    found = several_labels.measure(truth.shows, probabilities, known, bars) if known.any() else None
    return {
        "images": int(known.any(axis=1).sum()),
        "mean_average_precision": found.mean_average_precision if found else None,
        "micro_f1": found.micro_f1 if found else None,
        "macro_f1": found.macro_f1 if found else None,
        "labels": [
            {
                "code": code,
                "name": scheme.names[column],
                "threshold": float(bars[column]) if bars[column] <= 1 else None,
                **_of_label(found.by_label[column] if found else None),
            }
            for column, code in enumerate(scheme.codes)
        ],
        "together": _together(truth, scheme.names),
    }


def _truth(project_id: int) -> _Truth:
    """Read the settled audit images that all had the same chance of being measured."""
    rows = consensus.audit_rows(project_id, measured_only=True)
    found = several.sets(project_id, rows.image_ids)
    is_alike = audited.drawn_alike(rows)
    kept = found.known.any(axis=1) & ~rows.is_pending & is_alike
    return _Truth(found.shows[kept], found.known[kept], rows.image_ids[kept])


def _of_label(one: LabelMeasure | None) -> dict[str, Any]:
    return {
        "n": one.n if one else 0,
        "n_yes": one.n_yes if one else 0,
        "average_precision": one.average_precision if one else None,
        "precision": metrics.interval_json(one.precision) if one and one.precision else None,
        "recall": metrics.interval_json(one.recall) if one and one.recall else None,
        "f1": one.f1 if one else None,
    }


def _together(truth: _Truth, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Count the audit images that show two labels at once, by what people say."""
    shown = (truth.shows & truth.known).astype(np.int64)
    counts = np.triu(shown.T @ shown, 1)
    order = np.argsort(-counts, axis=None, kind="stable")[:PAIRS]
    pairs = (np.unravel_index(int(at), counts.shape) for at in order)
    return [
        {"names": [names[first], names[second]], "n": int(counts[first, second])}
        for first, second in pairs
        if counts[first, second]
    ]
