from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.inference.embedder import OnnxEmbedder
from ml.inference.files import read_backbone
from ml.inference.pipeline import embed_stream
from ml.tests.inference.tiny import write_backbone


@pytest.fixture
def embedder(tmp_path: Path) -> OnnxEmbedder:
    return OnnxEmbedder(read_backbone(write_backbone(tmp_path)), threads=1)


def grey(value: int) -> Callable[[], Image.Image]:
    return lambda: Image.new("RGB", (9, 12), (value, value, value))


@pytest.mark.parametrize(("batch_size", "threads"), [(1, 1), (4, 2), (7, 5), (100, 2)])
def test_keeps_the_order_and_fills_batches(
    embedder: OnnxEmbedder, batch_size: int, threads: int
) -> None:
    loads = [grey(value) for value in range(0, 250, 10)]

    batches = list(embed_stream(embedder, loads, batch_size=batch_size, threads=threads))

    one_by_one = [embedder.embed(embedder.preprocess(load())[None])[0] for load in loads]
    assert np.allclose(np.concatenate(batches), one_by_one, atol=1e-5)
    assert {len(batch) for batch in batches[:-1]} <= {batch_size}


def test_nothing_in_nothing_out(embedder: OnnxEmbedder) -> None:
    assert list(embed_stream(embedder, [])) == []


def test_decodes_only_a_little_ahead_of_the_consumer(embedder: OnnxEmbedder) -> None:
    asked = 0

    def loads() -> Iterator[Callable[[], Image.Image]]:
        nonlocal asked
        for value in range(200):
            asked += 1
            yield grey(value)

    stream = embed_stream(embedder, loads(), batch_size=4)
    next(stream)

    assert asked <= 12
    stream.close()


def test_pictures_are_decoded_in_several_threads(embedder: OnnxEmbedder) -> None:
    meeting = threading.Barrier(2, timeout=60)

    def wait_for_the_other() -> Image.Image:
        meeting.wait()
        return Image.new("RGB", (9, 9))

    batches = list(embed_stream(embedder, [wait_for_the_other] * 4, batch_size=4, threads=2))

    assert len(batches[0]) == 4


def test_a_failing_load_comes_out_and_stops_the_rest(embedder: OnnxEmbedder) -> None:
    loaded: list[int] = []

    def load(value: int) -> Image.Image:
        loaded.append(value)
        if value == 5:
            raise FileNotFoundError(value)
        return Image.new("RGB", (9, 9))

    stream = embed_stream(embedder, [partial(load, v) for v in range(100)], batch_size=4, threads=1)

    assert len(next(stream)) == 4
    with pytest.raises(FileNotFoundError):
        next(stream)
    assert max(loaded) < 20


def test_refuses_an_empty_batch(embedder: OnnxEmbedder) -> None:
    with pytest.raises(ValueError, match="batch_size=0"):
        next(embed_stream(embedder, [], batch_size=0))


def test_tells_what_is_done_where_it_is_done(embedder: OnnxEmbedder) -> None:
    entered: list[tuple[str, str]] = []

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        entered.append((name, threading.current_thread().name))
        yield

    list(embed_stream(embedder, [grey(value) for value in range(5)], batch_size=4, stage=stage))

    names = [name for name, _ in entered]
    assert names.count("stored_decode") == 5
    assert names.count("engine") == -(-4 // embedder.max_batch) + 1
    assert threading.current_thread().name not in {thread for _, thread in entered}
