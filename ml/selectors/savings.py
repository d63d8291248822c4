"""Answers saved so far: what the chosen images have taught, against as many drawn at random.

The figure on the page is measured on the audit slice and counts every answer people gave, audit
included. What decides about the way of choosing is another: measured on the random arm itself, by
heads that have not seen it, because nothing measured on the audit slice may steer (rule 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml.evaluation import savings, splits
from ml.evaluation.savings import Judged
from ml.selectors import ground

if TYPE_CHECKING:
    from ml.selectors.ground import Ground
    from ml.types import Indices

FEWEST_RANDOM = 24
FEWEST_AUDIT = 30
FEWEST_TESTED = 60
"""Labels of the random arm under which nothing is decided about the way of choosing."""

MOST = 600
"""Random labels that are refitted on: more would cost minutes and tell the same."""

HALVES = 6
SIZES = (0.3, 0.5, 0.7)
OURS = (0.2, 0.35, 0.6, 1.0, 1.6, 2.5, 4.0)
"""Beginnings of our own labels, as multiples of the largest random size."""

FOLDS = 5
MOST_IMPORTED = 0.1

_REFUSED = {
    "no_champion": "There is no classifier yet.",
    "multi_label": "Projects with several labels an image are not compared with random ones yet.",
    "imported": "Most labels came with an import, so they cannot be compared with chosen ones.",
    "few_random": "Too early to say: it takes {fewest} labels drawn at random; so far: {n}.",
    "few_audit": "Too early to say: it takes {fewest} audit images with an agreed label; "
    "so far: {n}.",
}


def refused(reason: str, *, n: int = 0, fewest: int = 0) -> dict[str, Any]:
    """Give the fields of a comparison that cannot be made, with the reason in words."""
    nothing = dict.fromkeys(("saved", "low", "high", "ratio", "ratio_low", "ratio_high"))
    return {
        **nothing,
        "random_labels": n if reason == "few_random" else 0,
        "answers": None,
        "refusal": reason,
        "sentence": _REFUSED[reason].format(n=n, fewest=fewest),
    }


def page(found: Ground, *, rng: np.random.Generator) -> dict[str, Any]:
    """Compare, and say it in a sentence with its numbers; refused where there is too little."""
    if found.is_imported.mean() > MOST_IMPORTED:
        return refused("imported")
    if len(found.truth) < FEWEST_AUDIT:
        return refused("few_audit", n=len(found.truth), fewest=FEWEST_AUDIT)
    rows = _at_random(found, rng)
    halves = [half for _ in range(HALVES) if (half := _half(found, rows, rng)) is not None]
    if len(rows) < FEWEST_RANDOM or not halves:
        return refused("few_random", n=len(rows), fewest=FEWEST_RANDOM)
    drawn = savings.ratios(_ours(found, int(halves[0].labels[-1])), halves, rng=rng)
    answers = found.history.answers
    one = savings.saved(
        drawn,
        labels=found.n,
        pool=found.history.pool,
        answers_a_label=found.history.pool_answers / max(found.n, 1),
        answers=answers,
    )
    low, middle, high = (float(each) for each in np.quantile(drawn, [0.025, 0.5, 0.975]))
    figures = {
        "saved": round(one.estimate),
        "low": round(one.low),
        "high": round(one.high),
        "ratio": middle,
        "ratio_low": low,
        "ratio_high": high,
        "random_labels": len(rows),
        "answers": answers,
        "refusal": None,
    }
    return figures | {"sentence": _sentence(figures)}


def gain(found: Ground, *, rng: np.random.Generator) -> dict[str, Any] | None:
    """Give the `chance` that chosen labels teach more than random ones, and on how many it rests.

    Each fold of the random arm is asked by a head that learned from the rest of the arm, and by one
    that learned from as many chosen labels; no split group is on both sides. None where the arm has
    fewer than 60 labels.
    """
    rows = _at_random(found, rng)
    if len(rows) < FEWEST_TESTED:
        return None
    groups = found.labeled.groups
    is_drawn = np.zeros(found.n, dtype=np.bool_)
    is_drawn[rows] = True
    chosen = np.flatnonzero(~is_drawn & ~found.is_imported)
    truth = found.labeled.targets.argmax(axis=1)
    tested, difference = [], []
    fold_of = splits.group_folds(groups[rows], FOLDS, rng)
    for fold in np.unique(fold_of):
        asked, learn = rows[fold_of == fold], rows[fold_of != fold]
        instead = chosen[~np.isin(groups[chosen], groups[asked])][: len(learn)]
        if len(instead) < len(learn) or not (found.is_fit(learn) and found.is_fit(instead)):
            continue
        vectors = found.labeled.embeddings[asked]
        hits = [
            (ground.said(found.head(each), vectors) == truth[asked]).astype(np.float64)
            for each in (instead, learn)
        ]
        tested.append(asked)
        difference.append(hits[0] - hits[1])
    if not tested:
        return None
    every = np.concatenate(tested)
    chance = savings.chance_of_gain(np.concatenate(difference), groups[every])
    return {"chance": chance, "n": len(every)}


def _at_random(found: Ground, rng: np.random.Generator) -> Indices:
    rows = savings.uniform_sample(found.is_random & ~found.is_imported, found.history.pool, rng)
    return rows[:MOST]


def _half(found: Ground, rows: Indices, rng: np.random.Generator) -> Judged | None:
    """Judge heads on nested parts of the random labels in an order drawn anew."""
    mixed = rng.permutation(rows)
    parts = [mixed[: round(share * len(rows))] for share in SIZES]
    if not all(found.is_fit(part) for part in parts if len(part)) or not len(parts[0]):
        return None
    return Judged(
        np.array([len(part) for part in parts], dtype=np.int64),
        np.stack([found.right(found.head(part)) for part in parts]).astype(np.float64),
    )


def _ours(found: Ground, largest: int) -> Judged:
    sizes = sorted({min(max(round(largest * times), 4), found.n) for times in OURS})
    parts = [np.arange(size) for size in sizes]
    fits = [part for part in parts if found.is_fit(part)]
    return Judged(
        np.array([len(part) for part in fits], dtype=np.int64),
        np.stack([found.right(found.head(part)) for part in fits]).astype(np.float64),
    )


def _sentence(figures: dict[str, Any]) -> str:
    low, high, answers = figures["low"], figures["high"], figures["answers"]
    basis = (
        f"(measured where the {figures['random_labels']} labels drawn at random reach: one chosen "
        f"label is worth {figures['ratio_low']:.1f} to {figures['ratio_high']:.1f} random ones)"
    )
    if low > 0:
        return (
            f"About {figures['saved']:,} answers saved so far, likely {low:,} to {high:,}: all "
            f"{answers:,} answers counted, audit included {basis}."
        )
    if high < 0:
        return (
            f"No answers saved so far: with all {answers:,} answers counted, audit included, "
            f"{-high:,} to {-low:,} more than random labels would have taken {basis}."
        )
    return (
        f"Whether choosing saves answers does not show yet: between {-low:,} lost and {high:,} "
        f"saved, all {answers:,} answers counted, audit included {basis}."
    )
