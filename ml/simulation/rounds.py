"""Offline rounds: choose a batch, ask the oracle, fit the head, measure; and again.

The same head, acquisition functions and cold start as the live loop, without a database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition import ACQUISITION_FUNCTIONS, PreparedRows, cold_start, whose_turn
from ml.acquisition.rescore import rescore
from ml.errors import MlError
from ml.evaluation import metrics
from ml.evaluation.geometry import prepare
from ml.heads import registry, ridge
from ml.heads.classifier import Unlabeled
from ml.simulation.conditions import Conditions
from ml.simulation.lender import Lender
from ml.simulation.oracle import Oracle, PerfectOracle
from ml.types import LabeledSet, Pool

if TYPE_CHECKING:
    from ml.heads.classifier import Classifier
    from ml.types import Embeddings, Groups, Head, Indices, Labels, Probabilities

SPLIT_COSINE = 0.80

Believe = Callable[["Labels", int, "Probabilities | None"], "Probabilities"]
"""Gives the (b, k) targets of (b,) answers, k labels and what the classifier said before."""


class UnknownStrategyError(MlError):
    """No acquisition function has this name."""

    code = "unknown_strategy"


class UnknownHeadError(MlError):
    """No head has this name."""

    code = "unknown_head"


class TooFewImagesError(MlError):
    """The table has fewer pool images than the labels to spend."""

    code = "too_few_images"


@dataclass(frozen=True, slots=True)
class SimulationTable:
    """Embedded images with known labels.

    Attributes:
        image_ids: (n,) keys.
        embeddings: (n, d), raw.
        labels: (n,) columns of `label_order`.
        groups: (n,) split groups.
        label_order: label codes.
        test_embeddings: (t, d) of a separate test set, or None to split off part of the table.
        test_labels: (t,), with `test_embeddings`.
    """

    image_ids: Indices
    embeddings: Embeddings
    labels: Labels
    groups: Groups
    label_order: tuple[str, ...]
    test_embeddings: Embeddings | None = None
    test_labels: Labels | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """One curve; the three tuples have one length, an entry at every multiple of the batch.

    Attributes:
        labels: labeled images.
        answers: answers of annotators that they cost.
        accuracy: share of test images that the head then has right, 0 to 1.
        chosen: (budget,) rows of the table in the order they were asked about.
    """

    labels: tuple[int, ...]
    answers: tuple[int, ...]
    accuracy: tuple[float, ...]
    chosen: Indices


def simulate_rounds(
    table: SimulationTable,
    *,
    strategy: str,
    head: str = registry.DEFAULT,
    budget: int,
    batch: int,
    seed: int,
    conditions: Conditions | None = None,
    oracle: Oracle | None = None,
    believe: Believe | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> RunResult:
    """Play one run: herding while it is cold, then the named strategy, until the budget is spent.

    "random" is random from its first label. Runs of one seed are paired: they share the split
    and, until their choices part, every random draw.

    Args:
        table: what to play on.
        strategy: a name of `ml.acquisition.ACQUISITION_FUNCTIONS`.
        head: a name of `ml.heads.registry.HEADS`: what is measured. Images are chosen by the
            default one whatever is measured, so that runs of one seed differ in nothing else.
        budget: labels to spend.
        batch: labels between two fits of the head; the last batch may be smaller.
        seed: of the split and the choices.
        conditions: how the test rows are split off where the table brings none.
        oracle: who answers, one answer an image; a perfect one by default.
        believe: how answers become the targets of the head; they are taken for the whole truth by
            default. The live loop's consensus keeps a doubt.
        progress: called with the number of images labeled so far.

    Raises:
        UnknownStrategyError: no acquisition function has that name.
        UnknownHeadError: no head has that name.
        TooFewImagesError: the pool is smaller than the budget.
    """
    if strategy not in ACQUISITION_FUNCTIONS:
        known = ", ".join(sorted(ACQUISITION_FUNCTIONS))
        message = f"There is no strategy {strategy!r}; there are {known}."
        raise UnknownStrategyError(message)
    if head not in registry.HEADS:
        message = f"There is no head {head!r}; there are {', '.join(registry.HEADS)}."
        raise UnknownHeadError(message)
    pool_rows, test_embeddings, test_labels = _split(table, conditions or Conditions(), seed)
    if len(pool_rows) < budget:
        message = f"The pool has {len(pool_rows)} images, fewer than the budget of {budget} labels."
        raise TooFewImagesError(message)
    run = _Run(
        table,
        pool_rows,
        oracle or PerfectOracle(table.labels),
        seed,
        believe or _take_for_truth,
        lending=conditions or Conditions(),
    )
    spent, accuracy = [], []
    while len(run.chosen) < budget:
        served = run.step(strategy, min(batch, budget - len(run.chosen)))
        spent.append(len(run.chosen))
        if head == registry.DEFAULT:
            guessed = ridge.scores(served, test_embeddings).argmax(axis=1)
        else:
            guessed = run.challenger(head).probabilities(test_embeddings).argmax(axis=1)
        accuracy.append(metrics.accuracy(test_labels, guessed))
        progress(len(run.chosen))
    return RunResult(tuple(spent), tuple(spent), tuple(accuracy), np.array(run.chosen))


def all_labels(
    table: SimulationTable,
    *,
    seed: int,
    conditions: Conditions | None = None,
    oracle: Oracle | None = None,
) -> tuple[int, float]:
    """Give the number of pool images and the accuracy of a head fitted on all their answers."""
    rows, test_embeddings, test_labels = _split(table, conditions or Conditions(), seed)
    answers = (oracle or PerfectOracle(table.labels)).answer(rows)
    labeled = LabeledSet(
        image_ids=table.image_ids[rows],
        embeddings=table.embeddings[rows],
        targets=np.eye(len(table.label_order))[answers],
        weights=np.ones(len(rows)),
        groups=table.groups[rows],
        label_order=table.label_order,
    )
    guessed = ridge.scores(ridge.fit_ridge(labeled).head, test_embeddings).argmax(axis=1)
    return len(rows), metrics.accuracy(test_labels, guessed)


def choice_rng(seed: int, n_labeled: int) -> np.random.Generator:
    """Draw the choice that follows so many labels, as the live loop does with its own seed."""
    return np.random.default_rng([seed, n_labeled])


class _Run:
    """What is labeled so far, and the head fitted on it."""

    def __init__(
        self,
        table: SimulationTable,
        pool_rows: Indices,
        oracle: Oracle,
        seed: int,
        believe: Believe,
        *,
        lending: Conditions,
    ) -> None:
        self.table, self.oracle, self.seed, self.believe = table, oracle, seed, believe
        self.centre = table.embeddings[pool_rows].mean(axis=0, dtype=np.float64)
        self.is_open = np.zeros(len(table.labels), dtype=bool)
        self.is_open[pool_rows] = True
        self.chosen: list[int] = []
        self.answers: list[int] = []
        self.targets: list[Probabilities] = []
        self.head: Head | None = None
        self.choice: ridge.Choice | None = None
        self.lender: Lender | None = None
        if lending.lending != "off":
            self.lender = Lender.of(
                table.embeddings,
                table.image_ids,
                table.groups,
                prepare(table.embeddings, self.centre),
                fixed=lending.lending_cosine,
            )

    def step(self, strategy: str, batch: int) -> Head:
        k = len(self.table.label_order)
        counts = np.bincount(self.answers, minlength=k)
        name = whose_turn(strategy, can_ask=not cold_start(counts, k))
        rows = np.flatnonzero(self.is_open)
        rng = choice_rng(self.seed, len(self.chosen))
        pool = self._pool(rows)
        positions, _ = ACQUISITION_FUNCTIONS[name](pool, batch_size=batch, rng=rng)
        assert isinstance(pool.embeddings, PreparedRows)  # noqa: S101 - `_pool` makes it
        picked = pool.embeddings.places[positions]
        self.is_open[picked] = False
        self.chosen.extend(picked.tolist())
        answers = self.oracle.answer(picked)
        self.answers.extend(answers.tolist())
        said = None if pool.probabilities is None else pool.probabilities[positions]
        self.targets.append(self.believe(answers, k, said))
        if self.lender:
            self.lender.learn(self._labeled(), np.array(self.chosen), self._fit)
        else:
            self._fit(self._labeled())
        assert self.head is not None  # noqa: S101 - either way fitted
        return self.head

    def _fit(self, labeled: LabeledSet) -> Probabilities:
        """Choose strength and temperature where the live loop would, else follow."""
        if self.choice is None or ridge.is_choice_due(self.choice, len(labeled.image_ids)):
            fitted = ridge.fit_ridge(labeled)
        else:
            fitted = ridge.fit_as_chosen(labeled, ridge.taken_over(self.choice, labeled))
        self.head, self.choice = fitted.head, fitted.choice
        return fitted.out_of_group

    def challenger(self, name: str) -> Classifier:
        """Fit a head of another kind on what is labeled so far."""
        rows = np.flatnonzero(self.is_open)
        return registry.HEADS[name](
            self._labeled(),
            unlabeled=Unlabeled(self.table.embeddings[rows], self.table.groups[rows]),
            rng=np.random.default_rng([self.seed, len(self.chosen), 1]),
        )

    def _pool(self, rows: Indices) -> Pool:
        table = self.table
        centre = self.head.centre if self.head else self.centre
        prepared = PreparedRows(table.embeddings, rows, centre)
        said = rescore(prepared, self.head) if self.head else None
        labeled = prepare(table.embeddings[np.array(self.chosen, dtype=np.int64)], centre)
        counts = np.bincount(self.answers, minlength=len(table.label_order))
        pool = Pool(
            image_ids=table.image_ids[rows],
            embeddings=prepared,
            probabilities=said.probabilities if said else None,
            groups=table.groups[rows],
            labeled=labeled,
            head=self.head,
            labeled_counts=counts.astype(np.float64),
            doubt=said.doubt if said else None,
        )
        if self.lender is None:
            return pool
        nothing = np.empty((0, len(table.label_order)))
        chosen = np.array(self.chosen, dtype=np.int64)
        return self.lender.narrow(pool, rows, chosen, np.concatenate([nothing, *self.targets]))

    def _labeled(self) -> LabeledSet:
        table, rows = self.table, np.array(self.chosen, dtype=np.int64)
        return LabeledSet(
            image_ids=table.image_ids[rows],
            embeddings=table.embeddings[rows],
            targets=np.concatenate(self.targets),
            weights=np.ones(len(rows)),
            groups=table.groups[rows],
            label_order=table.label_order,
        )


def _take_for_truth(answers: Labels, k: int, _said: Probabilities | None) -> Probabilities:
    return np.eye(k)[answers]


def _split(
    table: SimulationTable, conditions: Conditions, seed: int
) -> tuple[Indices, Embeddings, Labels]:
    """Give the pool rows and the test set; the split depends on seed and conditions alone."""
    if table.test_embeddings is not None and table.test_labels is not None:
        return np.arange(len(table.labels)), table.test_embeddings, table.test_labels
    is_test = conditions.held_out(table.groups, seed)
    return np.flatnonzero(~is_test), table.embeddings[is_test], table.labels[is_test]
