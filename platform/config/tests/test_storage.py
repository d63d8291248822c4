"""Pictures go to their random names at once; nothing is overwritten, nothing is left half."""

from __future__ import annotations

import resource
import signal
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile

from config.storage import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(location=str(tmp_path / "files"))


@pytest.fixture
def _small_files_only() -> Iterator[None]:
    """Let the system refuse to write beyond 1,000 bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_gives_back_what_was_stored(storage: LocalStorage) -> None:
    name = storage.save("images/ab/abc.jpg", ContentFile(b"picture" * 100_000))

    assert name == "images/ab/abc.jpg"
    with storage.open(name) as file:
        assert file.read() == b"picture" * 100_000


def test_never_writes_over_a_file_that_is_there(storage: LocalStorage) -> None:
    first = storage.save("models/a.npz", ContentFile(b"one"))
    second = storage.save("models/a.npz", ContentFile(b"two"))

    assert first != second
    assert [storage.open(name).read() for name in (first, second)] == [b"one", b"two"]


def test_keeps_to_its_folder(storage: LocalStorage, tmp_path: Path) -> None:
    with pytest.raises(SuspiciousFileOperation):
        storage.save("images/../../outside.jpg", ContentFile(b"x"))

    assert not (tmp_path / "outside.jpg").exists()


@pytest.mark.usefixtures("_small_files_only")
def test_leaves_no_half_picture_on_a_full_disk(storage: LocalStorage) -> None:
    with pytest.raises(OSError, match="large"):
        storage.save("images/ab/abc.jpg", ContentFile(b"x" * 5000))

    assert not storage.exists("images/ab/abc.jpg")
