from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.evaluation import splits
from ml.evaluation.geometry import prepare
from ml.simulation.conditions import Conditions, ConditionsError
from ml.simulation.lender import Lender
from ml.simulation.rounds import SimulationTable, simulate_rounds


def shelf(n_bursts: int = 160, *, k: int = 6, seed: int = 1) -> SimulationTable:
    """Draw bursts of three photographs nearly alike, each burst of one label."""
    rng = np.random.default_rng(seed)
    of_burst = rng.integers(0, k, n_bursts)
    bursts = rng.normal(size=(k, 32))[of_burst] + rng.normal(size=(n_bursts, 32))
    rows = np.repeat(bursts, 3, axis=0) + 0.05 * rng.normal(size=(3 * n_bursts, 32))
    table = SimulationTable(
        image_ids=np.arange(3 * n_bursts),
        embeddings=rows.astype(np.float32),
        labels=np.repeat(of_burst, 3),
        groups=np.zeros(3 * n_bursts, dtype=np.int64),
        label_order=tuple(f"product-{c}" for c in range(k)),
    )
    groups, _ = splits.near_duplicate_groups(table.embeddings, cosine=0.80)
    return replace(table, groups=groups)


def bursts_asked(table: SimulationTable, lending: str) -> int:
    found = simulate_rounds(
        table,
        strategy="margin",
        budget=60,
        batch=20,
        seed=0,
        conditions=Conditions(folds=2, lending=lending),
    )
    return len(np.unique(found.chosen // 3))


def test_with_lending_no_burst_is_asked_about_twice() -> None:
    assert bursts_asked(shelf(), ".9") == 60


def test_without_enough_labels_lending_changes_nothing() -> None:
    table = shelf()
    on, off = (
        simulate_rounds(
            table, strategy="uherding", budget=60, batch=20, seed=2,
            conditions=Conditions(folds=2, lending=lending),
        )
        for lending in ("on", "off")
    )  # fmt: skip

    np.testing.assert_array_equal(on.chosen, off.chosen)
    assert on.accuracy == off.accuracy


def test_lending_begins_when_enough_groups_agree() -> None:
    table = shelf(300)
    rows = prepare(table.embeddings, table.embeddings.mean(axis=0, dtype=np.float64))
    lender = Lender.of(table.embeddings, table.image_ids, table.groups, rows, fixed=None)
    pairs = np.flatnonzero(np.arange(900) % 3 < 2)[:280]  # two of each of 140 bursts

    labels = table.labels[pairs]
    from ml.acquisition import lending

    assert (
        lending.calibrate(lender.joins, pairs[:260], labels[:260], rows[pairs[:260]]).threshold
        is None
    )
    assert lending.calibrate(lender.joins, pairs, labels, rows[pairs]).threshold == 0.80


def test_lending_is_on_off_or_a_cosine() -> None:
    assert Conditions(lending="on").check().lending_cosine is None
    assert Conditions(lending=".85").check().lending_cosine == 0.85
    assert Conditions(lending=".85").to_json() == {"lending": ".85"}
    for wrong in ("yes", "0.5", "2"):
        with pytest.raises(ConditionsError, match=wrong):
            Conditions(lending=wrong).check()
