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

    decision = decide(votes, 3, n_votes=3, needed=3, cap=7)

    assert decision == Decision(State.RESOLVED, 0)
    assert posterior(votes, 3).tolist() == [3.5 / 4, 2.5 / 4, 1.5 / 4]


def test_one_label_that_divides_people_keeps_the_image_open() -> None:
    votes = [said(0, 1), said(0)]

    assert decide(votes, 3, n_votes=2, needed=2, cap=7).state == State.OPEN
    assert decide(votes, 3, n_votes=2, needed=2, cap=2).state == State.DISPUTED


def test_an_image_that_shows_none_of_the_labels_is_decided_as_well() -> None:
    assert decide([said(), said()], 3, n_votes=2, needed=2, cap=7).state == State.NONE_OF_THESE


def test_too_few_opinions_decide_nothing() -> None:
    assert decide([said(0)], 3, n_votes=1, needed=2, cap=7).state == State.OPEN
    assert decide([said(0)], 3, n_votes=7, needed=2, cap=7).state == State.UNUSABLE


def test_a_label_made_since_is_unknown_and_holds_nothing_up() -> None:
    old = frozenset({0, 1})
    votes = [said(0, asked=old), said(0, asked=old)]

    assert decide(votes, 3, n_votes=2, needed=2, cap=7) == Decision(State.RESOLVED, 0)
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
