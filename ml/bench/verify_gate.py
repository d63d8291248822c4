"""How often does the gate prove what is not better, miss what is, or let heads creep downwards?

Pairs are drawn one an audit group. 15 % of them are discordant; a head that is g better wins
(15 % + g) / 2 of all and loses (15 % - g) / 2.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.bench.verify import Setup, Target
from ml.evaluation import compare, verdicts
from ml.evaluation.verdicts import Verdict
from ml.services import certification, gate

if TYPE_CHECKING:
    import numpy.typing as npt

    Vector = npt.NDArray[np.float64]
    Counts = npt.NDArray[np.int64]

DISCORDANT = 0.15
LOOK = 10
CANDIDATES = 10
GROUPS_A_CANDIDATE = 400
GAIN = 0.05
POWER_AT = (400, 1000, 4000)
REFITS = 500
FIRST_LABELS, LABELS_A_REFIT = 400, 10
CHANGED_A_REFIT = 0.02
FLOOR_LABELS, FLOOR_IMAGES, FALLEN = 20, 30, 0.25
WORLDS = {
    "equal": (0.0, 0.0),
    "wandering": (0.0, 0.001),
    "slow_creep": (-0.0001, 0.0005),
    "steady_creep": (-0.0002, 0.0002),
    "fast_creep": (-0.0005, 0.001),
}
"""Mean and deviation of what one refit adds to the accuracy of the head it follows."""

IN_USE = "leash"
"""Which guard the product has: `leash` (the monitor and `is_on_leash`) or the `monitor` alone."""

parameters = {
    "discordant": DISCORDANT,
    "look": LOOK,
    "candidates": CANDIDATES,
    "groups_a_candidate": GROUPS_A_CANDIDATE,
    "gain": GAIN,
    "refits": REFITS,
    "labels": [FIRST_LABELS, LABELS_A_REFIT],
    "alpha": certification.ALPHA,
    "margin": certification.NON_INFERIORITY_MARGIN,
    "monitor_margin": certification.MONITOR_MARGIN,
    "leash_margin": gate.LEASH_MARGIN,
    "guard_in_use": IN_USE,
    "floor": [FLOOR_LABELS, FLOOR_IMAGES, FALLEN],
}


def measure(setup: Setup) -> dict[str, Any]:
    """Play streams of equal candidates, of a better one, and of refits that creep."""
    rng = np.random.default_rng(setup.seed)
    proven = np.zeros(2)
    for trial in range(setup.trials):
        proven += equal_candidates(rng)
        setup.say("equal candidates", trial + 1, setup.trials)
    stops = [_better_candidate(rng, setup, trial) for trial in range(setup.trials)]
    creep = {
        guard: {
            name: refit_stream(setup, drift, with_leash=guard == "leash", rng=rng)
            for name, drift in WORLDS.items()
        }
        for guard in ("monitor", "leash")
    }
    floor = [fallen_label(rng) for _ in range(setup.trials)]
    better = np.array([stop[0] for stop in stops])
    either = np.array([stop[1] for stop in stops])
    return {
        "false_promotion": round(float(proven[0]) / setup.trials, 4),
        "power": {str(n): round(float((better <= n).mean()), 4) for n in POWER_AT},
        "creep_ok": _worst(creep[IN_USE]),
        "creep_ok_without_leash": _worst(creep["monitor"]),
        "equal_proven_not_worse": round(float(proven[1]) / setup.trials / CANDIDATES, 4),
        "power_either_way": {str(n): round(float((either <= n).mean()), 4) for n in POWER_AT},
        "floor_holds_a_fallen_label": round(float(np.mean([each[0] for each in floor])), 4),
        "floor_holds_an_equal_head": round(float(np.mean([each[1] for each in floor])), 4),
        "creep": creep,
    }


def targets(figures: dict[str, Any]) -> list[Target]:
    """Compare with what issue 4 promises."""
    false, at_most = figures["false_promotion"], figures["power"]["4000"]
    crept = figures["creep_ok"]
    return [
        Target("false_promotion", false, "at most 0.05", false <= 0.05),
        Target("power.4000", at_most, "at least 0.90", at_most >= 0.90),
        Target("creep_ok", crept, "at least 0.95", crept >= 0.95),
    ]


def equal_candidates(rng: np.random.Generator) -> Vector:
    """Send ten candidates that are no better through the gate, one after the other.

    Each is asked about all audit groups there are and then after every ten more. A candidate that
    is proven (not worse, which is true) becomes the reference, and the count of candidates starts
    again, as in the product.

    Returns:
        Whether any was proven better (1 or 0), and how many were proven not worse.
    """
    any_better, not_worse, ordinal = 0.0, 0.0, 1
    for candidate in range(CANDIDATES):
        n_before = candidate * GROUPS_A_CANDIDATE
        verdict, _ = _follow(0.0, ordinal, n_before, GROUPS_A_CANDIDATE, rng)
        any_better = max(any_better, float(verdict is Verdict.BETTER))
        not_worse += verdict is Verdict.NOT_WORSE
        ordinal = 1 if verdict in (Verdict.BETTER, Verdict.NOT_WORSE) else ordinal + 1
    return np.array([any_better, not_worse])


def refit_stream(
    setup: Setup, drift: tuple[float, float], *, with_leash: bool, rng: np.random.Generator
) -> dict[str, float]:
    """Play 500 provisional refits, each following the head that serves; ten new pairs a refit.

    The monitor compares what serves with the proven version. On the leash, a refit must also pass
    on the labeled images: the same ones for all refits, so that their luck is shared.

    Returns:
        Shares of streams in which the head that serves in the end, or at every time, is within
        the margin; the mean lowest gap; roll-backs a stream; share of refits that served.
    """
    n, margin = setup.trials, certification.MONITOR_MARGIN
    gap, lowest, ordinal = np.zeros(n), np.zeros(n), np.ones(n, dtype=np.int64)
    counts = np.zeros((n, 3), dtype=np.int64)
    labels = FIRST_LABELS
    luck = rng.normal(0, math.sqrt(DISCORDANT * labels), n)
    served = rolled_back = 0.0
    for refit in range(REFITS):
        labels += LABELS_A_REFIT
        luck += rng.normal(0, math.sqrt(DISCORDANT * LABELS_A_REFIT), n)
        new = np.clip(gap + rng.normal(*drift, n), -0.14, 0.14)
        if with_leash:
            own = rng.normal(0, math.sqrt(CHANGED_A_REFIT / labels), n)
            passes = _on_leash(new + luck / labels + own, math.sqrt(DISCORDANT / labels))
            new = np.where(passes, new, gap)
            served += float(passes.mean()) / REFITS
        gap = new
        lowest = np.minimum(lowest, gap)
        counts += _pairs(gap, rng)
        harmful = _harmful(counts, ordinal, margin)
        gap[harmful], counts[harmful] = 0.0, 0
        ordinal[harmful] += 1
        rolled_back += float(harmful.mean())
        setup.say(f"refits {'on the leash' if with_leash else 'monitored'}", refit + 1, REFITS)
    return {
        "ok_in_the_end": round(float((gap >= -margin).mean()), 4),
        "ok_at_every_time": round(float((lowest >= -margin).mean()), 4),
        "lowest_gap": round(float(lowest.mean()), 4),
        "rolled_back": round(rolled_back, 3),
        "served": round(served, 3) if with_leash else 1.0,
    }


def fallen_label(rng: np.random.Generator) -> tuple[bool, bool]:
    """Ask the floor about one label that has lost 25 points, and about labels that lost nothing.

    Of `FLOOR_LABELS` labels with `FLOOR_IMAGES` audit images each, one is `FALLEN` worse.

    Returns:
        Whether the floor holds the head that dropped a label, and whether one that dropped none.
    """
    gaps = np.zeros(FLOOR_LABELS)
    held = []
    for fallen in (FALLEN, 0.0):
        gaps[0] = -fallen
        discordant = np.maximum(DISCORDANT, np.abs(gaps))
        chances = np.stack([(discordant + gaps) / 2, (discordant - gaps) / 2, 1 - discordant])
        counts = rng.multinomial(FLOOR_IMAGES, chances.T)
        n = np.full(FLOOR_LABELS, FLOOR_IMAGES)
        held.append(bool(verdicts.fallen_labels(counts[:, 0], counts[:, 1], n).any()))
    return held[0], held[1]


def _better_candidate(rng: np.random.Generator, setup: Setup, trial: int) -> tuple[float, float]:
    """Say after how many audit groups a candidate that is 5 points better is proven.

    Returns:
        Groups until it is proven better, and until it passes in either way; infinite for never.
    """
    setup.say("better candidates", trial + 1, setup.trials)
    wins = losses = 0
    passed = math.inf
    alpha = compare.alpha_k(1, certification.ALPHA)
    for n in range(LOOK, max(POWER_AT) + 1, LOOK):
        more = _pairs(np.array([GAIN]), rng)[0]
        wins, losses = wins + int(more[0]), losses + int(more[1])
        verdict = _verdict(wins, losses, n - wins - losses, alpha)
        if verdict in (Verdict.BETTER, Verdict.NOT_WORSE):
            passed = min(passed, n)
        if verdict is Verdict.BETTER:
            return n, passed
    return math.inf, passed


def _follow(
    gain: float, ordinal: int, n_before: int, n_more: int, rng: np.random.Generator
) -> tuple[Verdict, int]:
    """Ask about a candidate until it is decided or the next one comes."""
    alpha = compare.alpha_k(ordinal, certification.ALPHA)
    chances = [(DISCORDANT + gain) / 2, (DISCORDANT - gain) / 2, 1 - DISCORDANT]
    wins, losses, ties = (int(count) for count in rng.multinomial(n_before, chances))
    verdict = _verdict(wins, losses, ties, alpha) if n_before else Verdict.RUNNING
    n = n_before
    while verdict is Verdict.RUNNING and n < n_before + n_more:
        more = rng.multinomial(LOOK, chances)
        wins, losses, ties = wins + int(more[0]), losses + int(more[1]), ties + int(more[2])
        n += LOOK
        verdict = _verdict(wins, losses, ties, alpha)
    return verdict, n


def _pairs(gap: Vector, rng: np.random.Generator) -> Counts:
    """Draw ten pairs for each of (n,) heads: (n, 3) wins, losses, ties."""
    u = rng.random((len(gap), LOOK))
    wins = (u < ((DISCORDANT + gap) / 2)[:, None]).sum(axis=1)
    discordant = (u < DISCORDANT).sum(axis=1)
    return np.stack([wins, discordant - wins, LOOK - discordant], axis=1)


def _on_leash(difference: Vector, error: float) -> npt.NDArray[np.bool_]:
    margin = gate.LEASH_MARGIN
    passes = [verdicts.is_on_leash(float(d), error, margin=margin) for d in difference]
    return np.array(passes)


def _harmful(counts: Counts, ordinal: Counts, margin: float) -> npt.NDArray[np.bool_]:
    alpha = np.array([compare.alpha_k(k, certification.ALPHA) for k in ordinal.tolist()])
    found: npt.NDArray[np.bool_] = compare.log_e_harm_of(counts, margin=margin) >= -np.log(alpha)
    return found


@cache
def _verdict(wins: int, losses: int, ties: int, alpha: float) -> Verdict:
    margin = certification.NON_INFERIORITY_MARGIN
    return verdicts.certify(wins, losses, ties, alpha=alpha, margin=margin)


def _worst(worlds: dict[str, dict[str, float]]) -> float:
    return min(each["ok_in_the_end"] for each in worlds.values())
