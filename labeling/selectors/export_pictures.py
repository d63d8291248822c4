"""Which pictures an export copies, and into which folder each belongs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labeling.models import ConsensusState, Partition
from labeling.selectors import images, several

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 500
FOLDERS = {Partition.POOL: "train", Partition.AUDIT: "audit"}
"""What was measured on stays apart from what may be learned from."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One labeled picture.

    Attributes:
        folder: relative, with forward slashes: `train/milk`; `train` where it may show several
            labels.
        name: of the file: the image's id as in the tables, with its ending.
        storage_key: where its pixels are.
    """

    folder: str
    name: str
    storage_key: str


def labeled(project_id: int) -> Iterator[Picture]:
    """Yield the pictures whose label is settled, but no flagged ones, oldest first."""
    is_several = several.is_several(project_id)
    rows = (
        images.usable(project_id)
        .filter(
            consensus__state=ConsensusState.RESOLVED,
            partition__in=list(FOLDERS),
            flagged_at__isnull=True,
        )
        .order_by("pk")
        .values_list("public_id", "partition", "consensus__label__code", "storage_key")
    )
    for public_id, partition, code, storage_key in rows.iterator(chunk_size=CHUNK):
        folder = FOLDERS[Partition(partition)]
        yield Picture(folder if is_several else f"{folder}/{code}", f"{public_id}.jpg", storage_key)
