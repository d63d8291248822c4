"""Embed each image once: in short batches that a killed worker loses at most one of.

The embedding set is the unit of work (rule 6): a batch is claimed on its row with a fencing token,
and written in one transaction only while the claim still stands.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from labeling.errors import LabelingError
from labeling.selectors import consensus, images
from labeling.services import core_time, pictures
from ml.models import Embedding, EmbeddingScope, EmbeddingSet, EmbeddingSetState
from ml.selectors import embeddings
from ml.selectors.embeddings import load_matrix, original_set
from ml.services import backbones
from ml.services.backbones import (
    backbone_file,
    backbone_on_host,
    embedder,
    store_backbone,
    warm,
)
from ml.services.embed_ahead import Ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from datetime import datetime

    from PIL import Image as PillowImage

    from ml.services.embed_ahead import Row
    from ml.types import BackboneFile

__all__ = [
    "STALE_AFTER",
    "Batch",
    "backbone_file",
    "backbone_on_host",
    "embed_batch",
    "embed_batches",
    "embed_pending",
    "embedder",
    "ensure_original_set",
    "ensure_set",
    "forget",
    "is_configured",
    "load_matrix",
    "original_set",
    "pending_count",
    "store_backbone",
    "warm",
]

STALE_AFTER = timedelta(seconds=30)
"""A batch takes about two seconds; a claim this old belongs to a dead worker."""

FIRST_BATCH = 24
"""Images of a process's first batch, before its speed is known: the first can be labeled soon."""

logger = logging.getLogger(__name__)
_images_per_s: dict[str, float] = {}
_ahead: Ahead[_Vectors] = Ahead()


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call did.

    Attributes:
        embedded: vectors stored.
        remaining: images of the set's scope that still lack a vector.
        is_ours: False where another worker was at it and nothing was done.
    """

    embedded: int
    remaining: int
    is_ours: bool


def is_configured() -> bool:
    """Tell whether this installation embeds at all; without, session and hash decide groups."""
    return bool(settings.BACKBONE)


def ensure_original_set(*, project_id: int, now: datetime) -> EmbeddingSet:
    """Give the project's original set, made at first use from the configured backbone.

    Raises:
        BackboneMissingError, BackboneCorruptError: the compiled file is not on this host.
    """
    found = EmbeddingSet.objects.filter(project_id=project_id, is_original=True).first()
    if found is not None:
        return found
    from ml.inference.files import find_backbone  # noqa: PLC0415

    backbone = find_backbone(settings.BACKBONE_DIR, settings.BACKBONE)
    return ensure_set(project_id=project_id, backbone=backbone, is_original=True, now=now)


def ensure_set(
    *,
    project_id: int,
    backbone: BackboneFile,
    now: datetime,
    is_original: bool = False,
    scope: str = EmbeddingScope.ALL,
) -> EmbeddingSet:
    """Give the project's set for a compiled backbone; make it, and store the file, at first use."""
    made, _ = EmbeddingSet.objects.get_or_create(
        project_id=project_id,
        digest=backbone.digest,
        defaults={
            "backbone": backbone.name,
            "storage_key": store_backbone(backbone),
            "preprocessing": backbone.preprocessing.to_json(),
            "dim": backbone.dim,
            "is_original": is_original,
            "scope": scope,
            "created_at": now,
        },
    )
    return made


def pending_count(embedding_set: EmbeddingSet) -> int:
    """Count the images of a set's scope that lack a vector."""
    return _pending(embedding_set).count()


def embed_pending(*, project_id: int, set_id: int, now: datetime, seconds: float = 2.0) -> int:
    """Embed about `seconds` worth of images and give how many of the set's scope remain."""
    batch = embed_batch(project_id=project_id, set_id=set_id, now=now, seconds=seconds)
    return batch.remaining


def embed_batch(*, project_id: int, set_id: int, now: datetime, seconds: float = 2.0) -> Batch:
    """Embed the next images of a set, about `seconds` worth at this process's measured speed.

    Images are taken in random order, so that what is embedded so far is a fair sample of what was
    imported so far. An image whose file cannot be decoded is noted on the set and left out.
    The batch is written in one transaction, and only if no other worker has taken over.
    """
    (batch,) = embed_batches(
        project_id=project_id, set_id=set_id, now=now, seconds=seconds, at_most=1
    )
    return batch


