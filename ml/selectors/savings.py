"""Answers saved so far: what the chosen images have taught, against as many drawn at random.

The figure on the page is measured on the audit slice and counts every answer people gave, audit
included. What decides about the way of choosing is another: measured on the random arm itself, by
heads that have not seen it, because nothing measured on the audit slice may steer (rule 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml.evaluation import savings, splits
from ml.evaluation.savings import Doubt, Judged
from ml.evaluation.stopping import STOP_SET_SIZE
from ml.heads import ridge
from ml.selectors import ground
from ml.types import LabeledSet

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.selectors.ground import Ground
    from ml.types import Groups, Indices, Probabilities

FEWEST_RANDOM = 24
FEWEST_AUDIT = 30
FEWEST_TESTED = 60
"""Labels of the random arm under which nothing is decided about the way of choosing."""

MOST = 600
"""Random labels that are refitted on for that: more would cost minutes and tell the same."""

REPLAYS = 3
REPLAYED = 3000
"""Labels of a replay at most: a few refits of seconds."""

TIMES = 3
"""A replay that cannot take the whole pool is to reach that many times the labels it is held
against: the first of ours where all are too many. What choosing is worth grows with the labels."""

SIZES = 5
LEAST = 0.25
"""The smallest size of a replay, as a share of our labels."""

LATEST = 60
"""Labels of the random arm that say how often the classifier is right about what it lends."""

FOLDS = 5
MOST_IMPORTED = 0.1

_REFUSED = {
    "no_champion": "There is no classifier yet.",
    "multi_label": "Projects with several labels an image are not compared with random ones yet.",
    "imported": "Most labels came with an import, so they cannot be compared with chosen ones.",
    "few_random": "Too early to say: it takes {fewest} labels drawn at random; so far: {n}.",
    "one_label": "Too early to say: nearly all labels are the same one.",
    "few_audit": "Too early to say: it takes {fewest} audit images with an agreed label; "
    "so far: {n}.",
}


def refused(reason: str, *, n: int = 0, fewest: int = 0) -> dict[str, Any]:
    """Give the fields of a comparison that cannot be made, with the reason in words."""
    nothing = dict.fromkeys(("saved", "low", "high", "ratio", "ratio_low", "ratio_high"))
    return {
        **nothing,
        "random_labels": n if reason == "few_random" else 0,
        "random_right": None,
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
    n_random = int((found.is_random & ~found.is_imported).sum())
    if n_random < FEWEST_RANDOM:
        return refused("few_random", n=n_random, fewest=FEWEST_RANDOM)
    whole, largest = _reach(found)
    compared = found.n if largest == whole else min(found.n, largest // TIMES)
    lent = ridge.predict(found.head(np.arange(found.n)), found.stop_set)
    doubt = _doubt(found, lent)
    sizes = np.unique(np.geomspace(max(LEAST * compared, 2), largest, SIZES).astype(np.int64))
    played = (_replay(found, lent, sizes, rng) for _ in range(REPLAYS))
    replays = [one for one in played if one is not None]
    ours = np.arange(compared)
    if not replays or not doubt.n or not found.is_fit(ours):
        return refused("one_label")
    worth = savings.needed(found.right(found.head(ours)), replays, doubt, rng=rng) / compared
    needed = np.minimum(worth * found.n, whole)
    answers = found.history.answers
    one = savings.saved(
        needed,
        labels=found.n,
        answers_a_label=found.history.pool_answers / max(found.n, 1),
        answers=answers,
    )
    low, middle, high = (float(each) for each in np.quantile(needed / found.n, [0.025, 0.5, 0.975]))
    figures = {
        "saved": round(one.estimate),
        "low": round(one.low),
        "high": round(one.high),
        "ratio": middle,
        "ratio_low": low,
        "ratio_high": high,
        "random_labels": doubt.n,
        "random_right": doubt.n - doubt.wrong,
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
    chance = savings.chance_of_gain(
        np.concatenate(difference), groups[every], _sizes(found, groups[every])
    )
    return {"chance": chance, "n": len(every)}


def _sizes(found: Ground, groups: Groups) -> npt.NDArray[np.float64]:
    """Count the pool's images in (n,) split groups; of many unlabeled ones a sample stands for."""
    unlabeled = (_whole(found) - found.n) / max(len(found.stop_groups), 1)
    known, place = np.unique(
        np.concatenate([found.labeled.groups, found.stop_groups]), return_inverse=True
    )
    weights = np.repeat([1.0, unlabeled], [found.n, len(found.stop_groups)])
    counts = np.bincount(place, weights=weights)
    return np.asarray(counts[np.searchsorted(known, groups)], dtype=np.float64)


