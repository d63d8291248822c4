"""After how many answers is a label proposed that the scheme lacks?

One label of the photographs is held out. People meet its images in random order and answer "none
of these"; one such answer in ten is given to an image of a known label by mistake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml.bench import verify_sets
from ml.bench.verify import Setup, Target
from ml.evaluation import new_class
from ml.evaluation.geometry import prepare

if TYPE_CHECKING:
    from ml.bench.verify_sets import LabeledVectors

WITHIN = 60
MISTAKEN = 0.1
KNOWN = 800
PURE = 0.8

parameters = {"within": WITHIN, "mistaken": MISTAKEN, "known_labels": KNOWN}


def measure(setup: Setup) -> dict[str, Any]:
    """Hold out one label after the other, `setup.trials` times in all."""
    rng = np.random.default_rng(setup.seed)
    vectors = verify_sets.photographs(setup)
    order = np.concatenate([rng.permutation(vectors.k) for _ in range(setup.trials)])
    plays = []
    for trial, label in enumerate(order[: setup.trials]):
        plays.append(play(vectors, int(label), rng))
        setup.say("labels held out", trial + 1, setup.trials)
    answers = np.array([each[0] for each in plays])
    found = answers[np.isfinite(answers)]
    return {
        "answers_to_proposal": _quantile(answers, 0.9),
        "median": _quantile(answers, 0.5),
        "within_60": round(float((answers <= WITHIN).mean()), 4),
        "mean_where_proposed": round(float(found.mean()), 1) if len(found) else None,
        "false_proposals": round(float(np.mean([each[1] for each in plays])), 4),
        "alike": round(float(np.mean([each[2] for each in plays])), 3),
    }


def targets(figures: dict[str, Any]) -> list[Target]:
    """Compare with what issue 4 promises; the figure is the 90th percentile over labels."""
    answers = figures["answers_to_proposal"]
    value = float("inf") if answers is None else float(answers)
    return [Target("answers_to_proposal", value, "at most 60", value <= WITHIN)]


def play(vectors: LabeledVectors, label: int, rng: np.random.Generator) -> tuple[float, int, float]:
    """Hold out one label and answer until it is proposed.

    Returns:
        Answers that met the label until a proposal, four in five of it (infinite for none within
        60); proposals of something else before; the similarity asked for.
    """
    is_known = vectors.labels != label
    known = rng.permutation(np.flatnonzero(is_known))
    centre = vectors.embeddings[is_known].mean(axis=0, dtype=np.float64)
    fitted = known[:KNOWN]
    alike = new_class.alike_for(
        prepare(vectors.embeddings[fitted], centre), vectors.labels[fitted], rng=rng
    )
    met = rng.permutation(np.flatnonzero(~is_known))[:WITHIN]
    rows = _stream(met, known[KNOWN:], rng)
    prepared, n_false = prepare(vectors.embeddings[rows], centre), 0
    for n in range(new_class.ENOUGH, len(rows) + 1):
        proposals = new_class.propose(prepared[:n], vectors.groups[rows[:n]], alike=alike)
        pure = [float(np.mean(~is_known[rows[each.rows]])) for each in proposals]
        if any(share >= PURE for share in pure):
            return float((~is_known[rows[:n]]).sum()), n_false, alike
        n_false = max(n_false, len(pure))
    return float("inf"), n_false, alike


def _stream(
    met: np.ndarray[Any, np.dtype[np.intp]],
    others: np.ndarray[Any, np.dtype[np.intp]],
    rng: np.random.Generator,
) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Mix images of the label with mistaken answers on others."""
    n_mistaken = min(round(len(met) * MISTAKEN / (1 - MISTAKEN)), len(others))
    return rng.permutation(np.concatenate([met, others[:n_mistaken]]))


def _quantile(answers: np.ndarray[Any, np.dtype[np.float64]], q: float) -> float | None:
    value = float(np.quantile(answers, q, method="higher"))
    return value if np.isfinite(value) else None
