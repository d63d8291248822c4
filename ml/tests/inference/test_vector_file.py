"""The file of vectors that processes share: appended to, mapped, torn, and never mixed up."""

from __future__ import annotations

import multiprocessing
import uuid
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.inference.vector_file import ROW, VectorFile, owners

DIM = 3


def vectors_of(keys: list[int]) -> np.ndarray:
    """A row that tells whose it is."""
    return np.outer(keys, [1, 2, 3]).astype(np.float16)


def add(file: VectorFile, keys: list[int]) -> None:
    public_ids = [uuid.UUID(int=key).bytes for key in keys]
    file.append(owners(np.array(keys), public_ids), vectors_of(keys))


@given(st.lists(st.lists(st.integers(1, 500), unique=True, max_size=9), max_size=6))
def test_every_image_is_found_with_its_own_vector_however_it_came(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    file = VectorFile(folder, DIM)
    for keys in batches:
        if keys:
            add(file, keys)

    known = sorted({key for keys in batches for key in keys})
    for one in (file, VectorFile(folder, DIM)):
        places = one.places(np.array([*known, 501, -3]))

        assert len(one) == len(known)
        assert (places[:-2] >= 0).all()
        assert (places[-2:] == -1).all()
        assert (one.rows[places[:-2]] == vectors_of(known)).all()


def test_what_was_mapped_stays_true_while_another_appends(tmp_path: Path) -> None:
    mine, other = VectorFile(tmp_path, DIM), VectorFile(tmp_path, DIM)
    add(mine, [7, 3])
    before = mine.rows

    add(other, list(range(10, 4000)))
    mine.refresh()

    assert (before == vectors_of([7, 3])).all()
    assert (mine.rows[mine.places(np.array([3999, 3]))] == vectors_of([3999, 3])).all()


def test_what_a_killed_writer_left_half_done_does_not_count(tmp_path: Path) -> None:
    add(VectorFile(tmp_path, DIM), [1, 2])
    with (tmp_path / "vectors.f16").open("ab") as torn:
        torn.write(b"\xff" * 7)
    with (tmp_path / "rows.bin").open("ab") as torn:
        torn.write(b"\xff" * (ROW.itemsize - 1))

    file = VectorFile(tmp_path, DIM)
    add(file, [5])

    again = VectorFile(tmp_path, DIM)
    assert len(again) == 3
    assert (again.rows[again.places(np.array([1, 2, 5]))] == vectors_of([1, 2, 5])).all()


def test_one_begun_anew_forgets_and_leaves_readers_what_they_have(tmp_path: Path) -> None:
    file = VectorFile(tmp_path, DIM)
    add(file, [1, 2])
    mapped = file.rows

    anew = file.begun_anew()

    assert len(anew) == 0
    assert (mapped == vectors_of([1, 2])).all()


def _append_all(folder: Path, first: int) -> None:
    file = VectorFile(folder, DIM)
    for start in range(first, first + 300, 10):
        add(file, list(range(start, start + 10)))


def test_processes_that_append_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    # The second half of the first one's images is the first half of the second one's.
    writers = [context.Process(target=_append_all, args=(tmp_path, at)) for at in (1, 151)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    file = VectorFile(tmp_path, DIM)
    keys = list(range(1, 451))
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert len(file) == len(keys)
    assert (file.rows[file.places(np.array(keys))] == vectors_of(keys)).all()


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")

    with pytest.raises(OSError, match="taken"):
        VectorFile(tmp_path / "taken", DIM)
