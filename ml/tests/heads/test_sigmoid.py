"""The head for several labels an image: each label its own question, checked without cheating."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation.geometry import prepare
from ml.evaluation.yes_or_no import sigmoid
from ml.heads.calibration import NOTHING_ACCEPTED
from ml.heads.ridge import EmptyLabeledSetError
from ml.heads.sigmoid import Answered, fit_sigmoid, log_loss, predict, thresholds

MOUNTAIN, GLACIER = 0, 1


def landscapes(seed: int, n: int = 120, *, noise: float = 0.6) -> Answered:
    """Draw pictures that may show a mountain, a glacier, both or neither, in groups of two."""
    rng = np.random.default_rng(seed)
    shows = rng.random((n // 2, 2)) < 0.5
    shows = np.repeat(shows, 2, axis=0)
    directions = np.zeros((2, 12))
    directions[MOUNTAIN, 0] = directions[GLACIER, 1] = 2.0
    embeddings = shows @ directions + noise * rng.normal(size=(n, 12))
    return Answered(
        embeddings=embeddings.astype(np.float32),
        yes=np.where(shows, 0.95, 0.05),
        known=np.ones((n, 2), dtype=bool),
        weights=np.ones(n),
        groups=np.repeat(np.arange(n // 2), 2),
        label_order=("mountain", "glacier"),
    )


def test_a_photograph_with_both_a_mountain_and_a_glacier_gets_both() -> None:
    fitted = fit_sigmoid(landscapes(1))
    pictures = np.zeros((3, 12), dtype=np.float32)
    pictures[0, :2] = 2.0
    pictures[1, 1] = 2.0

    both, glacier, neither = predict(fitted.head, pictures) > 0.5

    assert both.tolist() == [True, True]
    assert glacier.tolist() == [False, True]
    assert neither.tolist() == [False, False]


def test_probabilities_hold_on_pictures_never_seen() -> None:
    fitted = fit_sigmoid(landscapes(2, noise=1.5))
    fresh = landscapes(3, 4000, noise=1.5)

    said = predict(fitted.head, fresh.embeddings)

    for column in (MOUNTAIN, GLACIER):
        for low in (0.0, 0.25, 0.5, 0.75):
            of_bin = (said[:, column] >= low) & (said[:, column] < low + 0.25)
            share = (fresh.yes[of_bin, column] > 0.5).mean()
            assert share == pytest.approx(said[of_bin, column].mean(), abs=0.15)


def test_what_is_said_of_a_group_is_what_heads_without_it_say() -> None:
    answered = landscapes(4, 20)
    fitted = fit_sigmoid(answered, strengths=[0.3])
    head = fitted.head

    for group in np.unique(answered.groups):
        out = answered.groups == group
        rest = ~out
        prepared = prepare(answered.embeddings, head.centre).astype(np.float64)
        x, y = prepared[rest], answered.yes[rest]
        centred, targets = x - x.mean(axis=0), y - y.mean(axis=0)
        gram = centred.T @ centred + 0.3 * np.eye(12)
        weights = np.linalg.solve(gram, centred.T @ targets)
        scores = (prepared[out] - x.mean(axis=0)) @ weights + y.mean(axis=0)
        assert head.several is not None
        brute = sigmoid(head.several.slope * scores + head.several.offset)

        assert fitted.out_of_group[out] == pytest.approx(brute, abs=1e-6)


def test_a_label_asked_of_a_few_pictures_learns_from_those_alone() -> None:
    whole = landscapes(5)
    known = whole.known.copy()
    known[60:, GLACIER] = False
    asked = Answered(
        whole.embeddings,
        np.where(known, whole.yes, np.nan),
        known,
        whole.weights,
        whole.groups,
        whole.label_order,
    )

    fitted = fit_sigmoid(asked, strengths=[0.1])

    assert np.isfinite(fitted.out_of_group).all()
    right = (fitted.out_of_group[60:, GLACIER] > 0.5) == (whole.yes[60:, GLACIER] > 0.5)
    assert right.mean() > 0.9


@pytest.mark.parametrize(("answer", "share"), [(0.95, 4 / 5), (0.05, 1 / 5)])
def test_answers_that_are_all_alike_give_their_smoothed_share(answer: float, share: float) -> None:
    answered = Answered(
        embeddings=np.eye(3, 4, dtype=np.float32),
        yes=np.full((3, 2), answer),
        known=np.array([[True, False]] * 3),
        weights=np.ones(3),
        groups=np.arange(3),
        label_order=("mountain", "glacier"),
    )

    said = predict(fit_sigmoid(answered).head, np.ones((1, 4), dtype=np.float32))

    assert said[0, MOUNTAIN] == pytest.approx(share)
    assert said[0, GLACIER] == 0.5


@given(st.integers(0, 2**31), st.floats(0.6, 0.99))
def test_what_is_accepted_is_right_often_enough(seed: int, precision: float) -> None:
    answered = landscapes(seed, 80, noise=1.5)
    fitted = fit_sigmoid(answered, strengths=[0.3])

    bars = thresholds(fitted, answered, precision=precision)

    for column, bar in enumerate(bars):
        accepted = fitted.out_of_group[:, column] >= bar
        if bar == NOTHING_ACCEPTED:
            assert not accepted.any()
        else:
            assert bar >= 0.5
            assert accepted.sum() >= 10
            assert (answered.yes[accepted, column] > 0.5).mean() >= precision - 1e-9


def test_the_strength_with_the_lowest_loss_is_kept() -> None:
    answered = landscapes(6)

    fitted = fit_sigmoid(answered, strengths=[0.01, 0.3, 100.0])

    assert fitted.log_loss == min(fitted.log_losses.values())
    assert fitted.log_losses[fitted.head.regularisation] == fitted.log_loss
    assert log_loss(answered, fitted.out_of_group) == pytest.approx(fitted.log_loss)
    coin = np.full((120, 2), 0.5)
    assert fitted.log_loss < log_loss(answered, coin) == pytest.approx(np.log(2))


def test_the_same_answers_in_another_order_give_the_same_head() -> None:
    answered = landscapes(7)
    order = np.random.default_rng(0).permutation(120)
    shuffled = Answered(
        answered.embeddings[order],
        answered.yes[order],
        answered.known[order],
        answered.weights[order],
        answered.groups[order],
        answered.label_order,
    )

    one, other = fit_sigmoid(answered), fit_sigmoid(shuffled)

    fresh = landscapes(8).embeddings
    assert predict(one.head, fresh) == pytest.approx(predict(other.head, fresh), abs=1e-4)


def test_bad_input_is_told_what_is_wrong_with_it() -> None:
    good = landscapes(9, 4)

    def with_(**change: np.ndarray) -> Answered:
        fields = {name: getattr(good, name) for name in Answered.__slots__}
        return Answered(**{**fields, **change})

    with pytest.raises(EmptyLabeledSetError):
        fit_sigmoid(with_(known=np.zeros((4, 2), dtype=bool)))
    with pytest.raises(ValueError, match="no probability"):
        fit_sigmoid(with_(yes=np.full((4, 2), 3.5)))
    with pytest.raises(ValueError, match="disagree"):
        fit_sigmoid(with_(weights=np.ones(3)))
    with pytest.raises(ValueError, match="greater than 0"):
        fit_sigmoid(good, strengths=[0.0])
