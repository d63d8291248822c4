"""Lists that take turns, and elements spread evenly among others."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ml.acquisition.turns import in_turn, spread


def test_lists_take_turns_until_the_longest_is_used_up() -> None:
    assert "".join(in_turn(["adf", "", "be", "c"], lambda _: True)) == "abcdef"


def test_a_list_passes_over_what_is_not_free_and_keeps_its_turn() -> None:
    taken: set[str] = set()
    order = []
    for one in in_turn(["aab", "ac", "ad"], lambda letter: letter not in taken):
        taken.add(one)
        order.append(one)

    assert order == ["a", "c", "d", "b"]


def test_only_what_is_taken_is_asked_about() -> None:
    rest = iter([1, 2])

    assert next(in_turn([rest, [3]], lambda _: True)) == 1
    assert list(rest) == [2]


LISTS = st.lists(st.lists(st.integers(), max_size=8), max_size=4)


@given(st.lists(st.integers(), max_size=12), LISTS, st.integers(0, 99))
def test_nothing_is_lost_and_every_list_keeps_its_order(
    plain: list[int], kinds: list[list[int]], seed: int
) -> None:
    named = [[(name, one) for one in kind] for name, kind in enumerate(kinds)]

    mixed = spread([(-1, one) for one in plain], named, np.random.default_rng(seed))

    assert [one for name, one in mixed if name == -1] == plain
    for name, kind in enumerate(kinds):
        assert [one for of, one in mixed if of == name] == kind


def test_each_place_is_a_kinds_as_often_as_there_are_of_it() -> None:
    """Of 20 places 1 in 10 is "a", 1 in 20 "b": the first place too, and the last."""
    counted = {"a": np.zeros(20), "b": np.zeros(20)}
    for seed in range(2000):
        mixed = spread("." * 17, ["aa", "b"], np.random.default_rng(seed))
        for kind, places in counted.items():
            places += [one == kind for one in mixed]

    np.testing.assert_allclose(counted["a"] / 2000, 0.1, atol=0.03)
    np.testing.assert_allclose(counted["b"] / 2000, 0.05, atol=0.03)


def test_elements_of_a_kind_keep_their_distance() -> None:
    seen = {"".join(spread("." * 16, ["aaaa"], np.random.default_rng(seed))) for seed in range(50)}

    assert seen == {"." * first + "a....a....a....a" + "." * (4 - first) for first in range(5)}
