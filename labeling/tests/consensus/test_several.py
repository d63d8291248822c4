"""Several labels an image: each label is agreed on by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.consensus.several import SetVote, by_one, decide, posterior
from labeling.consensus.types import Decision, State

ALL = frozenset({0, 1, 2})


def said(*columns: int, asked: frozenset[int] = ALL) -> SetVote:
    return SetVote(frozenset(columns), asked)


def test_an_image_gets_every_label_that_most_people_name() -> None:
    votes = [said(0, 1), said(0, 1), said(0, 2)]

    decision = decide(votes, 3, n_votes=3, n_answers=3, needed=3, cap=7)

    assert decision == Decision(State.RESOLVED, 0)
    assert posterior(votes, 3).tolist() == [3.5 / 4, 2.5 / 4, 1.5 / 4]


def test_one_label_that_divides_people_keeps_the_image_open() -> None:
    votes = [said(0, 1), said(0)]

    assert decide(votes, 3, n_votes=2, n_answers=2, needed=2, cap=7).state == State.OPEN
    assert decide(votes, 3, n_votes=2, n_answers=2, needed=2, cap=2).state == State.DISPUTED


def test_an_image_that_shows_none_of_the_labels_is_decided_as_well() -> None:
    assert (
        decide([said(), said()], 3, n_votes=2, n_answers=2, needed=2, cap=7).state
        == State.NONE_OF_THESE
    )


def test_too_few_opinions_decide_nothing() -> None:
    assert decide([said(0)], 3, n_votes=1, n_answers=1, needed=2, cap=7).state == State.OPEN
    assert decide([said(0)], 3, n_votes=7, n_answers=7, needed=2, cap=7).state == State.UNUSABLE


def test_a_label_made_since_is_unknown_and_holds_nothing_up() -> None:
    old = frozenset({0, 1})
    votes = [said(0, asked=old), said(0, asked=old)]

    assert decide(votes, 3, n_votes=2, n_answers=2, needed=2, cap=7) == Decision(State.RESOLVED, 0)
    assert posterior(votes, 3)[2] == 0.5
    assert by_one(votes[0], 3).tolist() == [1.0, 0.0, 0.5]


@given(st.lists(st.frozensets(st.integers(0, 3)), min_size=1, max_size=6))
def test_a_label_is_on_the_yes_side_where_most_name_it(sets: list[frozenset[int]]) -> None:
    every = frozenset(range(4))
    votes = [SetVote(one, every) for one in sets]

    share = posterior(votes, 4)

    for column in range(4):
        yes = sum(column in one for one in sets)
        assert (share[column] > 0.5) == (2 * yes > len(sets))
        assert share[column] == pytest.approx((yes + 0.5) / (len(sets) + 1))


def test_who_has_answered_about_one_label_counts_towards_the_cap_of_a_picture() -> None:
    """Nobody is asked about a picture twice: a tie that nobody is left to break goes to experts."""
    tie = [said(0), SetVote(frozenset(), frozenset({0}), is_whole=False)]

    def state(n_answers: int, cap: int, votes: list[SetVote] = tie, needed: int = 1) -> State:
        return decide(votes, 3, n_votes=1, n_answers=n_answers, needed=needed, cap=cap).state

    assert state(2, cap=2) == State.DISPUTED
    assert state(2, cap=3) == State.OPEN
    assert state(2, cap=2, votes=[said(0)], needed=2) == State.DISPUTED
    assert state(2, cap=2, votes=[]) == State.UNUSABLE
    # Of whom nobody has been asked about the whole picture, that can still come.
    assert decide([], 3, n_votes=0, n_answers=3, needed=1, cap=3).state == State.OPEN
