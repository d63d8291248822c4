"""What do labeled images tell of the accuracy by label? Measured, for `verify intervals` to use.

Four tenths of the split groups are held out: they stand for the audit slice, one image of each. Of
the rest a share is labeled as the product would choose (herding, a tenth at random). A head is
fitted, and what it says of labeled images out of group is held against what it says of the audit
images: by how much chosen images are harder (shift), how much labels differ in that (scatter), and
how unlike their shares of the labels are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml.bench import verify_sets
from ml.bench.verify import Setup, Target
from ml.evaluation import pooling, practice, splits
from ml.evaluation.yes_or_no import sigmoid
from ml.heads import ridge
from ml.simulation.rounds import SimulationTable, simulate_rounds

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.bench.verify_sets import LabeledVectors
    from ml.types import Indices, Labels

HELD_OUT = 0.4
LABELED = (0.35, 0.77, 1.0)
"""Shares of the pool. 0.77 is where 600 audit images find it (`verify_intervals.LABELED`)."""

RANDOM_ARM = 0.10
BATCH = 80
SCATTERS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.5)

parameters = {"held_out": HELD_OUT, "labeled": list(LABELED), "random_arm": RANDOM_ARM}


def measure(setup: Setup) -> dict[str, Any]:
    """Play `setup.trials` splits of each of the three sets."""
    rng = np.random.default_rng(setup.seed)
    sets = [verify_sets.photographs(setup), verify_sets.digits(), verify_sets.drawings(rng)]
    found: dict[str, Any] = {}
    for vectors in sets:
        plays = []
        for trial in range(setup.trials):
            plays.append(_play(vectors, setup.seed + trial, rng))
            setup.say(vectors.name, trial + 1, setup.trials)
        found[vectors.name] = {
            str(share): _summary([each[at] for each in plays]) for at, share in enumerate(LABELED)
        }
    return {"sets": found}


def targets(_figures: dict[str, Any]) -> list[Target]:
    """Promise nothing: it is a measurement."""
    return []


def _play(vectors: LabeledVectors, seed: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    is_out = splits.grouped_holdout(vectors.groups, HELD_OUT, rng)
    pool, audit = np.flatnonzero(~is_out), _one_a_group(vectors, np.flatnonzero(is_out), rng)
    table = SimulationTable(
        image_ids=pool,
        embeddings=vectors.embeddings[pool],
        labels=vectors.labels[pool],
        groups=vectors.groups[pool],
        label_order=tuple(str(column) for column in range(vectors.k)),
        test_embeddings=vectors.embeddings[audit],
        test_labels=vectors.labels[audit],
    )
    most = round(max(share for share in LABELED if share < 1) * len(pool))
    chosen = pool[
        simulate_rounds(table, strategy="uherding", budget=most, batch=BATCH, seed=seed).chosen
    ]
    halves = np.random.default_rng([seed, 1])
    played = []
    for share in LABELED:
        n = round(share * len(pool))
        by_herding = chosen[: round((1 - RANDOM_ARM) * n)]
        others = rng.permutation(np.setdiff1d(pool, by_herding))[: n - len(by_herding)]
        played.append(compare(vectors, np.concatenate([by_herding, others]), audit, rng=halves))
    return played


def compare(
    vectors: LabeledVectors, labeled: Indices, audit: Indices, *, rng: np.random.Generator
) -> dict[str, Any]:
    """Hold what a head says of labeled images out of group against the audit images.

    Args:
        vectors: the set.
        labeled, audit: rows of it; of the latter one image a split group.
        rng: draws which half of the audit images is predicted from the other.
    """
    fitted = ridge.fit_ridge(vectors.rows(labeled))
    truth = vectors.labels[audit]
    is_right = ridge.scores(fitted.head, vectors.embeddings[audit]).argmax(axis=1) == truth
    told = practice.tally(
        vectors.labels[labeled],
        fitted.out_of_group.argmax(axis=1),
        vectors.groups[labeled],
        vectors.k,
    )
    cases = np.bincount(truth, minlength=vectors.k).astype(np.float64)
    right = np.bincount(truth, weights=is_right, minlength=vectors.k).astype(np.float64)
    found = practice.posterior(right, cases, told, pooling.family(), scatters=SCATTERS)
    by_hint = found.evidence[:-1].reshape(len(SCATTERS), len(practice.SHIFTS))
    by_scatter = _log_mean(by_hint)
    by_shift = np.exp(_log_mean(by_hint.T) - by_hint.max())
    tilt = np.log((told.cases + 1) / (told.cases + 1).sum()) - np.log(
        (cases + 1) / (cases + 1).sum()
    )
    return {
        "by_scatter": by_scatter,
        "gain": _log_mean(by_scatter[None])[0] - found.evidence[-1],
        "shift": float(by_shift @ practice.SHIFTS / by_shift.sum()),
        "tilt": float(tilt.std()),
        "groups_a_label": float(told.cases.mean()),
        "accuracy": float(is_right.mean()),
        "out_of_group": float(told.right.sum() / told.cases.sum()),
        "with_labeled": _predicted(truth, is_right, told, rng),
        "without": _predicted(truth, is_right, _nothing(vectors.k), rng),
    }


def _nothing(k: int) -> practice.Practice:
    return practice.Practice(np.zeros(k), np.zeros(k))


def _predicted(
    truth: Labels,
    is_right: npt.NDArray[np.bool_],
    told: practice.Practice,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Predict half of the audit images, label by label, from the other half.

    Returns:
        Whole log score; `inside`, how many labels' counts lie in the middle 95 % of what was
        predicted (ties broken by chance: counts are discrete) and `labels` how many there are;
        the half-width that 80 % of labels keep within.
    """
    from scipy.stats import binom  # noqa: PLC0415

    k, half = len(told.cases), rng.permutation(len(truth)) < len(truth) // 2
    right, cases = (
        [
            np.bincount(truth[part], weights=weight[part], minlength=k).astype(np.float64)
            for part in (half, ~half)
        ]
        for weight in (is_right, np.ones(len(truth)))
    )
    found = practice.posterior(right[0], cases[0], told, pooling.family())
    share = sigmoid(practice.grid())
    exactly = (found.density * binom.pmf(right[1][:, None], cases[1][:, None], share)).sum(axis=1)
    below = (found.density * binom.cdf(right[1][:, None] - 1, cases[1][:, None], share)).sum(axis=1)
    place = (below + rng.random(k) * exactly)[cases[1] > 0]
    widths = [(one.high - one.low) / 2 for one in found.intervals(cases[0], confidence=0.95)]
    return {
        "log_score": float(np.log(exactly).sum()),
        "inside": float(((place > 0.025) & (place < 0.975)).sum()),
        "labels": float(len(place)),
        "half_width_p80": float(np.quantile(widths, 0.8)),
    }


