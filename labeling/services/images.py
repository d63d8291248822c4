"""Images: take one in, decide its partition once, keep or remove what was flagged."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from django.db import IntegrityError, transaction

from labeling import events
from labeling.models import Annotation, AnnotatorKind, Image, Partition
from labeling.selectors import prepared
from labeling.services import pictures, slots
from labeling.services.journal import record_event
from labeling.services.split_groups import GroupDecision, set_partitions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from labeling.services.pictures import Picture

__all__ = [
    "GroupDecision",
    "Ingested",
    "NewImage",
    "Origin",
    "StoredKeys",
    "add",
    "add_stored",
    "announce",
    "ingest",
    "known",
    "known_among",
    "remove_image",
    "set_partitions",
    "stored_name",
    "trust",
    "unflag_image",
]

NAME_LENGTH = 255
StoredKeys = tuple[str, str]  # of the picture and its thumbnail


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of an upload."""

    image_id: int
    public_id: uuid.UUID
    is_duplicate: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """Where images come from; the same for a whole import."""

    project_id: int
    source: str
    licence: str
    uploaded_by_id: int | None


@dataclass(frozen=True, slots=True)
class NewImage:
    """A decoded picture that is about to become an image."""

    picture: Picture
    original_name: str  # shown to staff; never used as a name in storage
    suggested_label_id: int | None = None


def ingest(
    *,
    project_id: int,
    upload: BinaryIO,
    original_name: str,
    source: str,
    licence: str,
    uploaded_by_id: int | None,
    now: datetime,
    suggested_label_id: int | None = None,
    trusted_label_id: int | None = None,
) -> Ingested:
    """Take one picture in: check, re-encode, store, and tell who embeds it.

    The same bytes are stored once a project; the second time gives the first image.

    Args:
        project_id: of the project.
        upload: the file, read from where it stands.
        original_name: shown to staff; never used as a name in storage.
        source: where the pictures come from; accuracy is told apart by it.
        licence: of the picture.
        uploaded_by_id: the user, if any.
        now: the time.
        suggested_label_id: a label that came with it and is only a hint to staff.
        trusted_label_id: a label that resolves the image at once.

    Raises:
        ImageRefusedError: the file is no picture that we take.
    """
    origin = Origin(project_id, source, licence, uploaded_by_id)
    content = pictures.read_bytes(upload)
    ingested = known(project_id=project_id, sha256=pictures.sha256_of(content))
    if ingested is None:
        ingested = add(
            origin=origin,
            picture=pictures.picture_of(content),
            original_name=original_name,
            now=now,
            suggested_label_id=suggested_label_id,
        )
    if trusted_label_id is not None:
        trust(ingested=ingested, project_id=project_id, label_id=trusted_label_id, now=now)
    return ingested


def known(*, project_id: int, sha256: str) -> Ingested | None:
    """Give the image that the same bytes made before, if any."""
    return known_among(project_id=project_id, sha256s=[sha256]).get(sha256)


def known_among(*, project_id: int, sha256s: Iterable[str]) -> dict[str, Ingested]:
    """Give the images that the same bytes made before, by hash: one query for a batch."""
    asked = list(set(sha256s))
    return {
        sha256: Ingested(pk, public_id, is_duplicate=True)
        for pk, public_id, sha256 in (_KNOWN.rows(project_id, asked) if asked else ())
    }


_KNOWN = prepared.Prepared(
    lambda project_id, sha256s: Image.objects.filter(
        project_id=project_id, sha256__in=sha256s
    ).values_list("pk", "public_id", "sha256")
)


def add(
    *,
    origin: Origin,
    picture: Picture,
    original_name: str,
    now: datetime,
    suggested_label_id: int | None = None,
) -> Ingested:
    """Store a decoded picture. Of two that store the same bytes at once, one gets the other's.

    Sends `images_added` on commit.
    """
    entry = NewImage(picture, original_name, suggested_label_id)
    (ingested,) = add_stored(
        origin=origin, entries=[(entry, pictures.store_picture(picture))], now=now
    )
    if not ingested.is_duplicate:
        announce(project_id=origin.project_id, image_ids=[ingested.image_id])
    return ingested


