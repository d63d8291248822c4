"""Embedding many pictures: each thread decodes a few and runs the engine on them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from itertools import islice

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.types import Embedder, Embeddings

Load = Callable[[], Image.Image]
Stage = Callable[[str], AbstractContextManager[None]]
BATCH_SIZE = 16
BATCHES_AHEAD = 3
THREADS = 2


def _untimed(_stage: str) -> AbstractContextManager[None]:
    return nullcontext()


def embed_stream(
    embedder: Embedder,
    loads: Iterable[Load],
    *,
    batch_size: int = BATCH_SIZE,
    threads: int = THREADS,
    stage: Stage = _untimed,
) -> Generator[Embeddings, None, None]:
    """Embed pictures in order, a batch at a time.

    Pillow releases Python's lock while it decodes and resizes, and so does the engine. A thread
    takes as many pictures as one run of the engine wants, decodes them and runs it: nothing is
    handed from thread to thread, so no core waits (on two cores 20 % faster than decoding in
    some threads for an engine in others). At most three batches are at work: memory stays bounded.

    Args:
        embedder: what embeds; called from several threads.
        loads: one callable a picture, run in one of the threads; gives an RGB picture.
        batch_size: pictures a batch.
        threads: how many are at work at a time.
        stage: entered around the work of a picture's "stored_decode" and of the "engine" in the
            thread that does it, for who measures them; a `load` sees to its own part.

    Yields:
        (b, d) float32 embeddings of the next `batch_size` pictures, fewer in the last batch.

    Raises:
        Whatever a `load` raises, when its batch is due; later pictures are then not loaded.
    """
    if batch_size < 1 or threads < 1:
        raise ValueError(f"batch_size={batch_size}, threads={threads}: at least 1.")
    run_size = min(batch_size, embedder.max_batch)

    def prepare(load: Load) -> npt.NDArray[np.float32]:
        picture = load()
        with stage("stored_decode"):
            return embedder.preprocess(picture)

    def embed(part: Sequence[Load]) -> Embeddings:
        inputs = np.stack([prepare(load) for load in part])
        with stage("engine"):
            return embedder.embed(inputs)

    remaining = iter(loads)
    pool = _threads(os.getpid(), threads)
    ahead: deque[list[Future[Embeddings]]] = deque()
    try:
        while True:
            while len(ahead) < BATCHES_AHEAD and (batch := list(islice(remaining, batch_size))):
                ahead.append(
                    [
                        pool.submit(embed, batch[start : start + run_size])
                        for start in range(0, len(batch), run_size)
                    ]
                )
            if not ahead:
                return
            yield np.concatenate([future.result() for future in ahead.popleft()])
    finally:
        for futures in ahead:
            for future in futures:
                future.cancel()


@lru_cache(maxsize=4)
def _threads(pid: int, threads: int) -> ThreadPoolExecutor:
    """Keep the threads, and with them the memory they have warmed: 4 % less processor time.

    By process, because a fork has the executor but not its threads.
    """
    return ThreadPoolExecutor(threads, thread_name_prefix=f"embed-{pid}")
