"""Query strategies of `scikit-activeml` on our embeddings, our head and our cold start.

For comparison only: the library is no part of Larder (`requirements-peers.txt`). Its strategies
get what ours get: the same pool, the same head refitted after every batch, and herding as the cold
start where they need a classifier. One that cannot cope with a whole pool chooses from a random
part of it (`SUBSAMPLED`), by the library's own wrapper. Left out are those for regression or two
labels, those that want a committee or a generative classifier in the head's place, and those that
refit once for every candidate and label.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.acquisition import ACQUISITION_FUNCTIONS, COLD_START, cold_start
from ml.errors import MlError
from ml.evaluation import metrics
from ml.evaluation.geometry import prepare
from ml.heads import ridge
from ml.simulation.rounds import RunResult, SimulationTable, choice_rng
from ml.types import LabeledSet, Pool

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from ml.types import Embeddings, Head, Indices, Labels

    Chooser = Callable[["_Game", int], Indices]

PREFIX = "skactiveml:"
SUBSAMPLED = 500
"""Rows that the strategies below choose from: Badge holds rows x labels x dimensions numbers."""

WITHOUT_CLASSIFIER = ("TypiClust", "CoreSet", "ProbCover", "MaxHerding")
UNCERTAINTY = ("least_confident", "margin_sampling", "entropy")
WITH_CLASSIFIER = (*UNCERTAINTY, "Badge", "ContrastiveAL", "DropQuery", "Falcun", "Clue")
HEAVY = ("Badge",)
NAMES = tuple(f"{PREFIX}{name}" for name in (*WITHOUT_CLASSIFIER, *WITH_CLASSIFIER))


class PeersMissingError(MlError):
    """The library to compare with is not installed."""

    code = "peers_missing"


def play(table: SimulationTable, *, name: str, budget: int, batch: int, seed: int) -> RunResult:
    """Play one strategy of the library until the budget is spent; a perfect oracle answers.

    Args:
        table: with a test set of its own, and embeddings that are centred and scaled already:
            the library computes distances and perturbs rows as they are.
        name: one of `NAMES`.
        budget, batch, seed: as `rounds.simulate_rounds`.

    Raises:
        PeersMissingError: `scikit-activeml` is not installed.
    """
    strategy = name.removeprefix(PREFIX)
    choose = _chooser(strategy, seed)
    game = _Game(table)
    spent, accuracy = [], []
    while len(game.chosen) < budget:
        size = min(batch, budget - len(game.chosen))
        is_cold = strategy in WITH_CLASSIFIER and game.is_cold()
        game.take(_herded(game, size, seed) if is_cold else choose(game, size))
        spent.append(len(game.chosen))
        accuracy.append(game.accuracy())
    return RunResult(tuple(spent), tuple(spent), tuple(accuracy), np.array(game.chosen))


class _Game:
    """What is labeled so far, and the head fitted on it."""

    def __init__(self, table: SimulationTable) -> None:
        self.table = table
        self.chosen: list[int] = []
        self.said = np.full(len(table.labels), np.nan)
        self.head: Head | None = None

    @property
    def rows(self) -> npt.NDArray[np.float64]:
        """All rows of the pool, in double precision as the library wants them."""
        return self.table.embeddings.astype(np.float64)

    @property
    def open(self) -> Indices:
        """Rows that can be asked about."""
        return np.flatnonzero(np.isnan(self.said))

    def is_cold(self) -> bool:
        k = len(self.table.label_order)
        counts = np.bincount(self._answers(), minlength=k)
        return self.head is None or cold_start(counts, k)

    def take(self, picked: Indices) -> None:
        table = self.table
        self.said[picked] = table.labels[picked]
        self.chosen.extend(int(row) for row in picked)
        rows = np.array(self.chosen)
        labeled = LabeledSet(
            image_ids=table.image_ids[rows],
            embeddings=table.embeddings[rows],
            targets=np.eye(len(table.label_order))[self._answers()],
            weights=np.ones(len(rows)),
            groups=table.groups[rows],
            label_order=table.label_order,
        )
        self.head = ridge.fit_ridge(labeled).head

    def accuracy(self) -> float:
        assert self.head is not None  # noqa: S101 - fitted by `take`
        assert self.table.test_embeddings is not None  # noqa: S101 - `play` asks for it
        assert self.table.test_labels is not None  # noqa: S101
        guessed = ridge.scores(self.head, self.table.test_embeddings).argmax(axis=1)
        return metrics.accuracy(self.table.test_labels, guessed)

    def _answers(self) -> Labels:
        return self.table.labels[np.array(self.chosen, dtype=np.int64)]


def _herded(game: _Game, size: int, seed: int) -> Indices:
    rows = game.open
    pool = Pool(
        image_ids=game.table.image_ids[rows],
        embeddings=game.table.embeddings[rows],
        probabilities=None,
        groups=game.table.groups[rows],
        labeled=game.table.embeddings[np.array(game.chosen, dtype=np.int64)],
    )
    rng = choice_rng(seed, len(game.chosen))
    positions, _ = ACQUISITION_FUNCTIONS[COLD_START](pool, batch_size=size, rng=rng)
    return rows[positions]


def _chooser(strategy: str, seed: int) -> Chooser:
    pool = _library("skactiveml.pool")
    if strategy in UNCERTAINTY:
        query = pool.UncertaintySampling(method=strategy, random_state=seed)
    else:
        query = getattr(pool, strategy)(random_state=seed)
    if strategy in HEAVY:
        query = pool.SubSamplingWrapper(query, max_candidates=SUBSAMPLED, random_state=seed)

    def choose(game: _Game, size: int) -> Indices:
        given: dict[str, Any] = {}
        if strategy in WITH_CLASSIFIER:
            fitted, fit = (
                ("estimator", "fit_estimator") if strategy == "Clue" else ("clf", "fit_clf")
            )
            given = {fitted: _classifier(game), fit: False}
        picked = query.query(game.rows, game.said, candidates=game.open, batch_size=size, **given)
        return np.asarray(picked, dtype=np.int64)

    return choose


def _classifier(game: _Game) -> Any:
    """Give our head as the library wants a classifier: it is asked, never fitted again."""
    base = _library("skactiveml.base").SkactivemlClassifier
    head, k = game.head, len(game.table.label_order)
    assert head is not None  # noqa: S101 - the cold start is over
    asked: Head = head

    def predict_proba(_: Any, rows: Any) -> Any:
        return ridge.predict(asked, np.asarray(rows, dtype=np.float32))

    def predict(_: Any, rows: Any) -> Any:
        return predict_proba(_, rows).argmax(axis=1)

    methods = {
        "fit": lambda self, X, y, sample_weight=None: self,  # noqa: N803
        "predict": predict,
        "predict_proba": predict_proba,
    }
    made = type("OurHead", (base,), methods)(classes=list(range(k)))
    made.classes_ = np.arange(k)
    return made


def prepared(table: SimulationTable) -> SimulationTable:
    """Centre by the pool's mean and scale to unit length, for every contender alike."""
    assert table.test_embeddings is not None  # noqa: S101
    centre = table.embeddings.mean(axis=0, dtype=np.float64)

    def unit(rows: Embeddings) -> Embeddings:
        return prepare(rows, centre).astype(np.float32)

    return SimulationTable(
        table.image_ids, unit(table.embeddings), table.labels, table.groups, table.label_order,
        unit(table.test_embeddings), table.test_labels,
    )  # fmt: skip


def _library(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as missing:
        message = (
            f"{missing.name} is not installed: `make peers` installs requirements-peers.txt first."
        )
        raise PeersMissingError(message) from None
