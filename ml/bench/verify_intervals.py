"""Do the intervals that pages show hold the truth as often as they say?

A simulated project has labels of different difficulty, split groups whose images share their fate,
and a truth that is the chance of being right about the next image like its own. It has an audit
slice of a random 12 % of groups with one image measured of each, people who agree on a wrong label
3 times in 100 (half of these the very look-alike that the classifier falls for), and experts who
settle all disagreements and a random fifth of the agreements.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.bench.verify import Setup, Target
from ml.evaluation import adjudicated, intervals, pooling

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Interval

    Flags = npt.NDArray[np.bool_]
    Vector = npt.NDArray[np.float64]

AUDIT_SHARE = 0.12
ANSWERS = (60, 150, 600, 1500)
LABELS = (6, 12, 20, 43)
WIDTH_AT = 600
VOTE_ERRORS = 0.03
DISPUTED = 0.08
CHECK_SHARE = 0.20
MISLED_ALIKE = 0.5
BUCKETS = ((1, 4), (5, 9), (10, 29), (30, 99), (100, 10_000))

parameters = {
    "audit_share": AUDIT_SHARE,
    "answers": list(ANSWERS),
    "labels": list(LABELS),
    "vote_errors": VOTE_ERRORS,
    "disputed": DISPUTED,
    "check_share": CHECK_SHARE,
}


@dataclass(frozen=True, slots=True)
class Population:
    """The split groups of one project.

    Attributes:
        chance: (k,) that the classifier is right about an image of each label.
        expected: the same over all labels: the accuracy on images like those of the project.
        label: (g,) of each group.
        n_right: (g,) images of it that the classifier has right.
        size: (g,) images of it.
    """

    chance: Vector
    expected: float
    label: npt.NDArray[np.int64]
    n_right: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]


def populate(n_groups: int, k: int, rng: np.random.Generator) -> Population:
    """Draw a project: its classifier is right 75 to 97 times in 100, on labels that differ."""
    mean, strength = rng.uniform(0.75, 0.97), np.exp(rng.uniform(np.log(5), np.log(40)))
    chance = np.clip(rng.beta(strength * mean, strength * (1 - mean), k), 1e-3, 1 - 1e-3)
    often = rng.dirichlet(np.full(k, 4.0))
    label = rng.choice(k, n_groups, p=often)
    # Images of one group mostly share their fate: its own chance is near 0 or 1.
    own = rng.beta(chance[label], 1 - chance[label])
    size = 1 + rng.geometric(0.45, n_groups) * (rng.random(n_groups) < 0.5)
    return Population(chance, float(often @ chance), label, rng.binomial(size, own), size)


def measure(setup: Setup) -> dict[str, Any]:
    """Simulate `setup.trials` projects and count how often each interval holds its truth."""
    rng = np.random.default_rng(setup.seed)
    tally = _Tally()
    for trial in range(setup.trials):
        n = ANSWERS[trial % len(ANSWERS)]
        k = LABELS[(trial // len(ANSWERS)) % len(LABELS)]
        _project(n, k, tally, rng)
        setup.say("projects", trial + 1, setup.trials)
    return tally.figures()


def targets(figures: dict[str, Any]) -> list[Target]:
    """Compare with what issue 4 promises."""
    covered = [
        Target(name, figures[name], "0.93 to 0.97", 0.93 <= figures[name] <= 0.97)
        for name in ("coverage", "coverage_with_errors")
    ]
    width = figures["half_width_p80"]
    return [*covered, Target("half_width_p80", width, "at most 0.10", width <= 0.10)]


class _Tally:
    def __init__(self) -> None:
        self.hits: dict[str, list[bool]] = defaultdict(list)
        self.widths: dict[int, list[float]] = defaultdict(list)
        self.by_n: dict[tuple[str, str], list[bool]] = defaultdict(list)

    def count(self, name: str, found: Interval, truth: float) -> None:
        self.hits[name].append(found.low <= truth <= found.high)

    def count_label(self, name: str, found: Interval, truth: float) -> None:
        self.count(name, found, truth)
        bucket = next(f"{a}-{b}" for a, b in BUCKETS if a <= found.n <= b)
        self.by_n[name, bucket].append(found.low <= truth <= found.high)

    def figures(self) -> dict[str, Any]:
        share = {name: round(float(np.mean(hits)), 4) for name, hits in self.hits.items()}
        widths = {k: round(float(np.quantile(each, 0.8)), 4) for k, each in self.widths.items()}
        merged = [width for each in self.widths.values() for width in each]
        return {
            "coverage": share.pop("overall"),
            "coverage_with_errors": share.pop("with_errors"),
            "half_width_p80": round(float(np.quantile(merged, 0.8)), 4) if merged else float("nan"),
            "half_width_p80_by_labels": {str(k): width for k, width in sorted(widths.items())},
            "other_coverage": share,
            "per_class_by_n": {
                name: {
                    f"{a}-{b}": {
                        "coverage": round(float(np.mean(self.by_n[name, f"{a}-{b}"])), 4),
                        "labels": len(self.by_n[name, f"{a}-{b}"]),
                    }
                    for a, b in BUCKETS
                    if self.by_n[name, f"{a}-{b}"]
                }
                for name in ("per_class_raw", "per_class_pooled")
            },
        }


def _project(n: int, k: int, tally: _Tally, rng: np.random.Generator) -> None:
    groups = populate(round(n / AUDIT_SHARE), k, rng)
    drawn = rng.choice(len(groups.label), n, replace=False)
    right = rng.random(n) < groups.n_right[drawn] / groups.size[drawn]
    truth = groups.expected
    tally.count("overall", intervals.wilson(int(right.sum()), n), truth)
    every = int(groups.size[drawn].sum())
    alike = intervals.wilson(int(groups.n_right[drawn].sum()), every)
    tally.count("images_taken_for_independent", alike, truth)
    tally.count("with_errors", adjudicated.estimate(_judged(right, rng)), truth)
    wrongly = right ^ (rng.random(n) < VOTE_ERRORS)
    tally.count("errors_never_checked", intervals.wilson(int(wrongly.sum()), n), truth)
    _labels(groups, drawn, right, tally)


def _labels(
    groups: Population,
    drawn: npt.NDArray[np.int64],
    right: Flags,
    tally: _Tally,
) -> None:
    k = len(groups.chance)
    n_c = np.bincount(groups.label[drawn], minlength=k)
    k_c = np.bincount(groups.label[drawn], weights=right, minlength=k)
    pooled = pooling.partially_pooled(k_c, n_c)
    for at in np.flatnonzero(n_c):
        raw = intervals.wilson(float(k_c[at]), int(n_c[at]))
        tally.count_label("per_class_raw", raw, float(groups.chance[at]))
        tally.count_label("per_class_pooled", pooled[at], float(groups.chance[at]))
    if len(drawn) == WIDTH_AT:
        tally.widths[k] += [(one.high - one.low) / 2 for one in pooled]


def _judged(right: Flags, rng: np.random.Generator) -> adjudicated.Judged:
    """Let people agree wrongly now and then, and experts look at what they are to look at.

    A wrong agreed label makes a right answer look wrong. A wrong answer then looks right where
    people fell for the same look-alike as the classifier, else it still looks wrong.
    """
    n = len(right)
    disputed = rng.random(n) < DISPUTED
    misled = ~disputed & (rng.random(n) < VOTE_ERRORS)
    alike = rng.random(n) < MISLED_ALIKE
    by_people = np.where(misled, ~right & alike, right)
    checked = ~disputed & (rng.random(n) < CHECK_SHARE)
    return adjudicated.Judged(
        is_right=np.where(checked | disputed, right, by_people),
        was_right=by_people,
        is_checked=checked,
        is_trusted=~disputed & ~checked,
        probability=np.full(n, CHECK_SHARE),
        is_pending=np.zeros(n, dtype=bool),
    )
