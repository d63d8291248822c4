from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ml.evaluation.metrics import log_loss
from ml.heads.ridge import (
    EmptyLabeledSetError,
    balanced,
    fit_ridge,
    predict,
    prepare,
    scores,
)
from ml.tests.heads.builders import blobs, hard
from ml.types import LabeledSet


@pytest.mark.parametrize("d", [6, 100], ids=["primal", "dual"])
def test_head_solves_the_normal_equations(d: int) -> None:
    labeled = blobs(np.random.default_rng(4), n=40, d=d)
    head = fit_ridge(labeled, strengths=(0.1,), share=0.0).head

    x = prepare(labeled.embeddings, head.centre).astype(np.float64)
    v = balanced(labeled.weights, labeled.targets)
    residual: npt.NDArray[np.float64] = labeled.targets - x @ head.weights - head.bias

    # Derivatives of sum v |t - xW - b|^2 + s |W|^2 vanish at the optimum.
    np.testing.assert_allclose(v @ residual, 0.0, atol=1e-8)
    slope: npt.NDArray[np.float64] = (x.T * v) @ residual
    np.testing.assert_allclose(slope, 0.1 * head.weights, atol=1e-7)


def test_two_opposite_rows_give_the_value_computed_by_hand() -> None:
    # Rows become (1, 0) and (-1, 0) after centring; targets +-1/2; weights 1.
    # w = sum x t / (sum x^2 + s) = (1/2 + 1/2) / (2 + 1) = 1/3 for label 0; bias 1/2.
    labeled = hard([0, 1], np.array([[5.0, 1.0], [1.0, 1.0]]), k=2)

    head = fit_ridge(labeled, strengths=(1.0,), share=0.0).head

    by_hand = np.array([[1 / 3, -1 / 3], [0.0, 0.0]])
    np.testing.assert_allclose(head.weights, by_hand, atol=1e-12)
    np.testing.assert_allclose(head.bias, [0.5, 0.5])
    np.testing.assert_allclose(head.centre, [3.0, 1.0])
    np.testing.assert_allclose(
        scores(head, labeled.embeddings), [[5 / 6, 1 / 6], [1 / 6, 5 / 6]], atol=1e-6
    )


def test_square_root_balance_by_hand() -> None:
    # Label 0 has four rows (factor 1/2), label 1 one (factor 1): mean is (4/2 + 1)/5 = 0.6.
    found = balanced(np.ones(5), np.eye(2)[[0, 0, 0, 0, 1]])

    np.testing.assert_allclose(found, np.array([0.5, 0.5, 0.5, 0.5, 1.0]) / 0.6)


def test_reports_the_loss_of_its_out_of_group_probabilities() -> None:
    labeled = blobs(np.random.default_rng(5))

    fitted = fit_ridge(labeled)

    truth = np.eye(3)[labeled.targets.argmax(axis=1)]
    loss = log_loss(truth, fitted.out_of_group, labeled.weights)
    assert fitted.log_loss == pytest.approx(loss)
    assert fitted.log_loss == min(fitted.log_losses.values())
    assert fitted.log_losses[fitted.head.regularisation] == fitted.log_loss
    assert set(fitted.log_losses) == {0.01, 0.03, 0.1, 0.3, 1.0}


def test_out_of_group_is_humbler_than_what_the_head_says_of_its_own_rows() -> None:
    rng = np.random.default_rng(6)
    noise = hard(list(rng.integers(0, 3, 60)), rng.normal(size=(60, 200)), k=3)

    fitted = fit_ridge(noise)  # more columns than rows: leaking means would show here

    own = log_loss(noise.targets, predict(fitted.head, noise.embeddings), noise.weights)
    assert fitted.log_loss > own
    assert fitted.log_loss > 0.9 * math.log(3)  # there is nothing to learn


def test_the_softness_of_targets_does_not_make_probabilities_timid() -> None:
    labeled = blobs(np.random.default_rng(16), n=90)
    timid = replace(labeled, targets=0.8 * labeled.targets + 0.2 / 3)

    plain, soft = fit_ridge(labeled), fit_ridge(timid)

    confidence = [each.out_of_group.max(axis=1).mean() for each in (plain, soft)]
    assert confidence[1] == pytest.approx(confidence[0], abs=0.02)


def test_learns_separable_blobs() -> None:
    labeled = blobs(np.random.default_rng(7), n=90)

    head = fit_ridge(labeled).head

    guessed = predict(head, labeled.embeddings).argmax(axis=1)
    assert (guessed != labeled.targets.argmax(axis=1)).sum() <= 2


def test_a_heavier_weight_counts_like_a_repeated_row() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(6, 4))
    x -= x.mean(axis=0)  # so that both sets have one centre
    once = hard([0, 1, 0, 1, 0, 1], x, k=2)
    twice = hard([0, 1, 0, 1, 0, 1] * 2, np.vstack([x, x]), k=2)

    doubled = fit_ridge(replace(once, weights=np.full(6, 2.0)), strengths=(0.1,), share=0.0).head
    plain = fit_ridge(once, strengths=(0.1,), share=0.0).head
    repeated = fit_ridge(twice, strengths=(0.2,), share=0.0).head

    np.testing.assert_allclose(doubled.weights, plain.weights)  # scaled to mean 1
    np.testing.assert_allclose(repeated.weights, plain.weights, atol=1e-6)


