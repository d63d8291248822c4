"""What `manage.py compare_choices` plays: our acquisition functions and others' on several sets."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.acquisition import ACQUISITION_FUNCTIONS
from ml.bench import simulation_report, verify_sets
from ml.errors import MlError
from ml.simulation import peers, rounds
from ml.simulation.conditions import Conditions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ml.bench.verify import Setup
    from ml.bench.verify_sets import LabeledVectors

SETS: dict[str, Callable[[Setup], LabeledVectors]] = {
    "photographs": verify_sets.photographs,
    "digits": lambda _: verify_sets.digits(),
    "drawings": lambda setup: verify_sets.drawings(np.random.default_rng(setup.seed)),
}
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


class UnknownContenderError(MlError):
    """No function and no set has this name."""

    code = "unknown_contender"


@dataclass(frozen=True, slots=True)
class Game:
    """One run: who plays on which fold of which set, how far, with which seed."""

    strategy: str
    fold: int
    folds: int
    budget: int
    batch: int
    seed: int

    def play(self, given: LabeledVectors) -> dict[str, Any]:
        """Play it, on rows that are centred and scaled for every contender alike."""
        table = peers.prepared(_table(given, Conditions(folds=self.folds, fold=self.fold)))
        if self.strategy.startswith(peers.PREFIX):
            played = peers.play(
                table, name=self.strategy, budget=self.budget, batch=self.batch, seed=self.seed
            )
        else:
            played = rounds.simulate_rounds(
                table,
                strategy=self.strategy,
                budget=self.budget,
                batch=self.batch,
                seed=self.seed,
            )
        return {
            "strategy": self.strategy,
            "seed": self.seed,
            "fold": self.fold,
            "labels": list(played.labels),
            "answers": list(played.answers),
            "accuracy": list(played.accuracy),
        }


def measure(
    given: LabeledVectors, games: Sequence[Game], *, jobs: int, say: Callable[[int, int], None]
) -> dict[str, Any]:
    """Play all games side by side, one core each, and summarise them.

    `behind` is by how much each strategy's area under the curve differs from that of the first
    one: the mean over runs of the same fold and seed, and its standard error.

    Raises:
        PeersMissingError, TooFewImagesError, UnknownStrategyError: as the rounds raise them.
    """
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        plays = _played(given, games, jobs, say)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    summary = simulation_report.summarise(plays)
    first = games[0].strategy
    for strategy, figures in summary.items():
        figures["behind"] = _behind(plays, strategy, first)
    return summary


def _played(
    given: LabeledVectors, games: Sequence[Game], jobs: int, say: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as workers:
        running = {workers.submit(game.play, given): at for at, game in enumerate(games)}
        done: dict[int, dict[str, Any]] = {}
        for each in as_completed(running):
            done[running[each]] = each.result()
            say(len(done), len(games))
    return [done[at] for at in range(len(games))]


def _behind(plays: Sequence[dict[str, Any]], strategy: str, first: str) -> dict[str, float]:
    areas = {
        (play["strategy"], play["fold"], play["seed"]): float(np.mean(play["accuracy"]))
        for play in plays
        if play["strategy"] in (strategy, first)
    }
    runs = [key[1:] for key in areas if key[0] == strategy]
    apart = np.array([areas[(strategy, *run)] - areas[(first, *run)] for run in runs])
    error = float(apart.std(ddof=1) / np.sqrt(len(apart))) if len(apart) > 1 else float("nan")
    return {"mean": round(float(apart.mean()), 5), "standard_error": round(error, 5)}


def check(strategies: Sequence[str], sets: Sequence[str]) -> None:
    """Refuse names that nobody has.

    Raises:
        UnknownContenderError: with what there is.
    """
    known = (*ACQUISITION_FUNCTIONS, *peers.NAMES)
    for name in strategies:
        if name not in known:
            raise UnknownContenderError(f"There is no function {name!r}; there are {known}.")
    for name in sets:
        if name not in SETS:
            raise UnknownContenderError(f"There is no set {name!r}; there are {tuple(SETS)}.")


def _table(given: LabeledVectors, conditions: Conditions) -> rounds.SimulationTable:
    test = conditions.held_out(given.groups, 0)
    return rounds.SimulationTable(
        image_ids=np.flatnonzero(~test),
        embeddings=given.embeddings[~test],
        labels=given.labels[~test],
        groups=given.groups[~test],
        label_order=tuple(f"label-{column}" for column in range(given.k)),
        test_embeddings=given.embeddings[test],
        test_labels=given.labels[test],
    )