def embed_batches(
    *,
    project_id: int,
    set_id: int,
    now: datetime,
    seconds: float = 2.0,
    at_most: int,
    goes_on: bool = False,
) -> Generator[Batch]:
    """Embed up to `at_most` batches in a row, each as `embed_batch` does.

    While a batch is written, and while the caller looks at it, the next one is being computed:
    no core waits for the database. With `goes_on` one more batch is begun at the end, for the next
    call in this process. There is always a first batch, if only an empty one.
    """
    embedding_set = EmbeddingSet.objects.get(pk=set_id, project_id=project_id)
    with _claim(embedding_set, now) as token:
        if token is None:
            yield Batch(0, _pending(embedding_set).count(), is_ours=False)
            return
        for found in _computed_ahead(embedding_set, seconds, at_most, goes_on=goes_on):
            is_ours = _write(embedding_set, token, found, now)
            if is_ours and found.ids:
                ids = np.array(found.ids, dtype=np.int64)
                embeddings.remember(set_id, ids, found.public_ids, b"".join(found.content))
            n_embedded = len(found.ids) + len(found.broken) if is_ours else 0
            yield Batch(n_embedded, _remaining(embedding_set), is_ours)
            if not is_ours:
                return


def _remaining(embedding_set: EmbeddingSet) -> int:
    """Count what is left to embed, and say on the set whether it is complete."""
    remaining = _pending(embedding_set).count()
    state = EmbeddingSetState.BUILDING if remaining else EmbeddingSetState.READY
    EmbeddingSet.objects.filter(pk=embedding_set.pk).exclude(
        state__in=(state, EmbeddingSetState.RETIRED)
    ).update(state=state)
    return remaining


def _computed_ahead(
    embedding_set: EmbeddingSet, seconds: float, at_most: int, *, goes_on: bool
) -> Generator[_Vectors]:
    """Give computed batches; while one is dealt with, the next is being computed already.

    Which images come after that is asked meanwhile too, so that no core waits for an answer.
    """
    set_id, compute = embedding_set.pk, partial(_embed, embedding_set)
    started = _ahead.take(set_id, partial(_are_pending, embedding_set))
    if started is None:
        rows = _next_rows(embedding_set, seconds, before=())
        if not rows:
            yield _Vectors([], [], [], [])
            return
        started = _ahead.start(compute, rows)
    if embedding_set.digest not in _images_per_s:
        started.vectors.result()  # how many can come next is not known before
    for n_after in reversed(range(at_most)):
        wants_more = n_after > 0 or (goes_on and _ahead.keeps(set_id))
        after = _next_rows(embedding_set, seconds, before=started.rows) if wants_more else []
        found = started.vectors.result()
        if after:
            started = _ahead.start(compute, after)
            if not n_after:
                _ahead.keep(set_id, started)
        yield found
        if not after:
            return


def _are_pending(embedding_set: EmbeddingSet, image_ids: Sequence[int]) -> bool:
    found = _pending(embedding_set).filter(pk__in=image_ids).count()
    return bool(found == len(image_ids))


def _next_rows(embedding_set: EmbeddingSet, seconds: float, *, before: Sequence[Row]) -> list[Row]:
    """Choose the images of the next batch; `before` is not yet written."""
    speed = _images_per_s.get(embedding_set.digest)
    limit = FIRST_BATCH if speed is None else max(8, int(speed * seconds))
    columns = "pk", "storage_key", "public_id"
    pending = _pending(embedding_set).order_by("public_id").values_list(*columns)
    taken = {image_id for image_id, *_ in before}
    rows = [row for row in pending[: limit + len(taken)] if row[0] not in taken]
    return rows[:limit]


def _pending(embedding_set: EmbeddingSet) -> images.ImageQuery:
    """Give the images that lack a vector. JUDGED: only labeled pool images and measured ones."""
    has_vector = Embedding.objects.filter(set=embedding_set).values("image_id")
    wanted = images.usable(embedding_set.project_id).exclude(pk__in=has_vector)
    if embedding_set.scope == EmbeddingScope.JUDGED:
        trained = consensus.training_rows(embedding_set.project_id).image_ids
        measured = consensus.audit_rows(embedding_set.project_id).image_ids
        wanted = wanted.filter(pk__in=[*trained.tolist(), *measured.tolist()])
    return wanted.exclude(pk__in=embedding_set.unreadable)


