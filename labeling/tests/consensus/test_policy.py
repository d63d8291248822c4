from __future__ import annotations

import pytest

from labeling.consensus.policy import effective_votes
from labeling.consensus.types import Answers, Vote


@pytest.mark.parametrize(
    ("policy", "active", "expected"), [(3, 5, 3), (3, 2, 2), (3, 0, 1), (1, 9, 1)]
)
def test_effective_votes_are_bounded_by_who_is_there(
    policy: int, active: int, expected: int
) -> None:
    assert effective_votes(policy, active) == expected


def test_answers_count_votes() -> None:
    answers = Answers.of([Vote(1, 4), Vote(2, 4), Vote(3, 0)], none_of_these=1, cant_tell=2)

    assert dict(answers.labels) == {4: 2, 0: 1}
    assert (answers.n_opinions, answers.n_votes) == (4, 6)
