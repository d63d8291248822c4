"""Does the forecast's range hold the number of labels that a target really takes?

A head is refitted on nested prefixes of labels in random order, each prefix measured on audit
groups. The forecast sees the prefixes up to a point; what really happens after it is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml.bench import verify_sets
from ml.bench.verify import CannotMeasureError, Setup, Target
from ml.evaluation import forecast, splits
from ml.heads import ridge

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.bench.verify_sets import LabeledVectors
    from ml.types import Indices

HELD_OUT = 0.45
AUDIT_GROUPS = 400
KNOWN = {"photographs": 260, "digits": 80, "drawings": 260}
"""Labels at the time of the forecast."""

PREFIXES = (0.2, 0.3, 0.42, 0.56, 0.72, 0.86, 1.0)
LATER = (1.2, 1.45, 1.75, 2.1, 2.5, 3.0, 3.6)
ASKED = (1.45, 2.1, 3.0)
"""Targets: what is really reached with these multiples of the labels."""

parameters = {
    "held_out": HELD_OUT,
    "audit_groups": AUDIT_GROUPS,
    "known_labels": KNOWN,
    "asked_at": list(ASKED),
}


def measure(setup: Setup) -> dict[str, Any]:
    """Play `setup.trials` random orders on each of the three sets."""
    rng = np.random.default_rng(setup.seed)
    sets = [verify_sets.photographs(setup), verify_sets.digits(), verify_sets.drawings(rng)]
    by_set = {}
    for vectors in sets:
        asked = []
        for trial in range(setup.trials):
            asked += play(vectors, rng)
            setup.say(vectors.name, trial + 1, setup.trials)
        by_set[vectors.name] = summary(asked)
    n = sum(each["answered"] for each in by_set.values())
    if n == 0:
        raise CannotMeasureError("Every forecast was refused; try more --trials.")
    inside = sum(each["hits"] for each in by_set.values())
    return {"inside": round(inside / n, 4), "n": n, "sets": by_set}


def targets(figures: dict[str, Any]) -> list[Target]:
    """Compare with what issue 4 promises."""
    inside = figures["inside"]
    return [Target("inside", inside, "at least 0.75", inside >= 0.75)]


def play(vectors: LabeledVectors, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Make one history and ask for three targets; each answer beside the truth."""
    is_out = splits.grouped_holdout(vectors.groups, HELD_OUT, rng)
    order, known = rng.permutation(np.flatnonzero(~is_out)), KNOWN[vectors.name]
    out = np.flatnonzero(is_out)
    audit = _one_a_group(vectors, out, rng)[:AUDIT_GROUPS]
    steps = [max(round(known * share), vectors.k) for share in (*PREFIXES, *LATER)]
    heads = {n: ridge.fit_ridge(vectors.rows(order[:n])).head for n in steps if n <= len(order)}

    def right(n: int, rows: Indices) -> npt.NDArray[np.bool_]:
        said = ridge.scores(heads[n], vectors.embeddings[rows]).argmax(axis=1)
        found: npt.NDArray[np.bool_] = said == vectors.labels[rows]
        return found

    seen = [n for n in heads if n <= known]
    curve = forecast.Curve(
        np.array(seen), np.array([int(right(n, audit).sum()) for n in seen]), len(audit)
    )
    truth = _truth(vectors, out, right, list(heads))
    return [
        _ask(curve, truth, known * times, rng) for times in ASKED if known * times <= max(heads)
    ]


def _ask(
    curve: forecast.Curve,
    truth: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]],
    labels: float,
    rng: np.random.Generator,
) -> dict[str, Any]:
    target = float(np.interp(np.log(labels), np.log(truth[0]), truth[1]))
    found = forecast.forecast(curve, target, rng=rng)
    return {
        "refusal": found.refusal,
        "hit": found.low <= labels <= found.high,
        "ratio": found.high / found.low,
        "factor": found.middle / labels,
    }


def _truth(
    vectors: LabeledVectors, out: Indices, right: Any, steps: list[int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Give the real curve: all held-out groups, each counting once, never falling."""
    _, group = np.unique(vectors.groups[out], return_inverse=True)
    weights = 1.0 / np.bincount(group)[group]
    shares = [float(np.average(right(n, out), weights=weights)) for n in steps]
    return np.array(steps), np.maximum.accumulate(np.array(shares))


def _one_a_group(vectors: LabeledVectors, rows: Indices, rng: np.random.Generator) -> Indices:
    mixed = rng.permutation(rows)
    _, first = np.unique(vectors.groups[mixed], return_index=True)
    return rng.permutation(mixed[first])


def summary(asked: list[dict[str, Any]]) -> dict[str, Any]:
    """Count answers, hits and refusals of what `play` gave."""
    answered = [each for each in asked if each["refusal"] is None]
    refused = [str(each["refusal"]) for each in asked if each["refusal"] is not None]
    return {
        "asked": len(asked),
        "answered": len(answered),
        "hits": sum(bool(each["hit"]) for each in answered),
        "inside": round(float(np.mean([each["hit"] for each in answered])), 4)
        if answered
        else None,
        "high_to_low": round(float(np.median([each["ratio"] for each in answered])), 2)
        if answered
        else None,
        "refused": {reason: refused.count(reason) for reason in sorted(set(refused))},
    }
