"""Several pictures sent at once from the staff room: one result a file."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from labeling.services import images
from labeling.services.journal import record_event
from labeling.services.pictures import ImageRefusedError

if TYPE_CHECKING:
    from datetime import datetime

    from labeling.services.images import Origin


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came in."""

    name: str
    stream: BinaryIO


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What became of one file: `stored`, `duplicate` or `refused`."""

    name: str
    status: str
    image: uuid.UUID | None = None
    code: str = ""
    message: str = ""


def take(
    *,
    origin: Origin,
    uploads: Sequence[Upload],
    now: datetime,
    suggested_label_id: int | None = None,
) -> list[UploadResult]:
    """Take every file in by itself; one bad file never fails the rest.

    Returns:
        One result for each upload, in the same order.
    """
    results = [_one(origin, upload, suggested_label_id, now) for upload in uploads]
    record_event(
        project_id=origin.project_id,
        user_id=origin.uploaded_by_id,
        verb="images_uploaded",
        target=origin.source,
        detail={"stored": sum(result.status == "stored" for result in results)},
        now=now,
    )
    return results


def _one(
    origin: Origin, upload: Upload, suggested_label_id: int | None, now: datetime
) -> UploadResult:
    try:
        ingested = images.ingest(
            project_id=origin.project_id,
            upload=upload.stream,
            original_name=upload.name,
            source=origin.source,
            licence=origin.licence,
            uploaded_by_id=origin.uploaded_by_id,
            now=now,
            suggested_label_id=suggested_label_id,
        )
    except ImageRefusedError as refused:
        return UploadResult(upload.name, "refused", code=refused.code, message=refused.message)
    status = "duplicate" if ingested.is_duplicate else "stored"
    return UploadResult(upload.name, status, ingested.public_id)
