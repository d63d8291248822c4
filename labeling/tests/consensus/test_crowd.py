from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.consensus import crowd
from labeling.consensus.crowd import Pool, Skill, change, held, posterior, start_pool
from labeling.consensus.types import Vote

K = 4  # three labels and "none of these"


def cast(*labels: int) -> list[Vote]:
    return [Vote(annotator, label) for annotator, label in enumerate(labels)]


@st.composite
def skills(draw: st.DrawFn) -> Skill:
    pairs = st.tuples(st.integers(0, K - 1), st.integers(0, K - 1))
    return Skill(
        draw(st.floats(0, 500)),
        draw(st.floats(0, 500)),
        draw(st.dictionaries(pairs, st.floats(0, 200), max_size=8)),
    )


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    raw = np.array(draw(st.lists(st.floats(0.01, 1), min_size=K * K, max_size=K * K)))
    confusion = raw.reshape(K, K)
    np.fill_diagonal(confusion, 0)
    confusion /= confusion.sum(axis=1, keepdims=True)
    ease = draw(st.lists(st.floats(-1, 1), min_size=K, max_size=K))
    np.fill_diagonal(confusion, ease)
    alpha, beta = draw(st.floats(1, 50)), draw(st.floats(0.5, 50))
    weight = draw(st.floats(0, 1))
    return Pool(alpha, beta, confusion, weight, np.ones(K, dtype=np.int64))


def probabilities(size: int) -> st.SearchStrategy[np.ndarray]:
    raw = st.lists(st.floats(0, 1), min_size=size, max_size=size)
    return raw.map(lambda r: (np.array(r) + 1e-9) / (np.sum(r) + size * 1e-9))


def test_one_vote_of_a_stranger_is_worth_the_average_skill() -> None:
    # Beta(8, 2): right .8; the other .2 spread over three outcomes.
    found = posterior(cast(1), {}, start_pool(K))

    # Nobody said "none of these".
    np.testing.assert_allclose(found, np.array([0.2 / 3, 0.8, 0.2 / 3, 0]) / (0.8 + 0.4 / 3))


def test_none_of_these_is_believed_where_somebody_said_it() -> None:
    found = posterior(cast(3), {}, start_pool(K))

    np.testing.assert_allclose(found, [0.2 / 3, 0.2 / 3, 0.2 / 3, 0.8])


def test_two_strangers_by_hand() -> None:
    found = posterior(cast(0, 0), {}, start_pool(3))

    # .8 * .8 against .1 * .1
    np.testing.assert_allclose(found, np.array([0.64, 0.01, 0]) / 0.65)


def test_a_skilled_person_outweighs_an_unskilled_one() -> None:
    known = {0: Skill(right=92, wrong=-0.0), 1: Skill(right=0, wrong=10)}

    found = posterior(cast(0, 1), known, start_pool(3))

    # 100 of 102 against 8 of 20: .98 and .4; likelihoods of the two labels by hand.
    right, low = 100 / 102, 8 / 20
    likelihoods = np.array([right * 0.3, (1 - right) / 2 * low, 0])
    np.testing.assert_allclose(found, likelihoods / likelihoods.sum())


def test_a_confusion_that_all_share_makes_its_answer_doubtful() -> None:
    pool = start_pool(4)
    pool.confusion[1] = [1.0, 0.0, 0.0, 0.0]  # whoever errs about 1 says 0

    found = posterior(cast(0), {}, pool)

    np.testing.assert_allclose(found, np.array([0.8, 0.2, 0.2 / 3, 0]) / (1 + 0.2 / 3))


def test_how_common_an_outcome_is_counts_where_the_classifier_is_silent() -> None:
    pool = dataclasses.replace(start_pool(3), frequency=np.array([0.6, 0.3, 0.1]))

    np.testing.assert_allclose(posterior([], {}, pool), [0.6, 0.3, 0.1])
    np.testing.assert_allclose(
        posterior(cast(0), {}, pool), np.array([0.8 * 0.6, 0.1 * 0.3, 0]) / 0.51
    )
    with_classifier = posterior(cast(0), {}, pool, prior=np.array([0.5, 0.5]))
    np.testing.assert_allclose(with_classifier, np.array([0.8, 0.1, 0]) / 0.9)


