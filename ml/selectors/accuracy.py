"""The figures of one version on a page: overall, by label, by source, and how far to believe them.

All from the audit slice (rule 1), all from stored rows; `manage.py figures` gives the same.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import consensus
from ml.evaluation import summary
from ml.selectors import group_figures, metrics, set_figures

if TYPE_CHECKING:
    from uuid import UUID

    from ml.selectors.metrics import Measured

MANY_LABELS = 10
"""From so many labels on "among the first five" says something; below, "among the first two"."""

BINS = 10


def page(project_id: int, version: UUID | None) -> dict[str, Any]:
    """Give all the figures of a page; every one of them unknown where there is no version.

    `rests_on_one_person` is true while a single annotator stands behind all measured labels
    (rule 2): the figure is then only as good as one person's word. Labels that all came with the
    pictures are no person's: `came_with_pictures` is true then.
    """
    found = metrics.of_version(project_id, version)
    # An import counts as one annotator.
    came_with = found.n_people == 1 and consensus.came_with_pictures(project_id)
    return {
        "version": found.version_number or None,
        "overall": metrics.overall(found).to_json(),
        "is_weighed": not metrics.is_drawn_alike(found.inclusion),
        "macro": _macro(found),
        "classes": _classes(found),
        "top": _top(found),
        "calibration": _calibration(found),
        "open": _open(found),
        "per_source": metrics.per_source(found),
        # With several labels an image the classes of `found` are sets of labels.
        "per_class": [] if found.is_sets else metrics.per_class(found),
        "groups": group_figures.page(found),
        "several": set_figures.page(project_id, version) if found.is_sets else None,
        "rests_on_one_person": found.n_people == 1 and not came_with,
        "came_with_pictures": came_with,
    }


def _macro(found: Measured) -> float | None:
    """Give the mean of the labels' shares, each label counting once, over labels with images."""
    known = [one.estimate for one in metrics.by_labels(found) if not math.isnan(one.estimate)]
    return sum(known) / len(known) if known else None


def _classes(found: Measured) -> dict[str, Any]:
    """Estimate the mean label and the one at the 10th percentile, few answers allowed for."""
    rows = metrics.by_labels(found)
    right, cases = metrics.pooled_cases(rows)
    # The draws are the same for the same rows, so that a command gives the page's numbers.
    rng = np.random.default_rng(found.version_number)
    likelier = [row.likelier for row in rows]
    one = summary.class_summary(right, cases, rng=rng, likelier=likelier)
    return {
        "macro": metrics.interval_json(one.macro),
        "tenth": metrics.interval_json(one.tenth),
    }


def _top(found: Measured) -> dict[str, Any]:
    """Estimate how often the right label is among the first few."""
    k = 5 if len(found.codes) >= MANY_LABELS else 2
    return {"k": k, **metrics.among(found, k).to_json()}


def _calibration(found: Measured) -> dict[str, Any]:
    """Compare what the version says of its own certainty with how often it is right.

    `by_chance` is the calibration error that a classifier with these certainties would show on so
    few images though every one of them were true.
    """
    settled = found.is_judged & ~found.checks.pending & found.is_alike
    n = int(settled.sum())
    rows = summary.reliability(found.p[settled], found.is_right[settled], bins=BINS)
    gaps = [row.accuracy.n * abs(row.accuracy.estimate - row.confidence) for row in rows]
    noise = [
        math.sqrt(2 / math.pi * row.accuracy.n * row.confidence * (1 - row.confidence))
        for row in rows
    ]
    return {
        "ece": sum(gaps) / n if n else None,
        "by_chance": sum(noise) / n if n else None,
        "n": n,
        "bins": [
            {
                "from": float(row.low),
                "to": float(row.high),
                "confidence": row.confidence,
                **metrics.interval_json(row.accuracy),
            }
            for row in rows
        ],
    }


def _open(found: Measured) -> dict[str, int]:
    """Count the images that are counted both ways, by what they wait for."""
    states = np.asarray(found.states, dtype=object)
    unsettled = found.truth < 0
    is_group = np.array([code != "" for code in found.group_code], dtype=np.bool_)
    group = unsettled & (is_group if len(is_group) else np.zeros_like(unsettled))
    fits_none = unsettled & np.isin(states, ("NONE_OF_THESE", "UNUSABLE", "RESOLVED")) & ~group
    expert = found.checks.pending | (unsettled & (states == "DISPUTED"))
    counted = {
        "expert": expert,
        "none_fits": fits_none & ~expert,
        "group": group & ~expert,
        "answers": unsettled & ~fits_none & ~group & ~expert,
        "unseen": ~unsettled & ~expert & (found.predicted < 0),
    }
    return {name: int(rows.sum()) for name, rows in counted.items()}
