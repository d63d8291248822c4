"""Cosines around a centre: the quick way beside the plain one."""

from __future__ import annotations

import numpy as np

from ml.evaluation.geometry import cosines, prepare


def test_cosines_agree_with_rows_that_are_prepared_on_both_sides() -> None:
    rng = np.random.default_rng(5)
    # As of a backbone: never negative, far from the origin.
    first, others = (rng.gamma(2.0, 0.4, (n, 64)).astype(np.float32) for n in (7, 30))
    centre = others.mean(axis=0, dtype=np.float64)
    prepared = prepare(first, centre)
    wanted = prepared.astype(np.float64) @ prepare(others, centre).T.astype(np.float64)

    found = cosines(prepared, others.copy(), centre)

    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_row_at_the_centre_is_like_nothing() -> None:
    centre = np.array([0.1, 0.7, 0.3])
    others = np.array([[0.1, 0.7, 0.3], [0.4, 0.7, 0.3]], dtype=np.float32)
    prepared = prepare(others[1:], centre)

    found = cosines(prepared, others, centre)

    np.testing.assert_allclose(found, [[0.0, 1.0]], atol=1e-6)
