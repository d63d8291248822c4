"""Questions about images: which wait for a partition, which may be embedded, what staff look at."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from labeling.errors import LabelingError
from labeling.models import (
    Annotation,
    AnnotationKind,
    AnnotatorKind,
    ConsensusState,
    Image,
    Mode,
    Partition,
)
from labeling.selectors import projects, several

ImageQuery: TypeAlias = QuerySet[Image]
PAGE = 48

# Every filter of the staff room's list. A client's word never becomes a field name.
FILTERS: dict[str, Q] = {
    "recent": Q(),
    "labeled": Q(consensus__state=ConsensusState.RESOLVED),
    "flagged": Q(flagged_at__isnull=False),
    "none_of_these": Q(consensus__state=ConsensusState.NONE_OF_THESE),
    "disputed": Q(consensus__state=ConsensusState.DISPUTED),
}


class ImageNotFoundError(LabelingError):
    """No such image, or not for whoever asks."""

    code = "not_found"
    status = 404


class UnknownFilterError(LabelingError):
    """A filter that is not on the list."""

    code = "unknown_filter"


@dataclass(frozen=True, slots=True)
class PartitionRows:
    """What decides split groups, one entry an image, sorted by image id."""

    image_ids: npt.NDArray[np.int64]  # (n,)
    sessions: list[str]  # "" where EXIF had no time
    hashes: npt.NDArray[np.int64]  # (n,)
    groups: npt.NDArray[np.int64]  # (n,), live split group; -1 while PENDING
    partitions: list[str]

    def __len__(self) -> int:
        """Count the images."""
        return len(self.image_ids)


@dataclass(frozen=True, slots=True)
class StaffImage:
    """One image of the staff room's lists; it does not tell whether the image measures."""

    id: uuid.UUID
    original_name: str
    source: str
    label: str | None
    label_names: list[str]
    state: str
    flag_reason: str
    note: str


def usable(project_id: int) -> ImageQuery:
    """Give the images of a project that were not removed."""
    return Image.objects.filter(project_id=project_id, removed_at__isnull=True)


def waiting_for_partition(project_id: int, *, which: Q | None = None) -> PartitionRows:
    """Read the images whose partition is not decided yet; `which` of them, or all."""
    rows = usable(project_id).filter(partition=Partition.PENDING)
    return _partition_rows(rows if which is None else rows.filter(which))


def waiting_count(project_id: int) -> int:
    """Count the images whose partition is not decided yet."""
    return usable(project_id).filter(partition=Partition.PENDING).count()


def decided(project_id: int) -> PartitionRows:
    """Read the images whose partition is decided, removed ones too: groups outlive them."""
    rows = Image.objects.filter(project_id=project_id).exclude(partition=Partition.PENDING)
    return _partition_rows(rows)


def pool_ids(project_id: int) -> npt.NDArray[np.int64]:
    """Give the ids of the pool images that were not removed, sorted."""
    rows = usable(project_id).filter(partition=Partition.POOL).order_by("pk")
    return np.fromiter(rows.values_list("pk", flat=True), dtype=np.int64)


def storage_keys(image_ids: Sequence[int]) -> dict[int, str]:
    """Give image id to the key of the stored picture."""
    rows = Image.objects.filter(pk__in=image_ids).values_list("pk", "storage_key")
    return dict(rows)


def public_ids(image_ids: Sequence[int]) -> dict[int, uuid.UUID]:
    """Give the public id of each image, by its key."""
    rows = Image.objects.filter(pk__in=list(image_ids))
    return dict(rows.order_by("pk").values_list("pk", "public_id"))


def counts_by_partition(project_id: int) -> dict[str, int]:
    """Count the images that were not removed, by partition; every partition has its entry."""
    found = usable(project_id).values("partition").annotate(n=Count("pk"))
    counted = dict(found.order_by("partition").values_list("partition", "n"))
    return {str(partition): counted.get(partition, 0) for partition in Partition.values}


def by_public_id(public_id: uuid.UUID | str) -> Image:
    """Give an image with its project.

    Raises:
        ImageNotFoundError: there is none.
    """
    image = Image.objects.select_related("project").filter(public_id=public_id).first()
    if image is None:
        raise ImageNotFoundError("There is no such image, or it is not yours to see.")
    return image


def in_project(project_id: int, public_id: uuid.UUID | str) -> Image:
    """Give an image of a project that was not removed.

    Raises:
        ImageNotFoundError: the project has none of that id.
    """
    image = usable(project_id).filter(public_id=public_id).first()
    if image is None:
        raise ImageNotFoundError("There is no such image, or it is not yours to see.")
    return image