def _summary(plays: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up what all splits say.

    A group is in the audit slice of four splits in ten: a split counts as four tenths of a set.
    """
    by_scatter = np.sum([each["by_scatter"] for each in plays], axis=0) * min(
        HELD_OUT, 1 / len(plays)
    )
    weights = np.exp(by_scatter - by_scatter.max())
    means = ("gain", "shift", "tilt", "groups_a_label", "accuracy", "out_of_group")
    return {
        "scatter": {
            str(value): round(float(weight), 3)
            for value, weight in zip(SCATTERS, weights / weights.sum(), strict=True)
        },
        "best_scatter": SCATTERS[int(weights.argmax())],
        "halves": {
            name: _of_halves([each[name] for each in plays]) for name in ("with_labeled", "without")
        },
    } | {name: round(float(np.mean([each[name] for each in plays])), 3) for name in means}


def _of_halves(plays: list[dict[str, float]]) -> dict[str, float]:
    inside, labels = (sum(each[name] for each in plays) for name in ("inside", "labels"))
    means = ("log_score", "half_width_p80")
    return {"coverage": round(inside / labels, 4)} | {
        name: round(float(np.mean([each[name] for each in plays])), 4) for name in means
    }


def _log_mean(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the log of the mean of exp, row by row."""
    top = rows.max(axis=1)
    found: npt.NDArray[np.float64] = np.log(np.exp(rows - top[:, None]).mean(axis=1)) + top
    return found


def _one_a_group(vectors: LabeledVectors, rows: Indices, rng: np.random.Generator) -> Indices:
    mixed = rng.permutation(rows)
    _, first = np.unique(vectors.groups[mixed], return_index=True)
    return mixed[first]
