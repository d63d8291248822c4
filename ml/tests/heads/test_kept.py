"""Heads from kept sums are the heads of a fit from the rows, whatever has happened in between."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.heads.closed_form import Primal
from ml.heads.kept import KeptSums, is_worth_keeping, label_shares
from ml.heads.ridge import (
    Choice,
    fit_as_chosen,
    fit_ridge,
    for_labels,
    is_choice_due,
    prepared_rows,
)
from ml.heads.statistics import LabelStatistics
from ml.tests.heads.builders import blobs
from ml.types import Head, LabeledSet

STRENGTH = 0.1


def some(labeled: LabeledSet, rows: np.ndarray) -> LabeledSet:
    return LabeledSet(
        labeled.image_ids[rows], labeled.embeddings[rows], labeled.targets[rows],
        labeled.weights[rows], labeled.groups[rows], labeled.label_order,
    )  # fmt: skip


def agrees(kept: KeptSums, labeled: LabeledSet) -> None:
    """Compare with a problem formed from the rows, weights and leave-group-out."""
    mine = kept.follow(labeled)
    brute = Primal.of(prepared_rows(labeled, kept.centre))
    one, other = mine.solve(STRENGTH), brute.solve(STRENGTH)
    np.testing.assert_allclose(one.weights, other.weights, atol=2e-4)
    np.testing.assert_allclose(one.bias, other.bias, atol=2e-4)
    if len(np.unique(labeled.groups)) > 1:
        np.testing.assert_allclose(mine.held_out(one), brute.held_out(other), atol=2e-3)


def kept_of(labeled: LabeledSet) -> KeptSums:
    return KeptSums(labeled, labeled.embeddings.mean(axis=0, dtype=np.float64))


def test_sums_by_hand() -> None:
    # Label 0: rows (1, 0) of weight 4; label 1: (0, 1) of weight 1. Factors 1/2 and 1; scaled by
    # n / (1/2 4 + 1) = 2/3: weights 4/3 and 2/3. Means: row (2/3, 1/3), target likewise.
    sums = LabelStatistics(2, 2)
    rows = np.eye(2, dtype=np.float32)
    sums.add(rows, np.eye(2), np.array([4.0, 1.0]))
    labeled = replace(
        blobs(np.random.default_rng(0), n=2, k=2, d=2),
        embeddings=rows, targets=np.eye(2), weights=np.array([4.0, 1.0]),
    )  # fmt: skip

    problem = sums.problem(prepared_rows(labeled, np.zeros(2)))

    np.testing.assert_allclose(problem.row_mean, [2 / 3, 1 / 3], atol=1e-7)
    # 4/3 - 2 (2/3)^2 = 4/9 on the diagonal, - 2 (2/3) (1/3) off it.
    np.testing.assert_allclose(problem.gram, [[4 / 9, -4 / 9], [-4 / 9, 4 / 9]], atol=1e-6)
    np.testing.assert_allclose(problem.moment, [[4 / 9, -4 / 9], [-4 / 9, 4 / 9]], atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31))
def test_follows_answers_that_come_change_and_go(seed: int) -> None:
    rng = np.random.default_rng(seed)
    everything = blobs(rng, n=90, k=4, d=5, n_groups=30)
    here = np.sort(rng.permutation(90)[:60])
    kept = kept_of(some(everything, here))
    for _ in range(4):
        come = rng.permutation(np.setdiff1d(np.arange(90), here))[:5]
        here = np.sort(np.concatenate([rng.permutation(here)[4:], come]))
        turned = rng.permutation(90)[:3]
        everything.targets[turned] = rng.dirichlet(np.ones(4), 3)
        everything.weights[turned] = rng.uniform(0.5, 2, 3)

        agrees(kept, replace(some(everything, here), targets=everything.targets[here].copy()))


def test_a_new_label_is_known_with_its_first_image() -> None:
    labeled = blobs(np.random.default_rng(2), n=60, k=3, d=6)
    kept = kept_of(labeled)
    wider = np.pad(labeled.targets, ((0, 0), (0, 1)))
    wider[0] = [0, 0, 0, 1]
    grown = replace(labeled, targets=wider, label_order=(*labeled.label_order, "new"))

    agrees(kept, grown)

    fit = kept.follow(grown).solve(STRENGTH)
    x = prepared_rows(grown, kept.centre).prepared[0]
    assert (x @ fit.weights + fit.bias)[3] > 1 / 60


@pytest.mark.parametrize(
    ("order", "steps", "columns"),
    [
        (("label-2", "label-0", "label-1"), {}, [[2], [0], [1]]),
        (("label-0", "other", "label-2"), {"label-1": ("other",)}, [[0], [1], [2]]),
        (("label-0", "label-2"), {"label-1": ("label-0",)}, [[0, 1], [2]]),
    ],
    ids=["another order", "rename", "merge"],
)
def test_labels_change_without_starting_over(
    order: tuple[str, ...],
    steps: dict[str, tuple[str, ...]],
    columns: list[list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labeled = blobs(np.random.default_rng(3), n=60, k=3, d=6)
    kept = kept_of(labeled)
    targets = np.stack([labeled.targets[:, old].sum(axis=1) for old in columns], axis=1)
    changed = replace(labeled, targets=targets, label_order=order)
    monkeypatch.setattr(KeptSums, "_build", None)  # starting over would fail

    kept.follow(changed, steps)

    agrees(kept, changed)


def test_a_split_label_shares_its_rows_until_answers_tell_them_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labeled = blobs(np.random.default_rng(4), n=60, k=3, d=6)
    kept = kept_of(labeled)
    monkeypatch.setattr(KeptSums, "_build", None)
    order, steps = ("label-0", "a", "b", "label-2"), {"label-1": ("a", "b")}
    shares = label_shares(labeled.label_order, order, steps)
    split = replace(labeled, targets=labeled.targets @ shares, label_order=order)
    told = replace(split, targets=split.targets.copy())
    told.targets[np.flatnonzero(labeled.targets.argmax(axis=1) == 1)[:5]] = [0, 0.1, 0.9, 0]

    kept.follow(split, steps)
    agrees(kept, split)
    agrees(kept, told)


def test_images_of_a_dropped_label_leave_the_sums() -> None:
    labeled = blobs(np.random.default_rng(5), n=80, k=4, d=5)
    labeled = replace(labeled, targets=np.eye(4)[labeled.targets.argmax(axis=1)])
    kept = kept_of(labeled)
    stay = np.flatnonzero(labeled.targets[:, 1] == 0)
    left = some(labeled, stay)

    agrees(
        kept,
        replace(
            left, targets=left.targets[:, [0, 2, 3]], label_order=("label-0", "label-2", "label-3")
        ),
    )


def test_a_step_to_an_unknown_label_is_refused() -> None:
    with pytest.raises(ValueError, match="became"):
        label_shares(("a", "b"), ("a", "c"), {"b": ("d",)})


def test_a_head_of_kept_sums_is_the_head_of_the_rows() -> None:
    labeled = blobs(np.random.default_rng(6), n=120, k=3, d=6)
    fitted = fit_ridge(labeled)
    kept = KeptSums(some(labeled, np.arange(110)), fitted.choice.centre)

    again = fit_as_chosen(labeled, fitted.choice, problem=kept.follow(labeled))

    np.testing.assert_allclose(again.head.weights, fitted.head.weights, atol=2e-4)
    np.testing.assert_allclose(again.out_of_group, fitted.out_of_group, atol=2e-3)
    assert again.log_loss == pytest.approx(fitted.log_loss, abs=1e-4)
    assert again.head.temperature == fitted.head.temperature


def test_a_choice_holds_for_a_tenth_more_labels() -> None:
    choice = Choice(0.1, 10.0, np.zeros(2), 1000)

    due = [is_choice_due(choice, n) for n in (400, 900, 950, 1000, 1099, 1100)]

    assert due == [True, True, False, False, False, True]
    assert is_choice_due(None, 1000)


def test_sums_are_kept_only_where_they_help_and_fit_into_memory() -> None:
    labeled = blobs(np.random.default_rng(7), n=40, k=3, d=8)

    assert is_worth_keeping(labeled)
    assert not is_worth_keeping(some(labeled, np.arange(8)))
    many = replace(labeled, label_order=tuple(str(c) for c in range(3_000_000)))
    assert not is_worth_keeping(many)


@pytest.mark.parametrize(
    ("order", "steps"),
    [
        (("label-1", "label-2", "label-0", "new"), {}),
        (("label-0", "label-2"), {"label-1": ("label-2",)}),
        (("label-0", "a", "b", "label-2"), {"label-1": ("a", "b")}),
    ],
    ids=["reorder and add", "merge", "split"],
)
def test_a_head_for_other_labels_is_the_head_fitted_on_targets_shared_out(
    order: tuple[str, ...], steps: dict[str, tuple[str, ...]]
) -> None:
    labeled = blobs(np.random.default_rng(8), n=60, k=3, d=6)
    shares = label_shares(labeled.label_order, order, steps)
    problem = Primal.of(prepared_rows(labeled, labeled.embeddings.mean(axis=0, dtype=np.float64)))
    fit, mapped = problem.solve(STRENGTH), replace(problem.rows, targets=labeled.targets @ shares)
    head = Head(fit.weights, fit.bias, np.zeros(6), 1.0, STRENGTH, labeled.label_order)

    found = for_labels(head, shares, order)

    expected = Primal.of(mapped).solve(STRENGTH)
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-10)
    np.testing.assert_allclose(found.bias, expected.bias, atol=1e-10)
    assert found.label_order == order
