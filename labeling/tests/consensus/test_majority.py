from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.consensus.majority import counts_posterior, majority_posterior
from labeling.consensus.types import Vote

PRIORS = st.lists(st.floats(0, 1), min_size=4, max_size=4).map(
    lambda raw: (np.array(raw) + 1e-6) / (np.sum(raw) + 4e-6)
)


def cast(*labels: int) -> list[Vote]:
    return [Vote(annotator, label) for annotator, label in enumerate(labels)]


def test_one_vote_is_worth_the_skill() -> None:
    np.testing.assert_allclose(majority_posterior(cast(1), 4), [0.05, 0.85, 0.05, 0.05])


def test_two_against_one_by_hand() -> None:
    # Likelihoods of 3 labels at skill .8: .8 .8 .1, .1 .1 .8, .1 .1 .1.
    found = majority_posterior(cast(0, 0, 1), 3, skill=0.8)

    np.testing.assert_allclose(found, np.array([0.064, 0.008, 0.001]) / 0.073)


def test_the_prior_enters_at_half_its_log() -> None:
    # No votes: q ~ sqrt(prior); sqrt(.64) : sqrt(.36) = .8 : .6.
    found = majority_posterior([], 2, prior=np.array([0.64, 0.36]))

    np.testing.assert_allclose(found, [0.8 / 1.4, 0.6 / 1.4])


def test_the_prior_breaks_a_tie_between_people() -> None:
    found = majority_posterior(cast(0, 1), 3, prior=np.array([0.2, 0.6, 0.2]))

    assert found.argmax() == 1


@pytest.mark.parametrize("n_labels", [2, 3, 43])
def test_a_certain_classifier_never_outvotes_one_person(n_labels: int) -> None:
    prior = np.zeros(n_labels)
    prior[1] = 1.0

    found = majority_posterior(cast(0), n_labels, prior=prior, prior_weight=1.0)

    assert found.argmax() == 0
    assert found[0] < majority_posterior(cast(0), n_labels)[0]


def test_no_votes_and_no_prior_say_nothing() -> None:
    np.testing.assert_allclose(majority_posterior([], 5), 0.2)


def test_a_single_label_is_certain() -> None:
    np.testing.assert_array_equal(majority_posterior(cast(0, 0), 1), [1.0])


@given(st.lists(st.integers(0, 3), max_size=8), PRIORS, st.randoms(use_true_random=False))
def test_order_and_names_of_annotators_do_not_matter(
    labels: list[int], prior: np.ndarray, random: object
) -> None:
    votes = cast(*labels)
    shuffled = [Vote(100 + vote.annotator, vote.label) for vote in votes]
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    found = majority_posterior(votes, 4, prior=prior)

    np.testing.assert_allclose(found, majority_posterior(shuffled, 4, prior=prior))
    assert found.sum() == pytest.approx(1.0)
    assert (found > 0).all()


@given(st.integers(1, 6), st.integers(0, 3), PRIORS)
def test_unanimity_wins_whatever_the_classifier_says(n: int, label: int, prior: np.ndarray) -> None:
    assert majority_posterior(cast(*[label] * n), 4, prior=prior).argmax() == label


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9))
def test_the_commonest_answer_leads_without_a_prior(labels: list[int]) -> None:
    found = majority_posterior(cast(*labels), 4)

    counts = np.bincount(labels, minlength=4)
    assert counts[found.argmax()] == counts.max()
    np.testing.assert_allclose(found, counts_posterior(dict(enumerate(counts)), 4))


@pytest.mark.parametrize(
    ("votes", "settings", "message"),
    [
        (cast(4), {}, "there are 4"),
        ([Vote(7, 0), Vote(7, 1)], {}, "votes once"),
        (cast(0), {"prior": np.array([0.5, 0.5])}, "shape"),
        (cast(0), {"skill": 0.25}, "chance"),
    ],
)
def test_refuses_votes_that_cannot_be(
    votes: list[Vote], settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        majority_posterior(votes, 4, **settings)  # type: ignore[arg-type]
