"""Exactly what a head was fitted on, written once, named by its content."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from ml.models import DatasetSnapshot

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

    from labeling.selectors.consensus import TrainingRows

STORAGE_PREFIX = "snapshots"


@dataclass(frozen=True, slots=True)
class Rows:
    """The stored rows: as `labeling`'s `TrainingRows`, images ascending."""

    image_ids: npt.NDArray[np.int64]
    posteriors: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float64]
    groups: npt.NDArray[np.int64]
    codes: tuple[str, ...]
    lending: dict[str, Any] = field(default_factory=dict)
    is_several: bool = False


def only(rows: TrainingRows, is_kept: npt.NDArray[np.bool_]) -> TrainingRows:
    """Give the rows marked in (n,)."""
    if is_kept.all():
        return rows
    return replace(
        rows,
        image_ids=rows.image_ids[is_kept],
        posteriors=rows.posteriors[is_kept],
        weights=rows.weights[is_kept],
        groups=rows.groups[is_kept],
    )


def content_hash(rows: TrainingRows) -> str:
    """Give the SHA-256 over labels and sorted (image, posterior, weight, group)."""
    order = np.argsort(rows.image_ids, kind="stable")
    digest = hashlib.sha256("\n".join(rows.codes).encode())
    for column in (rows.image_ids, rows.posteriors, rows.weights, rows.groups):
        digest.update(np.ascontiguousarray(column[order]).tobytes())
    return digest.hexdigest()


def store(
    *,
    project_id: int,
    rows: TrainingRows,
    digest: str,
    now: datetime,
    lending: dict[str, Any] | None = None,
) -> DatasetSnapshot:
    """Write the rows under their content hash, once; equal rows give the same snapshot.

    `lending` says at which threshold some of them were lent their label; it lies with the rows.
    """
    found = DatasetSnapshot.objects.filter(project_id=project_id, content_hash=digest).first()
    if found is not None:
        return found
    key = f"{STORAGE_PREFIX}/{project_id}/{digest}.npz"
    if not default_storage.exists(key):
        key = default_storage.save(key, ContentFile(_compressed(rows, lending or {})))
    made, _ = DatasetSnapshot.objects.get_or_create(
        project_id=project_id,
        content_hash=digest,
        defaults={
            "scheme_id": rows.scheme_id,
            "n_rows": len(rows.image_ids),
            "storage_key": key,
            "created_at": now,
        },
    )
    return made


def load(snapshot_id: int) -> Rows:
    """Read a snapshot's rows."""
    snapshot = DatasetSnapshot.objects.get(pk=snapshot_id)
    with default_storage.open(snapshot.storage_key) as file:
        stored = np.load(io.BytesIO(file.read()), allow_pickle=False)
    return Rows(
        image_ids=stored["image_ids"],
        posteriors=stored["posteriors"],
        weights=stored["weights"],
        groups=stored["groups"],
        codes=tuple(str(code) for code in stored["codes"]),
        lending=json.loads(str(stored["lending"])) if "lending" in stored else {},
        is_several=bool(stored["is_several"]) if "is_several" in stored else False,
    )


def _compressed(rows: TrainingRows, lending: dict[str, Any]) -> bytes:
    order = np.argsort(rows.image_ids, kind="stable")
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        image_ids=rows.image_ids[order],
        posteriors=rows.posteriors[order],
        weights=rows.weights[order],
        groups=rows.groups[order],
        codes=np.array(rows.codes),
        lending=np.array(json.dumps(lending)),
        is_several=np.array(rows.is_several),
    )
    return buffer.getvalue()
