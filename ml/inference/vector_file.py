"""Vectors of one embedding set in an append-only file that every process of a machine maps.

The database is the truth; the file spares it being read again. A vector never changes, so a row is
written once and never moved: what one process has mapped stays true while others append.

Two files in a folder of their own: `vectors.f16`, one row of `dim` little-endian float16 after the
other, and `rows.bin`, for each row the image's key and public id. A row counts once it stands in
`rows.bin`, which is written last; what a killed writer left of `vectors.f16` beyond that is
overwritten.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from ml.types import Indices

ROW = np.dtype([("image", "<i8"), ("public_id", "V16")])
"""Who a row belongs to. A restored database gives keys out again, a public id never."""


class VectorFile:
    """An open vector file: (n, dim) float16 rows, and which image each belongs to.

    Several processes and threads may append at once: each append holds a lock of the folder. One
    instance is not to be refreshed by two threads at once.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        """Open the file, or begin one.

        Raises:
            OSError: the folder cannot be made or written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.dim = folder, dim
        self._vectors = os.open(folder / "vectors.f16", os.O_RDWR | os.O_CREAT, 0o600)
        self._rows = os.open(folder / "rows.bin", os.O_RDWR | os.O_CREAT, 0o600)
        # Not before the last thread is done with it: the numbers of closed files are given again.
        weakref.finalize(self, os.close, self._vectors)
        weakref.finalize(self, os.close, self._rows)
        self.owners = np.empty(0, dtype=ROW)
        self.rows: npt.NDArray[np.float16] = np.empty((0, dim), dtype=np.float16)
        self._sorted: Indices = np.empty(0, dtype=np.int64)
        self._places: Indices = np.empty(0, dtype=np.int64)
        self.refresh()

    def __len__(self) -> int:
        return len(self.owners)

    def refresh(self) -> None:
        """Take in what other processes have appended; costs nothing where they have not."""
        n, size = len(self), os.fstat(self._rows).st_size // ROW.itemsize
        if size == n:
            return
        content = os.pread(self._rows, (size - n) * ROW.itemsize, n * ROW.itemsize)
        new = np.frombuffer(content, dtype=ROW)
        with os.fdopen(os.dup(self._vectors), "rb") as file:
            mapped = np.memmap(file, dtype="<f2", mode="r", shape=(n + len(new), self.dim))
        self.rows = np.asarray(mapped)
        self.owners = np.concatenate([self.owners, new])
        order = np.argsort(new["image"], kind="stable")
        keys, places = new["image"][order], n + order
        at = np.searchsorted(self._sorted, keys)
        self._sorted = np.insert(self._sorted, at, keys)
        self._places = np.insert(self._places, at, places)

    def places(self, image_ids: Indices) -> Indices:
        """Give the (n,) rows of images, -1 where one has none."""
        if not len(self._sorted):
            return np.full(len(image_ids), -1, dtype=np.int64)
        at = np.searchsorted(self._sorted, image_ids)
        at = np.minimum(at, len(self._sorted) - 1)
        return np.where(self._sorted[at] == image_ids, self._places[at], -1)

    def append(self, owners: npt.NDArray[np.void], vectors: npt.NDArray[np.float16]) -> None:
        """Add (m,) owners with their (m, dim) vectors; those that are there already are left out.

        Raises:
            OSError: the disk is full, or will not be written. Nothing is added then.
        """
        with self._locked():
            self.refresh()
            new = self.places(owners["image"]) < 0
            owners, vectors = owners[new], vectors[new]
            _write(self._vectors, vectors.astype("<f2").tobytes(), len(self) * self.dim * 2)
            # Vectors first: a row that counts must never point to what a power cut has lost.
            os.fsync(self._vectors)
            _write(self._rows, owners.tobytes(), len(self) * ROW.itemsize)
            self.refresh()

    def begun_anew(self) -> VectorFile:
        """Give an empty pair of files in this one's place; what others have mapped stays."""
        with self._locked():
            for name in ("vectors.f16", "rows.bin"):
                (self.folder / name).unlink(missing_ok=True)
        return VectorFile(self.folder, self.dim)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Opened anew each time: a lock belongs to an open file, which forked processes share.
        with (self.folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def owners(image_ids: Indices, public_ids: list[bytes]) -> npt.NDArray[np.void]:
    """Give (n,) owners of images by their keys and the 16 bytes of their public ids."""
    made = np.empty(len(image_ids), dtype=ROW)
    made["image"] = image_ids
    made["public_id"] = np.frombuffer(b"".join(public_ids), dtype="V16")
    return made


def _write(file: int, content: bytes, at: int) -> None:
    view = memoryview(content)
    while view:
        done = os.pwrite(file, view, at)
        view, at = view[done:], at + done
