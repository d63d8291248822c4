"""`manage.py bench acquire`: choosing and rescoring in pools of any size.

No pictures and no database: rows are drawn around as many centres as there are labels, stored as
float16 in one file and mapped, as a large cache of vectors is. Each size is measured in a process
of its own, whose peak memory counts everything the loop does with the pool.

Of a refit, four things are measured apart. `refit_s` is from a batch of new answers to the new
head: the sums that the worker keeps are brought up to date and solved at the strength chosen
before (`ml.heads.kept`). `check_s` is what the gate then asks: leave-group-out scores of every
labeled image. `choose_s` is the choice of strength and temperature by leave-group-out, from the
rows, at each tenth more labels. `build_s` is forming the sums, once after each choice.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ml.acquisition import ACQUISITION_FUNCTIONS, DEFAULT, PreparedRows
from ml.acquisition.rescore import MEMORY_BOUND, block_rows, rescore
from ml.evaluation.geometry import prepare
from ml.heads import ridge
from ml.heads.calibration import softmax
from ml.heads.closed_form import problem_of
from ml.heads.kept import KeptSums, is_worth_keeping
from ml.types import Head, LabeledSet, Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ml.types import Indices

    Half = npt.NDArray[np.float16]

_T = TypeVar("_T")
DIM = 1280
BATCH = 20
ROUNDS = 3
A_BURST = 2
_BLOCK = 10_000
_SPREAD = 10.0
"""Noise around a label's centre, so strong that the classifier doubts a part of the pool."""


class CannotMeasureError(RuntimeError):
    """The sizes asked for cannot be measured."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What to measure.

    Attributes:
        images: in the pool, labeled ones included.
        labels: labeled images, at most a fifth of all.
        classes: labels of the scheme.
        strategy: the acquisition function.
        folder: where the vectors are put.
    """

    images: int
    labels: int
    classes: int
    strategy: str
    folder: Path