def add_stored(
    *, origin: Origin, entries: Sequence[tuple[NewImage, StoredKeys]], now: datetime
) -> list[Ingested]:
    """Make the rows of pictures whose files are stored; announcing them is the caller's.

    The whole batch is one statement. Only where somebody else stores the same bytes at this
    moment do its images go one by one, and who comes second gets the other's image.
    """
    made = [_values(origin, entry, keys, now) for entry, keys in entries]
    if not made:
        return []
    try:
        with transaction.atomic():
            ids = prepared.insert(
                "labeling_image", list(made[0]), [list(row.values()) for row in made]
            )
    except IntegrityError:
        return [_add_or_twin(Image(**row)) for row in made]
    return [
        Ingested(image_id, row["public_id"], is_duplicate=False)
        for image_id, row in zip(ids, made, strict=True)
    ]


def _add_or_twin(image: Image) -> Ingested:
    try:
        with transaction.atomic():
            image.save(force_insert=True)
    except IntegrityError:
        pictures.discard(image.storage_key, image.thumbnail_key)
        twin = known(project_id=image.project_id, sha256=image.sha256)
        if twin is None:
            raise
        return twin
    return Ingested(image.pk, image.public_id, is_duplicate=False)


def _values(origin: Origin, entry: NewImage, keys: StoredKeys, now: datetime) -> dict[str, Any]:
    """Give every column of an image that is not NULL at first, by the name it has in the table."""
    picture = entry.picture
    return {
        "public_id": uuid.uuid4(),
        "project_id": origin.project_id,
        "sha256": picture.sha256,
        "storage_key": keys[0],
        "thumbnail_key": keys[1],
        "original_name": stored_name(entry.original_name),
        "width": picture.width,
        "height": picture.height,
        "size_bytes": len(picture.jpeg),
        "source": origin.source,
        "licence": origin.licence,
        "captured_at": picture.captured_at,
        "capture_session": pictures.capture_session(
            source=origin.source,
            uploader=str(origin.uploaded_by_id or ""),
            captured_at=picture.captured_at,
        ),
        "uploaded_by_id": origin.uploaded_by_id,
        "perceptual_hash": picture.perceptual_hash,
        "suggested_label_id": entry.suggested_label_id,
        "partition": Partition.PENDING.value,
        "created_at": now,
    }


def announce(*, project_id: int, image_ids: list[int]) -> None:
    """Tell on commit that images were stored and wait for an embedding."""
    events.send_on_commit(events.images_added, project_id=project_id, image_ids=image_ids)


def trust(
    *,
    ingested: Ingested,
    project_id: int,
    label_id: int,
    now: datetime,
    further_ids: Sequence[int] = (),
) -> None:
    """Resolve an image with the labels it came with; of two that disagree, the first stays."""
    before = Annotation.objects.filter(
        image_id=ingested.image_id,
        annotator__kind=AnnotatorKind.IMPORT,
        withdrawn_at__isnull=True,
    )
    if ingested.is_duplicate and before.exists():
        return
    # All of answering: a tenth of a second of the start of an import, for trusted labels alone.
    from labeling.services import annotations  # noqa: PLC0415

    annotations.record_trusted(
        project_id=project_id,
        image_id=ingested.image_id,
        label_id=label_id,
        further_ids=further_ids,
        now=now,
    )


def stored_name(name: str) -> str:
    """Keep the end of a name, which tells more than its beginning, without control characters."""
    return "".join(c for c in name if c.isprintable())[-NAME_LENGTH:]


def remove_image(*, image_id: int, user_id: int | None, now: datetime) -> None:
    """Take an image out of everything: queue, training, pages. Its answers are kept."""
    with transaction.atomic():
        image = _locked(image_id)
        if image.removed_at is not None:
            return
        image.removed_at = now
        image.save(update_fields=["removed_at"])
        slots.recount(image.project, [image], now)
        _record(image, user_id, "image_removed", now)


def unflag_image(*, image_id: int, user_id: int | None, now: datetime) -> None:
    """Keep a flagged image: it may be labeled and used again."""
    with transaction.atomic():
        image = _locked(image_id)
        if image.flagged_at is None:
            return
        image.flagged_at = None
        image.save(update_fields=["flagged_at"])
        slots.recount(image.project, [image], now)
        _record(image, user_id, "image_kept", now)


def _locked(image_id: int) -> Image:
    # NO KEY: a claim that hands the image out holds its entry and must not wait for us.
    images = Image.objects.select_for_update(of=("self",), no_key=True)
    return images.select_related("project").get(pk=image_id)


def _record(image: Image, user_id: int | None, verb: str, now: datetime) -> None:
    record_event(
        project_id=image.project_id,
        user_id=user_id,
        verb=verb,
        target=str(image.public_id),
        now=now,
    )
