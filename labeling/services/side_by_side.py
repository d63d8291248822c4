"""The part of an import that needs no database, on a few threads side by side.

Pillow lets go of the interpreter while it decodes and encodes, and so does writing a file.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from labeling.services import pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from labeling.services.import_sources import SourceFile
    from labeling.services.pictures import Picture

THREADS = 2
# Of a batch: two for each thread, so that one with large pictures does not hold up the other.
SHARES = 2 * THREADS

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not taken, and why."""

    name: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Read:
    """A file of an import, as the picture that it holds or the reason why not."""

    file: SourceFile
    picture: Picture | None
    refusal: Refusal | None


def read_batches(
    threads: ThreadPoolExecutor, files: Sequence[SourceFile], size: int
) -> Iterator[list[Read]]:
    """Decode one batch ahead of the one that is being written; at most two are in memory."""
    ahead = _shared_out(threads, _read, files[:size])
    for start in range(0, len(files), size):
        current = ahead
        ahead = _shared_out(threads, _read, files[start + size : start + 2 * size])
        yield _collected(current)


def stored(threads: ThreadPoolExecutor, given: Sequence[Picture]) -> list[tuple[str, str]]:
    """Store pictures and give their keys, as `pictures.store_picture` does for each."""
    return _collected(_shared_out(threads, pictures.store_picture, given))


def _shared_out(
    threads: ThreadPoolExecutor, work: Callable[[Given], Made], given: Sequence[Given]
) -> list[Future[list[Made]]]:
    """Hand over a few at a time: handing over one takes as long as hashing its bytes."""
    size = max(1, -(-len(given) // SHARES))
    return [
        threads.submit(_each, work, given[start : start + size])
        for start in range(0, len(given), size)
    ]


def _each(work: Callable[[Given], Made], given: Sequence[Given]) -> list[Made]:
    return [work(one) for one in given]


def _collected(shares: Sequence[Future[list[Made]]]) -> list[Made]:
    return [one for share in shares for one in share.result()]


def _read(file: SourceFile) -> Read:
    try:
        with file.path.open("rb") as stream:
            return Read(file, pictures.read_picture(stream), None)
    except pictures.ImageRefusedError as refused:
        return Read(file, None, Refusal(file.name, refused.code, refused.message))
    except OSError as fault:
        message = f"The file cannot be read: {fault.strerror or fault}."
        return Read(file, None, Refusal(file.name, "unreadable", message))
