"""The combiner alone: threads, failures, fairness."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from labeling.selectors.combining import Combiner, Shared

PATIENCE_S = 60.0


class Kitchen:
    """Work that can be held up, so that others arrive meanwhile."""

    def __init__(self, *, most: int = 32, apart: Callable[[int], object] = lambda one: one) -> None:
        self.batches: list[list[int]] = []
        self.threads: list[int] = []
        self.fails_with: Exception | None = None
        self.may_go = threading.Event()
        self.has_begun = threading.Event()
        self.combiner: Combiner[int, int] = Combiner(self._work, most=most, apart=apart)

    def _work(self, asked: Sequence[int]) -> list[int | None]:
        self.batches.append(list(asked))
        self.threads.append(threading.get_ident())
        self.has_begun.set()
        assert self.may_go.wait(PATIENCE_S)
        if self.fails_with is not None and len(asked) > 1:
            raise self.fails_with
        return [None if one < 0 else 10 * one for one in asked]

    def while_busy(
        self, pool: ThreadPoolExecutor, first: int, others: Sequence[int]
    ) -> list[Future[int | None]]:
        """Ask the first, and the others while it is being answered; then let all of it go."""
        asked = [pool.submit(self.combiner.ask, first)]
        assert self.has_begun.wait(PATIENCE_S)
        for count, one in enumerate(others, 1):
            asked.append(pool.submit(self.combiner.ask, one))
            self._wait_for(count)
        self.may_go.set()
        return asked

    def _wait_for(self, count: int) -> None:
        for _ in range(int(PATIENCE_S / 0.001)):
            if len(self.combiner._waiting) == count:
                return
            threading.Event().wait(0.001)
        raise AssertionError(f"{count} never waited")


@pytest.fixture
def pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(40)


def results(asked: Sequence[Future[int | None]]) -> list[int | None]:
    return [one.result(PATIENCE_S) for one in asked]


def test_who_comes_alone_is_answered_at_once_in_their_own_thread() -> None:
    kitchen = Kitchen()
    kitchen.may_go.set()
    assert [kitchen.combiner.ask(number) for number in (1, 2)] == [10, 20]
    assert kitchen.batches == [[1], [2]]
    assert set(kitchen.threads) == {threading.get_ident()}


def test_who_comes_while_somebody_works_is_answered_together(pool: ThreadPoolExecutor) -> None:
    kitchen = Kitchen()
    assert results(kitchen.while_busy(pool, 1, [2, 3, 4])) == [10, 20, 30, 40]
    assert kitchen.batches == [[1], [2, 3, 4]]


def test_no_more_than_the_most_go_together_and_the_first_come_first(
    pool: ThreadPoolExecutor,
) -> None:
    kitchen = Kitchen(most=2)
    results(kitchen.while_busy(pool, 1, [2, 3, 4, 5, 6]))
    assert kitchen.batches == [[1], [2, 3], [4, 5], [6]]


def test_two_of_the_same_person_never_go_together(pool: ThreadPoolExecutor) -> None:
    kitchen = Kitchen(apart=lambda number: number % 10)
    assert results(kitchen.while_busy(pool, 1, [2, 12, 3, 22])) == [10, 20, 120, 30, 220]
    assert kitchen.batches == [[1], [2, 3], [12], [22]]


def test_who_has_to_go_alone_is_told_so_and_the_others_are_answered(
    pool: ThreadPoolExecutor,
) -> None:
    assert results(Kitchen().while_busy(pool, 1, [2, -3, 4])) == [10, 20, None, 40]


def test_a_failure_is_raised_once_and_sends_the_others_alone(pool: ThreadPoolExecutor) -> None:
    kitchen = Kitchen()
    kitchen.fails_with = ValueError("burnt")
    first, leader, *others = kitchen.while_busy(pool, 1, [2, 3, 4])
    assert first.result(PATIENCE_S) == 10
    with pytest.raises(ValueError, match="burnt"):
        leader.result(PATIENCE_S)
    assert results(others) == [None, None]
    kitchen.fails_with = None
    assert kitchen.combiner.ask(5) == 50


def test_each_leads_once_at_most_so_nobody_works_for_others_for_ever(
    pool: ThreadPoolExecutor,
) -> None:
    kitchen = Kitchen(most=2)
    results(kitchen.while_busy(pool, 0, range(1, 21)))
    assert len(kitchen.batches) == 11
    assert len(set(kitchen.threads)) == 11


def test_two_thousand_questions_of_forty_threads_get_their_own_answers(
    pool: ThreadPoolExecutor,
) -> None:
    kitchen = Kitchen(most=7, apart=lambda number: number % 13)
    kitchen.may_go.set()
    asked = list(pool.map(kitchen.combiner.ask, range(2000)))
    assert asked == [10 * number for number in range(2000)]
    assert sorted(one for batch in kitchen.batches for one in batch) == list(range(2000))
    assert all(len({one % 13 for one in batch}) == len(batch) <= 7 for batch in kitchen.batches)


@pytest.mark.django_db
def test_what_is_read_together_is_each_key_s_own() -> None:
    asked: list[list[int]] = []

    def read(keys: list[int]) -> dict[int, str]:
        asked.append(keys)
        return {key: f"{key} eggs" for key in keys if key != 13}

    shared = Shared(read)
    assert [shared.get(key) for key in (1, 13, 2)] == ["1 eggs", None, "2 eggs"]
    together = shared._read_all([3, 13, 4])
    assert together == [("3 eggs",), (None,), ("4 eggs",)]
    assert asked[-1] == [3, 13, 4]
