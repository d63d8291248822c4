"""Are planted wrong labels found near the top of the list that people are asked to look at?

Half of them are any other label, half the look-alike that a head without the image's group likes
best, which is how people err.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml.bench import verify_sets
from ml.bench.verify import Setup, Target
from ml.evaluation import label_errors
from ml.evaluation.geometry import prepare
from ml.heads import ridge

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.bench.verify_sets import LabeledVectors
    from ml.types import Labels, Probabilities

LABELED = 1000
PLANTED = 0.05
LOOKED_AT = 0.10

parameters = {"labeled": LABELED, "planted": PLANTED, "looked_at": LOOKED_AT}


def measure(setup: Setup) -> dict[str, Any]:
    """Plant errors in `setup.trials` random choices of labeled photographs."""
    rng = np.random.default_rng(setup.seed)
    vectors = verify_sets.photographs(setup)
    trials = []
    for trial in range(setup.trials):
        trials.append(play(vectors, rng))
        setup.say("choices of labels", trial + 1, setup.trials)
    mean = {name: float(np.mean([each[name] for each in trials])) for name in trials[0]}
    recall = [each["recall_at_10pct"] for each in trials]
    return {name: round(value, 4) for name, value in mean.items()} | {
        "lowest": round(min(recall), 4),
        "images": min(LABELED, len(vectors.labels)),
    }


def targets(figures: dict[str, Any]) -> list[Target]:
    """Compare with what issue 4 promises."""
    recall = figures["recall_at_10pct"]
    return [Target("recall_at_10pct", recall, "at least 0.60", recall >= 0.60)]


def play(vectors: LabeledVectors, rng: np.random.Generator) -> dict[str, float]:
    """Plant errors among 1,000 labels, rank all, and look at the first tenth."""
    at = rng.permutation(len(vectors.labels))[:LABELED].astype(np.int64)
    honest = ridge.fit_ridge(vectors.rows(at)).out_of_group
    given, is_alike = plant(vectors.labels[at], honest, rng)
    is_wrong = given != vectors.labels[at]
    out_of_group = ridge.fit_ridge(vectors.rows(at, given)).out_of_group
    centre = vectors.embeddings.mean(axis=0, dtype=np.float64)
    prepared = prepare(vectors.embeddings[at], centre)
    found = label_errors.suspect(given, out_of_group, prepared, vectors.groups[at])
    top = np.zeros(len(at), dtype=bool)
    top[found.ranked()[: round(LOOKED_AT * len(at))]] = True
    flagged = found.is_flagged
    return {
        "recall_at_10pct": _share(top, is_wrong),
        "recall_any_label": _share(top, is_wrong & ~is_alike),
        "recall_look_alike": _share(top, is_wrong & is_alike),
        "flagged": float(flagged.mean()),
        "flagged_and_wrong": _share(is_wrong, flagged),
        "right_suggestion": _share(found.suggestion == vectors.labels[at], is_wrong & top),
    }


def plant(
    labels: Labels, out_of_group: Probabilities, rng: np.random.Generator
) -> tuple[Labels, npt.NDArray[np.bool_]]:
    """Give (n,) labels of which 5 % are wrong, and which were to be look-alikes."""
    n, k = out_of_group.shape
    others = np.where(np.eye(k, dtype=bool)[labels], -1.0, out_of_group)
    any_other = (labels + rng.integers(1, k, n)) % k
    is_alike = rng.random(len(labels)) < 0.5
    wrong = np.where(is_alike, others.argmax(axis=1), any_other)
    chosen = np.zeros(n, dtype=bool)
    chosen[rng.permutation(n)[: round(PLANTED * n)]] = True
    return np.where(chosen, wrong, labels).astype(np.int64), is_alike


def _share(what: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]) -> float:
    return float(what[among].mean()) if among.any() else float("nan")