@contextmanager
def _claim(embedding_set: EmbeddingSet, now: datetime) -> Iterator[int | None]:
    """Take the set for one batch; None where another worker has it and lives."""
    is_free = Q(heartbeat_at__isnull=True) | Q(heartbeat_at__lt=now - STALE_AFTER)
    row = EmbeddingSet.objects.filter(pk=embedding_set.pk)
    with transaction.atomic():
        taken = row.filter(is_free).update(heartbeat_at=now, fencing_token=F("fencing_token") + 1)
        token = row.values_list("fencing_token", flat=True).get() if taken else None
    try:
        yield token
    finally:
        if token is not None:
            row.filter(fencing_token=token).update(heartbeat_at=None)


@dataclass(frozen=True, slots=True)
class _Vectors:
    ids: list[int]
    public_ids: list[bytes]
    content: list[bytes]
    broken: list[int]


def _embed(embedding_set: EmbeddingSet, rows: Sequence[Row]) -> _Vectors:
    """Embed rows as float16; ids whose file cannot be read are set apart."""
    from ml.inference.pipeline import embed_stream  # noqa: PLC0415

    broken: list[int] = []
    engine = embedder(embedding_set)
    started = time.perf_counter()
    loads = [_loader(image_id, key, broken) for image_id, key, _ in rows]
    vectors = np.concatenate(
        list(embed_stream(engine, loads, threads=settings.ORT_THREADS, stage=core_time.stage))
    ).astype(np.float16)
    core_time.save()
    _images_per_s[embedding_set.digest] = len(rows) / (time.perf_counter() - started)
    good = [place for place, row in enumerate(rows) if row[0] not in broken]
    return _Vectors(
        [rows[place][0] for place in good],
        [rows[place][2].bytes for place in good],
        [vectors[place].tobytes() for place in good],
        broken,
    )


def _loader(image_id: int, key: str, broken: list[int]) -> Callable[[], PillowImage.Image]:
    def load() -> PillowImage.Image:
        try:
            return pictures.open_stored(key)
        except (OSError, LabelingError) as error:
            from PIL import Image  # noqa: PLC0415

            logger.warning("Image %s cannot be decoded and gets no vector: %s", image_id, error)
            broken.append(image_id)
            return Image.new("RGB", (8, 8))

    return load


@transaction.atomic
def _write(embedding_set: EmbeddingSet, token: int, found: _Vectors, now: datetime) -> bool:
    """Store a batch; give False where another worker has taken over."""
    row = EmbeddingSet.objects.filter(pk=embedding_set.pk, fencing_token=token)
    if not row.update(heartbeat_at=now):
        logger.info("Embedding set %s was taken over; this batch is dropped.", embedding_set.pk)
        return False
    # ignore_conflicts: a row written by whoever was fenced off is the same row.
    Embedding.objects.bulk_create(
        [
            Embedding(set=embedding_set, image_id=image_id, vector=vector)
            for image_id, vector in zip(found.ids, found.content, strict=True)
        ],
        ignore_conflicts=True,
    )
    if found.broken:
        embedding_set.unreadable = sorted({*embedding_set.unreadable, *found.broken})
        row.update(unreadable=embedding_set.unreadable)
    if embedding_set.centre is None:
        _fix_centre(embedding_set)
    return True


def _fix_centre(embedding_set: EmbeddingSet) -> None:
    count = Embedding.objects.filter(set=embedding_set)[: embeddings.CENTRE_IMAGES].count()
    if count < embeddings.CENTRE_IMAGES:
        return
    mean = embeddings.centre(embedding_set)
    if mean is None:
        return
    embedding_set.centre = mean.astype(np.float32).tobytes()
    embedding_set.save(update_fields=["centre"])


def forget() -> None:
    """Drop loaded backbones and measured speeds (tests, and a host short of memory)."""
    backbones.forget()
    _images_per_s.clear()
    _ahead.forget()
