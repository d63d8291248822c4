from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.consensus.crowd import Skill, posterior, start_pool
from labeling.consensus.retirement import decide, expected_error
from labeling.consensus.types import Answers, Decision, State, Vote

NONE = 5
K = NONE + 1
OPEN = Decision(State.OPEN)
DISPUTED = Decision(State.DISPUTED)
UNUSABLE = Decision(State.UNUSABLE)
GOOD = Skill(right=90, wrong=0)  # 98 %
BAD = Skill(right=0, wrong=40)  # 16 %
FOR_ZERO = np.array([0.96, 0.01, 0.01, 0.01, 0.01])
FOR_ONE = np.array([0.001, 0.996, 0.001, 0.001, 0.001])


def resolved(label: int) -> Decision:
    return Decision(State.RESOLVED, label)


def judged(
    *labels: int,
    cant: int = 0,
    needed: int = 1,
    cap: int = 3,
    risk: float = 0.1,
    prior: np.ndarray | None = None,
    is_audit: bool = False,
    people: list[Skill] | None = None,
    minimum: int = 1,
) -> Decision:
    pool = start_pool(K)
    pool = dataclasses.replace(pool, minimum_votes=np.full(K, minimum))
    votes = [Vote(annotator, label) for annotator, label in enumerate(labels)]
    skills = dict(enumerate(people or []))
    alone = posterior(votes, skills, pool)
    return decide(
        Answers.of(
            [vote for vote in votes if vote.label != NONE],
            none_of_these=labels.count(NONE),
            cant_tell=cant,
        ),
        posterior(votes, skills, pool, prior=prior),
        people=alone,
        pool=pool,
        needed=needed,
        cap=cap,
        risk=risk,
        is_audit=is_audit,
    )


def test_no_answer_leaves_an_image_open() -> None:
    assert judged() == OPEN
    assert judged(prior=FOR_ZERO) == OPEN


def test_a_stranger_is_asked_to_be_confirmed() -> None:
    assert judged(0) == OPEN  # right with .8: the risk is .2
    assert judged(0, 0) == resolved(0)


def test_a_skilled_person_is_enough() -> None:
    assert judged(0, people=[GOOD]) == resolved(0)
    assert judged(0, people=[BAD]) == OPEN


def test_a_classifier_that_agrees_shortens() -> None:
    assert judged(0, prior=FOR_ZERO) == resolved(0)


def test_a_classifier_that_disagrees_delays() -> None:
    decent = [Skill(right=30)]  # 95 %
    assert judged(0, people=decent) == resolved(0)
    assert judged(0, people=decent, prior=FOR_ONE) == OPEN
    assert judged(0, 0, people=decent, prior=FOR_ONE) == resolved(0)


def test_the_classifier_never_chooses() -> None:
    assert judged(0, 1, prior=FOR_ZERO) == OPEN  # people alone say nothing
    assert judged(0, 1, prior=FOR_ZERO, cap=2) == DISPUTED


def test_one_person_alone_resolves_with_one_answer() -> None:
    assert judged(0, cap=1) == resolved(0)
    assert judged(NONE, cap=1) == Decision(State.NONE_OF_THESE)
    assert judged(0, cap=1, prior=FOR_ONE, minimum=2) == resolved(0)


def test_an_outcome_that_is_often_mistaken_needs_its_minimum() -> None:
    assert judged(0, people=[GOOD], minimum=2) == OPEN
    assert judged(0, 0, people=[GOOD, GOOD], minimum=2) == resolved(0)
    assert judged(0, people=[GOOD], minimum=2, cap=1) == resolved(0)


def test_a_skilled_person_beats_two_bad_ones() -> None:
    assert judged(0, 0, 1, people=[BAD, BAD, GOOD]) == resolved(1)


def test_audit_waits_for_its_votes_and_a_majority_by_count() -> None:
    audit: dict[str, Any] = {"needed": 3, "cap": 5, "is_audit": True}
    assert judged(0, 0, **audit) == OPEN
    assert judged(0, 0, 0, **audit) == resolved(0)
    assert judged(0, 0, 1, people=[BAD, BAD, GOOD], **audit) == OPEN
    assert judged(0, 0, 1, 2, 3, people=[GOOD] * 2 + [BAD] * 3, **audit) == DISPUTED


def test_the_classifier_has_no_say_in_the_audit_slice() -> None:
    audit: dict[str, Any] = {"needed": 1, "cap": 5, "is_audit": True}
    assert judged(0, people=[GOOD], prior=FOR_ONE, **audit) == resolved(0)
    assert judged(0, prior=FOR_ZERO, **audit) == OPEN


def test_people_who_differ_at_the_cap_go_to_an_expert() -> None:
    assert judged(0, 1, cap=2) == DISPUTED
    assert judged(0, 1, 2) == DISPUTED


def test_a_clear_lead_at_the_cap_stands() -> None:
    # Two net votes of strangers: 20 : 1 against each other outcome.
    assert judged(0, 0, 0, 1, cap=4) == resolved(0)


def test_none_of_these_is_an_answer_like_the_others() -> None:
    none = Decision(State.NONE_OF_THESE)
    assert judged(NONE, NONE) == none
    assert judged(NONE, people=[GOOD]) == none
    assert judged(0, NONE, cap=2) == DISPUTED


def test_cant_tell_abstains_and_uses_up_the_cap() -> None:
    assert judged(cant=2) == OPEN
    assert judged(0, cant=1, people=[GOOD]) == resolved(0)
    assert judged(cant=3) == UNUSABLE
    assert judged(cant=1, cap=1) == UNUSABLE
    assert judged(0, cant=2) == UNUSABLE
    assert judged(0, 0, cant=2, needed=3, cap=4, is_audit=True) == DISPUTED


@settings(deadline=None)
@given(
    st.lists(st.integers(0, NONE), max_size=6),
    st.integers(0, 4),
    st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 3)),
    st.booleans(),
    st.sampled_from([None, FOR_ZERO, FOR_ONE]),
)
def test_every_tally_is_decided_once_nobody_is_left_to_ask(
    labels: list[int],
    cant: int,
    policy: tuple[int, int, int],
    is_audit: bool,
    prior: np.ndarray | None,
) -> None:
    needed, cap, minimum = policy
    found = judged(
        *labels, cant=cant, needed=needed, cap=cap, minimum=minimum, is_audit=is_audit, prior=prior
    )

    if len(labels) + cant >= cap:
        assert found.state != State.OPEN
    if len(labels) < min(needed, cap) and len(labels) + cant < cap:
        assert found.state == State.OPEN
    if found.state == State.RESOLVED:
        assert found.label in labels
    else:
        assert found.label is None


@settings(deadline=None)
@given(st.integers(0, NONE), st.integers(1, 5), st.booleans())
def test_unanimity_wins_at_the_cap(label: int, n: int, is_audit: bool) -> None:
    found = judged(*[label] * n, needed=n, cap=n, is_audit=is_audit)

    assert found == (Decision(State.NONE_OF_THESE) if label == NONE else resolved(label))


def test_the_expected_error_by_hand() -> None:
    q = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.0, 1.0, 0.0]], dtype=np.float32)

    assert expected_error(q) == pytest.approx((0.1 + 0.5 + 0.0) / 3)
    assert expected_error(q[:0]) == 0.0
