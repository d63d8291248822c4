"""Whoever works for several goes last, after those who are on their way."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from labeling.selectors.combining import Combiner, Passage

if TYPE_CHECKING:
    from collections.abc import Sequence

LONG_S = 20.0


def combiner_of(passage: Passage) -> tuple[Combiner[int, int], list[list[int]]]:
    batches: list[list[int]] = []

    def work(questions: Sequence[int]) -> list[int]:
        batches.append(sorted(questions))
        return [one * 10 for one in questions]

    return Combiner(work, most=8, apart=lambda one: one, passage=passage), batches


def test_whoever_is_alone_goes_at_once() -> None:
    passage = Passage(patience_s=LONG_S, lull_s=LONG_S)
    combiner, _ = combiner_of(passage)
    passage.enter()
    began = time.monotonic()
    assert combiner.ask(1) == 10
    assert time.monotonic() - began < LONG_S / 2
    assert passage.leave()


def test_an_answer_that_is_being_read_comes_along() -> None:
    passage = Passage(patience_s=LONG_S, lull_s=0.05)
    combiner, batches = combiner_of(passage)
    is_reading, may_ask = threading.Event(), threading.Event()
    found = []

    def reader() -> None:
        passage.enter()
        is_reading.set()
        may_ask.wait(LONG_S)
        found.append(combiner.ask(2))
        passage.leave()

    thread = threading.Thread(target=reader)
    thread.start()
    is_reading.wait(LONG_S)
    threading.Timer(0.1, may_ask.set).start()
    assert combiner.ask(1) == 10
    thread.join(LONG_S)
    assert found == [20]
    assert batches == [[1, 2]]


def test_whoever_stays_on_their_way_is_waited_for_once_and_not_for_ever() -> None:
    passage = Passage(patience_s=1.0, lull_s=0.001)
    combiner, batches = combiner_of(passage)
    passage.enter(-1)  # a client that stalls while it sends
    assert combiner.ask(1) == 10
    began = time.monotonic()
    assert combiner.ask(2) == 20
    assert time.monotonic() - began < 0.5
    assert batches == [[1], [2]]


def test_who_has_an_answer_is_on_their_way_until_the_reply_is_out() -> None:
    passage = Passage()
    combiner, _ = combiner_of(passage)
    assert combiner.ask(1) == 10
    assert not passage.leave()
    passage.enter()
    assert combiner.ask(2) == 20
    assert passage.leave()
