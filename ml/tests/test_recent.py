"""What a process keeps of what it has computed."""

from __future__ import annotations

import threading

import pytest

from ml.recent import Recent


def test_what_was_used_longest_ago_goes_first() -> None:
    kept: Recent[str, int] = Recent(2)
    kept.put("a", 1)
    kept.put("b", 2)

    assert kept.find("a") == 1
    kept.put("c", 3)

    assert [key in kept for key in "abc"] == [True, False, True]
    assert kept.find("b") is None


def test_what_is_written_again_counts_as_used() -> None:
    kept: Recent[str, int] = Recent(2)
    for key in "aba":
        kept.put(key, 1)

    kept.put("c", 3)

    assert [key in kept for key in "abc"] == [True, False, True]


def test_what_is_taken_is_there_no_longer() -> None:
    kept: Recent[str, int] = Recent(2)
    kept.put("a", 1)

    assert (kept.take("a"), kept.take("a")) == (1, None)


def test_threads_that_ask_together_have_it_made_once() -> None:
    kept: Recent[str, object] = Recent(1)
    made, together = [], threading.Barrier(4)

    def make() -> object:
        made.append(object())
        return made[-1]

    def ask() -> None:
        together.wait()
        found.append(kept.get("a", make))

    found: list[object] = []
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 1
    assert found == made * 4


def test_who_fails_to_make_it_leaves_it_to_the_next() -> None:
    kept: Recent[str, int] = Recent(1)

    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 // 0)

    assert kept.get("a", lambda: 5) == 5
    kept.clear()
    assert "a" not in kept
