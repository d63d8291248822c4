from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.consensus.majority import counts_posterior
from labeling.consensus.policy import decide, effective_votes
from labeling.consensus.types import Answers, Decision, State, Vote

K = 5


def judged(
    labels: dict[int, int] | None = None,
    *,
    none: int = 0,
    cant: int = 0,
    needed: int = 1,
    cap: int = 3,
    prior: list[float] | None = None,
    is_audit: bool = False,
) -> Decision:
    answers = Answers(labels or {}, none, cant)
    given_prior = None if prior is None else np.array(prior)
    posterior = counts_posterior(answers.labels, K, prior=given_prior)
    return decide(answers, posterior, needed=needed, cap=cap, is_audit=is_audit)


OPEN = Decision(State.OPEN)
DISPUTED = Decision(State.DISPUTED)
AGAINST_ZERO = [0.001, 0.996, 0.001, 0.001, 0.001]


def resolved(label: int) -> Decision:
    return Decision(State.RESOLVED, label)


@pytest.mark.parametrize(
    ("policy", "active", "expected"), [(3, 5, 3), (3, 2, 2), (3, 0, 1), (1, 9, 1)]
)
def test_effective_votes_are_bounded_by_who_is_there(
    policy: int, active: int, expected: int
) -> None:
    assert effective_votes(policy, active) == expected


def test_no_answer_leaves_an_image_open() -> None:
    assert judged() == OPEN
    assert judged(needed=3, cap=5, is_audit=True) == OPEN


def test_one_answer_resolves_at_policy_one() -> None:
    assert judged({2: 1}) == resolved(2)


@pytest.mark.parametrize("k", [2, 3, 43])
def test_one_answer_resolves_at_policy_one_for_any_number_of_labels(k: int) -> None:
    found = decide(Answers({1: 1}), counts_posterior({1: 1}, k), needed=1, cap=3)

    assert found == resolved(1)


def test_a_classifier_that_agrees_or_doubts_a_little_changes_nothing() -> None:
    assert judged({0: 1}, prior=[0.96, 0.01, 0.01, 0.01, 0.01]) == resolved(0)
    assert judged({0: 1}, prior=[0.2, 0.4, 0.2, 0.1, 0.1]) == resolved(0)


def test_a_classifier_that_strongly_disagrees_asks_one_more_person() -> None:
    assert judged({0: 1}, prior=AGAINST_ZERO) == OPEN


def test_at_the_cap_the_people_stand_against_the_classifier() -> None:
    assert judged({0: 1}, prior=AGAINST_ZERO, cap=1) == resolved(0)
    assert judged({0: 3}, prior=AGAINST_ZERO) == resolved(0)


def test_two_people_who_agree_outweigh_it_below_the_cap() -> None:
    assert judged({0: 2}, prior=AGAINST_ZERO, cap=5) == resolved(0)


def test_the_classifier_has_no_say_in_the_audit_slice() -> None:
    assert judged({0: 1}, prior=AGAINST_ZERO, needed=1, cap=5, is_audit=True) == resolved(0)


def test_audit_waits_for_its_votes_and_then_takes_the_majority() -> None:
    assert judged({0: 2}, needed=3, cap=5, is_audit=True) == OPEN
    assert judged({0: 2, 1: 1}, needed=3, cap=5, is_audit=True) == resolved(0)
    assert judged({0: 1, 1: 1, 2: 1}, needed=3, cap=5, is_audit=True) == OPEN
    assert judged({0: 2, 1: 2}, needed=3, cap=5, is_audit=True) == OPEN
    assert judged({0: 3, 1: 2}, needed=3, cap=5, is_audit=True) == resolved(0)


def test_audit_without_a_majority_at_the_cap_goes_to_an_expert() -> None:
    assert judged({0: 2, 1: 2, 2: 1}, needed=3, cap=5, is_audit=True) == DISPUTED
    assert judged({0: 2, 1: 1, 2: 1, 3: 1}, needed=3, cap=5, is_audit=True) == DISPUTED


def test_pool_ties_ask_on_and_are_disputed_at_the_cap() -> None:
    assert judged({0: 1, 1: 1}) == OPEN
    assert judged({0: 1, 1: 1}, cap=2) == DISPUTED
    assert judged({0: 1, 1: 1, 2: 1}) == DISPUTED
    assert judged({0: 2, 1: 1}) == resolved(0)


def test_a_unique_leader_stands_for_pool_images_at_the_cap() -> None:
    assert judged({0: 2, 1: 1, 2: 1}, cap=4) == resolved(0)
    assert judged({0: 2, 1: 1, 2: 1}, cap=5) == OPEN


def test_a_majority_of_none_of_these_says_so() -> None:
    none = Decision(State.NONE_OF_THESE)
    assert judged(none=1) == none
    assert judged({0: 1}, none=2, needed=3) == none
    assert judged({0: 1}, none=1) == OPEN
    assert judged({0: 1}, none=1, cap=2) == DISPUTED


def test_cant_tell_abstains_and_the_next_opinion_decides() -> None:
    assert judged(cant=1) == OPEN
    assert judged({0: 1}, cant=1) == resolved(0)
    assert judged({0: 2}, cant=1, needed=2) == resolved(0)
    assert judged({0: 1}, cant=2) == resolved(0)  # as it would be in any order


def test_an_image_that_nobody_can_tell_is_unusable_at_the_cap() -> None:
    assert judged(cant=2) == OPEN
    assert judged(cant=3) == Decision(State.UNUSABLE)
    assert judged({0: 1}, cant=2, needed=2) == Decision(State.UNUSABLE)
    assert judged(cant=1, cap=1) == Decision(State.UNUSABLE)


def test_half_who_cannot_tell_are_a_dispute_where_opinions_are_too_few() -> None:
    assert judged({0: 2}, cant=2, needed=3, cap=4, is_audit=True) == DISPUTED


def test_answers_count_votes() -> None:
    answers = Answers.of([Vote(1, 4), Vote(2, 4), Vote(3, 0)], none_of_these=1, cant_tell=2)

    assert dict(answers.labels) == {4: 2, 0: 1}
    assert (answers.n_opinions, answers.n_votes) == (4, 6)


@given(
    st.dictionaries(st.integers(0, K - 1), st.integers(0, 4)),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.tuples(st.integers(1, 5), st.integers(1, 6)),
    st.booleans(),
)
def test_every_tally_is_decided_once_nobody_is_left_to_ask(
    labels: dict[int, int], others: tuple[int, int], policy: tuple[int, int], is_audit: bool
) -> None:
    (none, cant), (needed, cap) = others, policy
    found = judged(labels, none=none, cant=cant, needed=needed, cap=cap, is_audit=is_audit)

    n_votes = sum(labels.values()) + none + cant
    if n_votes >= cap:
        assert found.state != State.OPEN
    if found.state == State.RESOLVED:
        assert found.label is not None
        assert labels[found.label] == max(labels.values()) >= none
    else:
        assert found.label is None


@given(st.integers(0, K - 1), st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_unanimity_wins(label: int, needed: int, extra: int, is_audit: bool) -> None:
    found = judged({label: needed}, needed=needed, cap=needed + extra, is_audit=is_audit)

    assert found == resolved(label)
