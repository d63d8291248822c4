"""One simulated audit slice with a closer look, from draw order to intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.bench import doubts
from ml.evaluation import closer_look, intervals, pooling
from ml.types import Interval

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.evaluation.practice import Practice

    Flags = npt.NDArray[np.bool_]
    Vector = npt.NDArray[np.float64]


WANTED = 0.10
"""Half-width that staff ask for."""

ARRANGED = 4
"""Times the order is made anew from what is known by then; the product does so more often."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The audit slice in draw order, and the labels of its project.

    Attributes:
        label: (n,) of each image.
        is_right: (n,) whether the classifier is right about it.
        chance, often: (k,) that it is right about images of each label; share of each label.
        hint: how labeled images fare out of group.
    """

    label: npt.NDArray[np.int64]
    is_right: Flags
    chance: Vector
    often: Vector
    hint: Practice


@dataclass(frozen=True, slots=True)
class Played:
    """What pages would show: by label its own and its pooled interval, and the one over all."""

    own: list[Interval]
    pooled: list[Interval]
    overall: Interval


def play(
    here: Slice, *, answered: int, asked_at: int, kind: str, rng: np.random.Generator
) -> Played:
    """Answer some images of a slice, those that tell most first.

    Args:
        here: the slice.
        answered: how many images are, at the end.
        asked_at: how many of them before staff ask for every label, in draw order.
        kind: how far to believe the classifier's certainties, of `doubts.KINDS`.
        rng: draws those and the order.
    """
    n = len(here.label)
    said = doubts.draw(here.label, here.is_right, here.chance, here.often, kind=kind, rng=rng)
    # The order that chance has drawn already: even steps will do.
    order = (np.arange(n) + rng.random(n)) / n
    met, chance = np.arange(asked_at), closer_look.reach(np.ones(n), np.zeros(n), asked_at)
    for until in np.linspace(asked_at, answered, ARRANGED + 1)[1:].round().astype(int).tolist():
        known = _judged(here, said, met, chance)
        wide = np.array([(one.high - one.low) / 2 for one in known.pooled])
        weight = closer_look.weights(said, closer_look.matters(wide, WANTED))
        place = order / weight
        place[met] = -1.0
        met = np.sort(np.argsort(place)[:until])
        chance = closer_look.reach(weight, chance, until)
    return _judged(here, said, met, chance)


def _judged(
    here: Slice, said: closer_look.Expected, met: npt.NDArray[np.int64], chance: Vector
) -> Played:
    k, truth, is_right = len(here.chance), here.label[met], here.is_right[met]
    likelier = closer_look.odds(
        truth, said.columns[met, 0], chance[met], k, expected=said, chances=chance
    )
    cases = np.bincount(truth, minlength=k)
    right = np.bincount(truth, weights=is_right, minlength=k).astype(np.float64)
    one_label = np.zeros(len(met), dtype=np.int64)
    over_all = closer_look.odds(one_label, (~is_right).astype(np.int64), chance[met], 2)
    return Played(
        own=[_moved(right[at], int(cases[at]), likelier, at) for at in range(k)],
        pooled=_pooled(right, cases, likelier, here.hint),
        overall=_moved(int(is_right.sum()), len(met), over_all, 0),
    )


def _pooled(
    right: Vector, cases: npt.NDArray[np.int64], likelier: closer_look.Odds, hint: Practice
) -> list[Interval]:
    rows = zip(right, cases, likelier.variance, strict=True)
    worth = np.array([closer_look.worth(n, k / n, doubt) if n else 0.0 for k, n, doubt in rows])
    share = np.divide(right, cases, out=np.zeros(len(cases)), where=cases > 0)
    found = pooling.partially_pooled(
        np.minimum(share * worth, worth), worth, hint, likelier=likelier.shift
    )
    return [
        Interval(one.estimate, one.low, one.high, int(n))
        for one, n in zip(found, cases, strict=True)
    ]


def _moved(right: float, cases: int, likelier: closer_look.Odds, at: int) -> Interval:
    plain = intervals.wilson(right, cases)
    if not cases:
        return plain
    share, low, high = closer_look.moved(
        plain.estimate, plain.low, plain.high, n=cases,
        shift=float(likelier.shift[at]), variance=float(likelier.variance[at]),
    )  # fmt: skip
    return Interval(share, low, high, cases)