def test_what_an_image_has_added_itself_is_left_out() -> None:
    votes = cast(0, 0)
    own = held(votes, np.array([1.0, 0, 0]))
    known = {0: Skill(right=5, wrong=3, confusions={(0, 0): 4.0}).plus(own[0]), 1: own[1]}

    found = posterior(votes, known, start_pool(3), own=own)

    without = {0: Skill(right=5, wrong=3, confusions={(0, 0): 4.0})}
    np.testing.assert_allclose(found, posterior(votes, without, start_pool(3)))


def test_what_a_person_confuses_themself_is_shrunk_to_what_all_share() -> None:
    # 20 answers about truth 1, all "0": half of what is believed is their own, half the pool's.
    # Skill 8 of 30; base(0|1) = 22/30 / 2.
    known = {0: Skill(right=0, wrong=20, confusions={(1, 0): 20.0})}

    said = crowd.likelihood(0, known[0], start_pool(3))

    assert said[1] == pytest.approx((20 * (22 / 30) / 2 + 20) / 40)
    assert said[0] == said[1]  # 8/30 would count against what the vote says


def test_a_harder_outcome_lowers_the_chance_to_be_right_about_it() -> None:
    pool = start_pool(3)
    pool.confusion[1, 1] = -np.log(4)  # odds 4:1 become 1:1

    np.testing.assert_allclose(crowd.likelihood(1, Skill(), pool), [0.1, 0.5, 0.1])
    np.testing.assert_allclose(crowd.likelihood(0, Skill(), pool), [0.8, 0.25, 0.1])


def test_the_classifier_enters_at_half_its_log_and_none_of_these_gets_an_even_share() -> None:
    found = posterior([], {}, start_pool(3), prior=np.array([0.96, 0.04]))

    # (.64, .026667, 1/3) ** .5
    roots = np.sqrt([0.96 * 2 / 3, 0.04 * 2 / 3, 1 / 3])
    np.testing.assert_allclose(found, roots / roots.sum())


def test_no_votes_and_no_prior_say_nothing() -> None:
    np.testing.assert_allclose(posterior([], {}, start_pool(K)), 1 / K)


def test_the_prior_leans_a_tie_between_people() -> None:
    found = posterior(cast(0, 1), {}, start_pool(K), prior=np.array([0.2, 0.6, 0.2]))

    assert found.argmax() == 1


@settings(deadline=None)
@given(pools(), probabilities(K - 1), st.integers(0, K - 1))
def test_no_classifier_ever_outvotes_one_average_person(
    pool: Pool, prior: np.ndarray, label: int
) -> None:
    found = posterior(cast(label), {}, pool, prior=prior)

    assert found[label] >= found.max() - 1e-12


@settings(deadline=None)
@given(pools(), st.lists(skills(), min_size=1, max_size=5), st.integers(0, K - 1))
def test_unanimity_wins_whoever_votes(pool: Pool, people: list[Skill], label: int) -> None:
    found = posterior(cast(*[label] * len(people)), dict(enumerate(people)), pool)

    assert found[label] >= found.max() - 1e-12


@settings(deadline=None)
@given(
    pools(),
    st.lists(st.tuples(skills(), st.integers(0, K - 1)), max_size=6),
    st.one_of(st.none(), probabilities(K - 1)),
    st.randoms(use_true_random=False),
)
def test_the_order_of_votes_and_the_names_of_people_do_not_matter(
    pool: Pool,
    cases: list[tuple[Skill, int]],
    prior: np.ndarray | None,
    shuffler: random.Random,
) -> None:
    votes = cast(*[label for _, label in cases])
    known = {annotator: skill for annotator, (skill, _) in enumerate(cases)}
    renamed = [Vote(100 + vote.annotator, vote.label) for vote in votes]
    shuffler.shuffle(renamed)

    found = posterior(votes, known, pool, prior=prior)
    again = posterior(renamed, {100 + a: s for a, s in known.items()}, pool, prior=prior)

    np.testing.assert_allclose(found, again, atol=1e-12)
    assert found.sum() == pytest.approx(1.0)
    assert (found >= 0).all()