def sizes(text: str) -> list[int]:
    """Read numbers of images, with commas.

    Raises:
        CannotMeasureError: something else, or fewer than a thousand images.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and int(part) >= 1000 for part in parts):
        raise CannotMeasureError(f"--images {text!r}: give numbers of at least 1000, with commas.")
    return [int(part) for part in parts]


def measure(
    images: Sequence[int],
    *,
    labels: int,
    classes: int,
    folder: Path,
    say: Callable[[str], None],
    strategy: str = DEFAULT,
) -> dict[str, Any]:
    """Measure every size, one after the other: seconds, ratios to the bare product, peak memory."""
    found: dict[str, Any] = {}
    for n in images:
        say(f"{n} images")
        setup = Setup(n, min(labels, n // 5), classes, strategy, folder)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as own:
            found[str(n)] = own.submit(one_size, setup).result()
    return {"sizes": found, "memory_bound_mb": MEMORY_BOUND / 2**20}


def one_size(setup: Setup) -> dict[str, Any]:
    """Measure one size in this process."""
    file, truth = _store(setup)
    raw = np.memmap(file, dtype=np.float16, mode="r", shape=(setup.images, DIM))
    try:
        return _measured(setup, raw, truth)
    finally:
        file.unlink()


def _measured(setup: Setup, raw: Half, truth: Indices) -> dict[str, Any]:
    labeled = _labeled(setup, raw, truth)
    learning, head = _learning(labeled)
    waiting = np.arange(setup.labels, setup.images)
    rows = PreparedRows(raw, waiting, head.centre)
    rescore_s, said = _timed(lambda: rescore(rows, head))
    pool = Pool(
        image_ids=waiting,
        embeddings=rows,
        probabilities=said.probabilities,
        groups=waiting // A_BURST,
        labeled=prepare(labeled.embeddings, head.centre),
        head=head,
        labeled_counts=np.bincount(truth[: setup.labels], minlength=setup.classes).astype(float),
        doubt=said.doubt,
    )
    rngs = iter(np.random.default_rng(7).spawn(ROUNDS))
    choose = ACQUISITION_FUNCTIONS[setup.strategy]
    select_s, _ = _timed(lambda: choose(pool, batch_size=BATCH, rng=next(rngs)))
    matmul_s = _bare_product(len(waiting), setup.classes)
    return {
        "select_s": round(select_s, 4),
        "rescore_s": round(rescore_s, 4),
        **{name: round(seconds, 4) for name, seconds in learning.items()},
        "matmul_s": round(matmul_s, 4),
        "select_ratio": round(select_s / matmul_s, 2),
        "rescore_ratio": round(rescore_s / matmul_s, 2),
        "refit_ratio": round(learning["refit_s"] / matmul_s, 2),
        "peak_mb": round(_peak_mb(), 1),
        "labels": setup.labels,
        "doubtful": round(float((said.doubt > 0.5).mean()), 4),
    }


def _learning(labeled: LabeledSet) -> tuple[dict[str, float], Head]:
    """Measure what `ml.services.refit` does to a head when a batch of answers has come."""
    n = len(labeled.image_ids)
    ends = [n - BATCH * place for place in range(ROUNDS, -1, -1)]
    before = _first(labeled, ends[0])
    choose_s, fitted = _timed(lambda: ridge.fit_ridge(before), rounds=1)
    choice = fitted.choice
    build_s, kept = 0.0, None
    if is_worth_keeping(before):
        build_s, kept = _timed(lambda: KeptSums(before, choice.centre), rounds=1)
    batches = iter([_first(labeled, end) for end in ends[1:]])

    def refit() -> tuple[Any, Any]:
        rows = next(batches)
        known = kept.follow(rows) if kept else problem_of(ridge.prepared_rows(rows, choice.centre))
        return known, known.solve(choice.strength)

    refit_s, (problem, fit) = _timed(refit)
    check_s, _ = _timed(lambda: softmax(problem.held_out(fit), choice.temperature), rounds=1)
    seconds = {"refit_s": refit_s, "check_s": check_s, "choose_s": choose_s, "build_s": build_s}
    head = Head(
        fit.weights, fit.bias, choice.centre, choice.temperature, choice.strength,
        labeled.label_order,
    )  # fmt: skip
    return seconds, head


def _first(labeled: LabeledSet, n: int) -> LabeledSet:
    return LabeledSet(
        labeled.image_ids[:n], labeled.embeddings[:n], labeled.targets[:n],
        labeled.weights[:n], labeled.groups[:n], labeled.label_order,
    )  # fmt: skip


def _store(setup: Setup) -> tuple[Path, Indices]:
    """Write the vectors, block by block, and give the file and the true columns."""
    rng = np.random.default_rng(setup.images)
    truth = rng.integers(0, setup.classes, setup.images)
    centres = rng.normal(size=(setup.classes, DIM)).astype(np.float32)
    offset = rng.normal(size=DIM).astype(np.float32)
    noise = _SPREAD * rng.normal(size=(_BLOCK, DIM)).astype(np.float32)
    file = setup.folder / f"vectors-{setup.images}"
    with file.open("wb") as target:
        for start in range(0, setup.images, _BLOCK):
            labels = truth[start : start + _BLOCK]
            # Noise of another block, mirrored or not: no two rows are alike.
            drawn = rng.permutation(_BLOCK)[: len(labels)]
            signs = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), size=DIM)
            block = centres[labels] + noise[drawn] * signs + offset
            target.write(block.astype(np.float16).tobytes())
    return file, truth


def _labeled(setup: Setup, raw: Half, truth: Indices) -> LabeledSet:
    m = setup.labels
    return LabeledSet(
        image_ids=np.arange(m),
        embeddings=raw[:m].astype(np.float32),
        targets=np.eye(setup.classes)[truth[:m]],
        weights=np.ones(m),
        groups=np.arange(m) // A_BURST,
        label_order=tuple(f"label-{column}" for column in range(setup.classes)),
    )


def _bare_product(n: int, k: int) -> float:
    """Give the seconds of (n, d) @ (d, k) alone, float32, on a block that lies ready in memory."""
    size = block_rows(DIM, k)
    block = np.ones((size, DIM), dtype=np.float32)
    weights = np.ones((DIM, k), dtype=np.float32)
    once, _ = _timed(lambda: block @ weights, rounds=9)
    return once * n / size


def _timed(work: Callable[[], _T], *, rounds: int = ROUNDS) -> tuple[float, _T]:
    """Give the median seconds of some rounds, and what the last one gave."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), found


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / 1024 if sys.platform != "darwin" else peak / 2**20)
