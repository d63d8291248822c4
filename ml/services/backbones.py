"""Compiled backbones: kept in storage, fetched to this host, loaded once a process."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage

from labeling.services import core_time
from ml.models import EmbeddingSet

if TYPE_CHECKING:
    from ml.inference.embedder import OnnxEmbedder
    from ml.types import BackboneFile, Embedder

STORAGE_PREFIX = "backbones"


def store_backbone(backbone: BackboneFile) -> str:
    """Copy a compiled backbone to storage, under its checksum, for hosts that lack it."""
    key = f"{STORAGE_PREFIX}/{Path(backbone.path).name}"
    if not default_storage.exists(key):
        with Path(backbone.path).open("rb") as file:
            return default_storage.save(key, File(file))
    return key


def backbone_file(set_id: int) -> BackboneFile:
    """Give a set's compiled backbone on this host, fetched from storage where it is missing.

    Raises:
        BackboneMissingError, BackboneCorruptError: storage has it not, or damaged.
    """
    of = EmbeddingSet.objects.get(pk=set_id)
    return backbone_on_host(name=of.backbone, digest=of.digest, storage_key=of.storage_key)


def backbone_on_host(*, name: str, digest: str, storage_key: str) -> BackboneFile:
    """Give a compiled backbone on this host, fetched from storage where it is missing.

    Asks the database nothing, so any thread may call it. Raises as `backbone_file` does.
    """
    from ml.inference.files import file_name, read_backbone  # noqa: PLC0415

    path = Path(settings.BACKBONE_DIR) / file_name(name, digest)
    if not path.exists() and default_storage.exists(storage_key):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{time.monotonic_ns()}.part")
        with default_storage.open(storage_key) as file:
            draft.write_bytes(file.read())
        draft.replace(path)
    return read_backbone(path, digest=digest)


def warm() -> None:
    """Load the configured backbone before the first import asks for it; asks the database nothing.

    Raises:
        BackboneMissingError, BackboneCorruptError: the compiled file is not on this host.
    """
    from ml.inference.files import find_backbone  # noqa: PLC0415

    if settings.BACKBONE:
        _engine(find_backbone(settings.BACKBONE_DIR, settings.BACKBONE)).warm()
    core_time.save()


def embedder(of: EmbeddingSet) -> Embedder:
    """Give a set's backbone, loaded once a process; asks the database nothing."""
    return _embedder_of(of.backbone, of.digest, of.storage_key)


@lru_cache(maxsize=2)
def _embedder_of(name: str, digest: str, storage_key: str) -> Embedder:
    """Load a backbone as `backbone_on_host` finds it."""
    return _engine(backbone_on_host(name=name, digest=digest, storage_key=storage_key))


@lru_cache(maxsize=2)
def _engine(backbone: BackboneFile) -> OnnxEmbedder:
    from ml.inference.embedder import OnnxEmbedder  # noqa: PLC0415

    return OnnxEmbedder(backbone, threads=settings.ORT_THREADS)


def forget() -> None:
    """Drop what is loaded (tests, and a host short of memory)."""
    _embedder_of.cache_clear()
    _engine.cache_clear()