def _at_random(found: Ground, rng: np.random.Generator) -> Indices:
    rows = savings.uniform_sample(found.is_random & ~found.is_imported, found.history.pool, rng)
    return rows[:MOST]


def _whole(found: Ground) -> int:
    """Count the pool: as it is to be drawn from, or all of it where only a part was read."""
    read = found.n + len(found.stop_set)
    return read if len(found.stop_set) < STOP_SET_SIZE else max(found.history.pool, read)


def _doubt(found: Ground, lent: Probabilities) -> Doubt:
    """Ask a head that has not learned them about the latest labels of the random arm."""
    arm = np.flatnonzero(found.is_random & ~found.is_imported)[-min(LATEST, found.n // 2) :]
    groups = found.labeled.groups
    others = np.flatnonzero(~np.isin(groups, groups[arm]))
    share = 1.0 - found.n / _whole(found)
    if not len(arm) or not found.is_fit(others):
        return Doubt(0, 0, 0.0, 0.0, share)
    said = ridge.predict(found.head(others), found.labeled.embeddings[arm])
    wrong = said.argmax(axis=1) != found.labeled.targets[arm].argmax(axis=1)
    own = float((1.0 - lent.max(axis=1)).mean()) if len(lent) else 0.0
    return Doubt(len(arm), int(wrong.sum()), float((1.0 - said.max(axis=1)).sum()), own, share)


def _reach(found: Ground) -> tuple[int, int]:
    """Count the pool, and how many of it a replay takes at most.

    Where only a part of the unlabeled pictures was read, so many that this part lasts.
    """
    whole, unlabeled = _whole(found), len(found.stop_set)
    if whole == found.n + unlabeled:
        return whole, min(whole, REPLAYED)
    return whole, min(int(0.9 * unlabeled * whole / (whole - found.n)), REPLAYED)


def _replay(
    found: Ground, lent: Probabilities, sizes: Indices, rng: np.random.Generator
) -> Judged | None:
    """Judge heads on nested parts of labels for pictures that are drawn from the whole pool."""
    n, unlabeled = found.n, len(found.stop_set)
    # The labeled ones come first, so that a place says where the picture's label is.
    order = rng.permutation(_whole(found))[: int(sizes[-1])]
    is_ours = order < n
    order[~is_ours] = n + rng.permutation(unlabeled)[: int((~is_ours).sum())]
    given = found.labeled
    rows = LabeledSet(
        image_ids=order,
        embeddings=np.concatenate([given.embeddings, found.stop_set])[order],
        targets=np.concatenate([given.targets, lent])[order],
        weights=np.concatenate([given.weights, np.ones(unlabeled)])[order],
        groups=np.concatenate([given.groups, found.stop_groups])[order],
        label_order=given.label_order,
    )
    if len(np.unique(rows.targets[: sizes[0]].argmax(axis=1))) < 2:
        return None
    heads = [ridge.fit_ridge(_first(rows, int(size))).head for size in sizes]
    return Judged(sizes, np.stack([found.right(head) for head in heads]).astype(np.float64))


def _first(rows: LabeledSet, size: int) -> LabeledSet:
    return LabeledSet(
        image_ids=rows.image_ids[:size],
        embeddings=rows.embeddings[:size],
        targets=rows.targets[:size],
        weights=rows.weights[:size],
        groups=rows.groups[:size],
        label_order=rows.label_order,
    )


def _sentence(figures: dict[str, Any]) -> str:
    low, high, answers = figures["low"], figures["high"], figures["answers"]
    basis = (
        f"(one chosen label is worth {figures['ratio_low']:.1f} to {figures['ratio_high']:.1f} "
        "random ones: random labeling was played again with people's labels where there are any, "
        f"else with the classifier's, which was right about {figures['random_right']} of the last "
        f"{figures['random_labels']} pictures drawn at random)"
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
