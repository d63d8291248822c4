"""One pass over the pool must say what the head says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.acquisition import PreparedRows
from ml.acquisition import rescore as module
from ml.acquisition.rescore import block_rows, rescore
from ml.acquisition.uncertainty import margin
from ml.heads import ridge
from ml.types import Head


def drawn(n: int, d: int = 24, k: int = 7, offset: float = 3.0) -> tuple[np.ndarray, Head]:
    rng = np.random.default_rng(4)
    raw = (rng.normal(size=(n, d)) + offset).astype(np.float16)
    order = tuple(f"label-{column}" for column in range(k))
    centre = np.full(d, offset) + 0.1 * rng.normal(size=d)
    return raw, Head(rng.normal(size=(d, k)), rng.normal(size=k), centre, 3.0, 0.1, order)


@pytest.mark.parametrize("n", [1, 50, 5000])
def test_it_says_what_the_head_says_in_blocks_too(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, head = drawn(n)
    expected = ridge.predict(head, raw.astype(np.float32))
    monkeypatch.setattr(module, "MEMORY_BOUND", 200 * 2**10)

    found = rescore(PreparedRows(raw, np.arange(n), head.centre), head)

    assert block_rows(24, 7) < 5000
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities, expected, atol=2e-5)
    np.testing.assert_allclose(found.doubt, margin(expected), atol=5e-5)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0, atol=1e-12)


def test_rows_are_taken_from_where_they_lie() -> None:
    raw, head = drawn(60)
    places = np.array([5, 50, 7, 7])

    found = rescore(PreparedRows(raw, places, head.centre), head)

    assert found.probabilities is not None
    expected = ridge.predict(head, raw[places].astype(np.float32))
    np.testing.assert_allclose(found.probabilities, expected, atol=2e-5)


def test_a_row_at_the_centre_is_not_blown_up() -> None:
    raw, head = drawn(20, offset=100.0)
    near = head.centre.astype(np.float32) + np.eye(24, dtype=np.float32)[3]
    rows = np.stack([head.centre.astype(np.float32), near, raw[0].astype(np.float32)])

    found = rescore(PreparedRows(rows, np.arange(3), head.centre), head)

    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities, ridge.predict(head, rows), atol=1e-3)


def test_a_large_pool_keeps_its_doubts_alone() -> None:
    raw, head = drawn(40)
    rows = PreparedRows(raw, np.arange(40), head.centre)

    alone, both = rescore(rows, head, most_cells=40 * 7 - 1), rescore(rows, head)

    assert alone.probabilities is None
    np.testing.assert_array_equal(alone.doubt, both.doubt)


def test_one_label_leaves_no_doubt() -> None:
    raw, head = drawn(5, k=1)

    assert rescore(PreparedRows(raw, np.arange(5), head.centre), head).doubt.tolist() == [0] * 5


def test_vectors_may_lie_in_a_file(tmp_path: Path) -> None:
    raw, head = drawn(300)
    raw.tofile(tmp_path / "vectors")
    mapped = np.memmap(tmp_path / "vectors", dtype=np.float16, mode="r", shape=raw.shape)

    here = rescore(PreparedRows(raw, np.arange(300), head.centre), head)
    there = rescore(PreparedRows(mapped, np.arange(300), head.centre), head)

    np.testing.assert_array_equal(here.doubt, there.doubt)
