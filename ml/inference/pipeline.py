"""Embedding many pictures: decoding runs ahead in threads while the engine computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.types import Embedder, Embeddings

Load = Callable[[], Image.Image]
# On two cores 8 to 64 and one to three threads came within 5 % of each other (about 160 images/s
# where the bare engine gives 185), since the embedder cuts batches to its engine's taste.
BATCH_SIZE = 16
DECODE_THREADS = 2


def embed_stream(
    embedder: Embedder,
    loads: Iterable[Load],
    *,
    batch_size: int = BATCH_SIZE,
    decode_threads: int = DECODE_THREADS,
) -> Generator[Embeddings, None, None]:
    """Embed pictures in order, a batch at a time; `close()` the result to stop early.

    Pillow releases Python's lock while it decodes and resizes, and so does the engine, so the
    two overlap. At most two batches are decoded ahead: memory stays bounded whatever the length.

    Args:
        embedder: what embeds; called from the consuming thread only.
        loads: one callable a picture, run in a decoding thread; gives an RGB picture.
        batch_size: pictures an engine call.
        decode_threads: how many pictures are decoded at a time.

    Yields:
        (b, d) float32 embeddings of the next `batch_size` pictures, fewer in the last batch.

    Raises:
        Whatever a `load` raises, when its batch is due; later pictures are then not loaded.
    """
    if batch_size < 1 or decode_threads < 1:
        raise ValueError(f"batch_size={batch_size}, decode_threads={decode_threads}: at least 1.")

    def prepare(load: Load) -> npt.NDArray[np.float32]:
        return embedder.preprocess(load())

    remaining = iter(loads)
    with ThreadPoolExecutor(decode_threads, thread_name_prefix="decode") as pool:
        ahead: deque[Future[npt.NDArray[np.float32]]] = deque()
        try:
            while True:
                wanted = 3 * batch_size - len(ahead)
                ahead.extend(pool.submit(prepare, load) for load in islice(remaining, wanted))
                if not ahead:
                    return
                due = [ahead.popleft() for _ in range(min(batch_size, len(ahead)))]
                yield embedder.embed(np.stack([future.result() for future in due]))
        finally:
            for future in ahead:
                future.cancel()