@settings(deadline=None)
@given(pools(), st.integers(0, K - 1), st.integers(0, K - 1), st.floats(0, 100))
def test_one_more_vote_for_an_outcome_never_lowers_it(
    pool: Pool, first: int, label: int, right: float
) -> None:
    known = {1: Skill(right=right)}
    before = posterior(cast(first), {}, pool)

    after = posterior(cast(first, label), known, pool)

    assert after[label] >= before[label] - 1e-12


def test_counts_held_by_hand() -> None:
    q = np.array([0.7, 0.295, 0.005, 0.0])  # the third is below 1 %: left out

    found = held(cast(0, 1), q)

    assert found[0].right == pytest.approx(0.7 / 0.995)
    assert found[0].wrong == pytest.approx(0.295 / 0.995)
    assert found[1].right == pytest.approx(0.295 / 0.995)
    expected = {(0, 1): 0.7 / 0.995, (1, 1): 0.295 / 0.995}
    assert dict(found[1].confusions) == pytest.approx(expected)


def test_a_second_vote_is_the_first_that_tells_anything() -> None:
    after = np.array([0.9, 0.1, 0, 0])

    found = change(cast(0, 0), None, after)

    assert found[0].right == found[1].right == pytest.approx(0.9)
    assert found[0].confusions == {(0, 0): 0.9, (1, 0): 0.1}


def test_a_change_takes_back_what_was_held() -> None:
    before, after = np.array([0.6, 0.4, 0, 0]), np.array([0.0, 1.0, 0, 0])

    found = change(cast(0, 1, 1), before, after, earlier=cast(0, 1))

    assert found[0].right == pytest.approx(-0.6)
    assert found[0].wrong == pytest.approx(0.6)
    assert found[1].right == pytest.approx(0.6)
    assert found[2] == Skill(1.0, 0.0, {(1, 1): 1.0})


def test_nothing_changed_is_no_change() -> None:
    q = np.array([0.6, 0.4, 0, 0])

    assert change(cast(0, 1), q, q) == {}
    assert change([], None, None) == {}


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, K - 1), max_size=4), probabilities(K)),
        min_size=1,
        max_size=5,
    )
)
def test_changes_one_by_one_add_up_to_what_the_end_holds(
    history: list[tuple[list[int], np.ndarray]],
) -> None:
    counts: dict[int, Skill] = {}
    earlier: list[Vote] = []
    before = None
    for labels, q in history:
        votes = cast(*labels)
        for annotator, moved in change(votes, before, q, earlier=earlier).items():
            counts[annotator] = counts.get(annotator, Skill()).plus(moved)
        earlier, before = votes, q

    expected = held(earlier, history[-1][1])
    for annotator, skill in counts.items():
        end = expected.get(annotator, Skill())
        assert skill.right == pytest.approx(end.right, abs=1e-9)
        assert skill.wrong == pytest.approx(end.wrong, abs=1e-9)
        for pair in skill.confusions.keys() | end.confusions.keys():
            assert skill.confusions.get(pair, 0) == pytest.approx(
                end.confusions.get(pair, 0), abs=1e-8
            )


@pytest.mark.parametrize(
    ("votes", "prior", "message"),
    [
        (cast(K), None, "there are 4"),
        ([Vote(7, 0), Vote(7, 1)], None, "votes once"),
        (cast(0), np.full(K, 1 / K), "shape"),
    ],
)
def test_refuses_votes_that_cannot_be(
    votes: list[Vote], prior: np.ndarray | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        posterior(votes, {}, start_pool(K), prior=prior)


def test_refuses_a_scheme_without_a_choice() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        start_pool(1)