def keys_of(project_id: int, public_ids: Sequence[uuid.UUID]) -> list[int]:
    """Give the keys of those images that are there and were not removed."""
    rows = usable(project_id).filter(public_id__in=list(public_ids))
    return list(rows.order_by("pk").values_list("pk", flat=True))


def labeled_as(project_id: int, label_code: str, limit: int) -> list[int]:
    """Give the keys of the pool images that were given a label last."""
    rows = usable(project_id).filter(
        partition=Partition.POOL,
        consensus__state=ConsensusState.RESOLVED,
        consensus__label__code=label_code,
    )
    newest = rows.order_by("-consensus__resolved_at", "-pk")
    return list(newest.values_list("pk", flat=True)[:limit])


def names_of_source(project_id: int, source: str, *, trusted_only: bool = False) -> set[str]:
    """Give the original names that a source has brought already, to resume an import fast.

    With `trusted_only`, only those whose label came with an import.
    """
    rows = Image.objects.filter(project_id=project_id, source=source)
    if trusted_only:
        rows = rows.filter(
            annotations__annotator__kind=AnnotatorKind.IMPORT,
            annotations__withdrawn_at__isnull=True,
        )
    return set(rows.values_list("original_name", flat=True))


def for_staff(
    project_id: int, *, which: str, label_id: int | None = None, before_id: int | None = None
) -> tuple[list[StaffImage], int | None]:
    """Give one page of images, newest first, and the id to go on from, in one query.

    `label_id` leaves those that show a label, as people agree; it may take more queries.

    Raises:
        UnknownFilterError: `which` is not one of `FILTERS`.
    """
    if which not in FILTERS:
        raise UnknownFilterError(f"No filter {which!r}; there are: {', '.join(FILTERS)}.")
    flags = Annotation.objects.filter(
        image_id=OuterRef("pk"), kind=AnnotationKind.FLAG, withdrawn_at__isnull=True
    ).order_by("-pk")
    rows: QuerySet[Any] = (
        usable(project_id)
        .filter(FILTERS[which])
        .select_related("consensus__label", "suggested_label")
        .annotate(flag=Subquery(flags.values("flag_reason")[:1]), mode=F("project__mode"))
        .order_by("-pk")
    )
    if before_id is not None:
        rows = rows.filter(pk__lt=before_id)
    if label_id is not None:
        rows = _showing(project_id, label_id, rows)
    page: list[Any] = list(rows[: PAGE + 1])
    goes_on = len(page) > PAGE
    shown = page[:PAGE]
    is_several = bool(shown) and shown[0].mode == Mode.MULTI
    sets = several.names_of(project_id, [row.pk for row in shown]) if is_several else {}
    return [_staff_image(row, sets) for row in shown], page[PAGE - 1].pk if goes_on else None


def _showing(project_id: int, label_id: int, rows: ImageQuery) -> ImageQuery:
    """Leave the images of that label, newest first, enough of them for a page."""
    rows = rows.filter(consensus__state=ConsensusState.RESOLVED)
    if not several.is_several(project_id):
        return rows.filter(consensus__label=label_id)
    scheme = projects.current_scheme(project_id)
    found = several.newest_showing(rows, label_id, scheme, at_most=PAGE + 1)
    return rows.filter(pk__in=found)


def _partition_rows(rows: ImageQuery) -> PartitionRows:
    found = list(
        rows.order_by("pk").values_list(
            "pk", "capture_session", "perceptual_hash", "split_group_id", "partition"
        )
    )
    return PartitionRows(
        image_ids=np.array([row[0] for row in found], dtype=np.int64),
        sessions=[row[1] for row in found],
        hashes=np.array([row[2] for row in found], dtype=np.int64),
        groups=np.array([-1 if row[3] is None else row[3] for row in found], dtype=np.int64),
        partitions=[row[4] for row in found],
    )


def _staff_image(row: Any, sets: Mapping[int, list[str]]) -> StaffImage:
    consensus = getattr(row, "consensus", None)
    label = consensus.label if consensus else None
    return StaffImage(
        id=row.public_id,
        original_name=row.original_name,
        source=row.source,
        label=label.code if label else None,
        label_names=sets.get(row.pk, [label.name] if label else []),
        state=consensus.state if consensus else ConsensusState.OPEN,
        flag_reason=row.flag or "",
        note=f"came as {row.suggested_label.name}" if row.suggested_label else "",
    )
