"""Whoever works for several goes last, after those who are on their way."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from labeling.api import shortcut
from labeling.selectors.combining import Combiner, Passage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from wsgiref.types import StartResponse

    import pytest

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


def test_whoever_stays_on_their_way_is_not_waited_for_for_ever() -> None:
    passage = Passage(patience_s=0.05, lull_s=0.001)
    combiner, batches = combiner_of(passage)
    passage.enter(-1)
    assert combiner.ask(1) == 10
    assert batches == [[1]]


def test_a_client_that_stalls_while_it_sends_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passage = Passage(patience_s=LONG_S, lull_s=0.001)
    monkeypatch.setattr(shortcut, "on_their_way", passage)
    combiner, _ = combiner_of(passage)
    is_reading, may_send = threading.Event(), threading.Event()

    class Stalling:
        def read(self, size: int) -> bytes:
            is_reading.set()
            may_send.wait(LONG_S)
            return b"x" * size

    def framework(environ: dict[str, Any], _: StartResponse) -> Iterable[bytes]:
        return [environ["wsgi.input"].read(3), b" on its way" if passage.leave() else b""]

    def send() -> None:
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/api/v1/projects/pantry/annotations",
            "wsgi.input": Stalling(),
        }
        said.extend(shortcut.AnswerShortcut(framework)(environ, lambda *_: lambda _: None))

    said: list[bytes] = []
    thread = threading.Thread(target=send)
    thread.start()
    is_reading.wait(LONG_S)
    began = time.monotonic()
    assert combiner.ask(1) == 10
    assert time.monotonic() - began < LONG_S / 2
    may_send.set()
    thread.join(LONG_S)
    assert b"".join(said) == b"xxx on its way"


def test_who_has_an_answer_is_on_their_way_until_the_reply_is_out() -> None:
    passage = Passage()
    combiner, _ = combiner_of(passage)
    assert combiner.ask(1) == 10
    assert not passage.leave()
    passage.enter()
    assert combiner.ask(2) == 20
    assert passage.leave()