def test_one_row_predicts_its_own_label() -> None:
    labeled = hard([2], np.array([[1.0, 2.0, 3.0]]), k=4)

    fitted = fit_ridge(labeled)

    assert fitted.log_loss == math.inf
    assert predict(fitted.head, labeled.embeddings).argmax() == 2
    assert np.isfinite(predict(fitted.head, 100 * labeled.embeddings)).all()


def test_one_label_is_always_predicted() -> None:
    rng = np.random.default_rng(9)
    labeled = hard([1] * 5, rng.normal(size=(5, 3)), k=2)

    fitted = fit_ridge(labeled)

    assert (
        predict(fitted.head, rng.normal(size=(9, 3)).astype(np.float32)).argmax(axis=1) == 1
    ).all()
    assert (fitted.out_of_group.argmax(axis=1) == 1).all()


def test_a_label_without_rows_scores_zero_and_never_wins() -> None:
    rng = np.random.default_rng(10)
    labeled = hard([0, 1] * 10, rng.normal(size=(20, 5)), k=3)

    head = fit_ridge(labeled).head

    probabilities = predict(head, rng.normal(size=(50, 5)).astype(np.float32))
    np.testing.assert_array_equal(head.weights[:, 2], 0.0)
    assert head.bias[2] == 0.0
    assert (probabilities.argmax(axis=1) != 2).all()
    assert (probabilities[:, 2] > 0).all()


def test_a_single_group_leaves_nothing_out_and_says_so() -> None:
    labeled = replace(blobs(np.random.default_rng(11)), groups=np.zeros(40, dtype=np.int64))

    fitted = fit_ridge(labeled)

    assert fitted.log_loss == math.inf
    assert set(fitted.log_losses.values()) == {math.inf}
    np.testing.assert_allclose(fitted.out_of_group, 1 / 3)
    assert (fitted.head.regularisation, fitted.head.temperature) == (0.1, 10.0)


def test_identical_rows_are_the_centre_not_amplified_rounding() -> None:
    row = np.array([[0.1, 0.7, 0.3]])
    labeled = hard([0, 0, 1], np.repeat(row, 3, axis=0), k=2)

    fitted = fit_ridge(labeled)

    np.testing.assert_array_equal(fitted.head.weights, 0.0)
    np.testing.assert_allclose(np.linalg.norm(prepare(row, row[0])), 0.0)


def test_prepared_rows_have_unit_length() -> None:
    rows = np.array([[3.0, 4.0], [1.0, 1.0]], dtype=np.float32)

    found = prepare(rows, np.array([0.0, 0.0]))

    np.testing.assert_allclose(found, [[0.6, 0.8], [2**-0.5, 2**-0.5]], rtol=1e-6)


def test_refuses_an_empty_set() -> None:
    empty = hard([], np.empty((0, 4)), k=2)
    with pytest.raises(EmptyLabeledSetError, match="answer at least one"):
        fit_ridge(replace(empty, targets=np.empty((0, 2))))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": np.full((40, 3), 0.5)}, "not probabilities"),
        ({"weights": np.zeros(40)}, "greater than 0"),
        ({"label_order": ("a", "b")}, "2 labels"),
        ({"embeddings": np.full((40, 8), np.nan, dtype=np.float32)}, "not finite"),
        ({"groups": np.zeros(39, dtype=np.int64)}, "rows or labels disagree"),
    ],
)
def test_refuses_what_would_train_wrongly(change: dict[str, object], message: str) -> None:
    labeled = replace(blobs(np.random.default_rng(12)), **change)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        fit_ridge(labeled)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 12),
    st.integers(1, 4),
    st.integers(1, 6),
    st.integers(1, 5),
    st.integers(0, 2**31),
)
def test_never_gives_anything_but_probabilities(
    n: int, k: int, d: int, n_groups: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    labeled = replace(
        hard(list(rng.integers(0, k, n)), rng.integers(-2, 3, (n, d)).astype(float), k=k),
        groups=rng.integers(0, n_groups, n),
    )

    fitted = fit_ridge(labeled)

    for found in (
        fitted.out_of_group,
        predict(fitted.head, rng.normal(size=(7, d)).astype(np.float32)),
    ):
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_row_order_does_not_matter() -> None:
    labeled = blobs(np.random.default_rng(13))
    order = np.random.default_rng(14).permutation(40)
    shuffled = LabeledSet(
        labeled.image_ids[order],
        labeled.embeddings[order],
        labeled.targets[order],
        labeled.weights[order],
        labeled.groups[order],
        labeled.label_order,
    )

    first, second = fit_ridge(labeled), fit_ridge(shuffled)

    np.testing.assert_allclose(first.head.weights, second.head.weights, atol=1e-6)
    np.testing.assert_allclose(first.out_of_group[order], second.out_of_group, atol=1e-5)


def test_six_hundred_rows_take_a_fraction_of_a_second() -> None:
    labeled = blobs(np.random.default_rng(15), n=600, k=43, d=1280, n_groups=450)

    seconds = []
    with threadpool_limits(1):  # waiting threads would be counted as work
        for _ in range(3):
            before = time.process_time()
            fit_ridge(labeled)
            seconds.append(time.process_time() - before)

    assert min(seconds) < 3  # 0.08 s alone on one core; a head fitted for each group takes a minute
