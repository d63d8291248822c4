"""Copying labeled pictures into folders named after their labels, as other tools read them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from django.core.files.storage import default_storage

from labeling.errors import LabelingError
from labeling.selectors import export_pictures as selectors

if TYPE_CHECKING:
    from pathlib import Path

    from django.core.files import File

NAME = "images"


class PicturesThereError(LabelingError):
    """A folder of an earlier export: a picture whose label has changed would stand in two."""

    code = "pictures_there"


class PictureGoneError(LabelingError):
    """A picture of the project is no longer where its pixels are kept."""

    code = "picture_gone"


def check(folder: Path) -> None:
    """Refuse to copy where pictures were copied before.

    Raises:
        PicturesThereError: there are some.
    """
    if (folder / NAME).exists():
        raise PicturesThereError(
            f"{folder / NAME} is there already, maybe with labels of before; remove it, or choose "
            "another folder."
        )


def write(*, project_id: int, folder: Path) -> int:
    """Copy the labeled pictures, re-encoded as they are kept; give how many.

    `images/train/CODE/ID.jpg` holds what may be learned from, `images/audit/CODE/ID.jpg` what
    measures. The folder appears under its name only when complete.

    Raises:
        PicturesThereError: pictures were copied there before.
        PictureGoneError: the store lacks one; nothing appears in the folder then.
    """
    check(folder)
    partial = folder / f"{NAME}.part"
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    count = 0
    for picture in selectors.labeled(project_id):
        target = partial / picture.folder
        target.mkdir(parents=True, exist_ok=True)
        with _kept(picture) as source, (target / picture.name).open("wb") as file:
            shutil.copyfileobj(source, file)
        count += 1
    partial.replace(folder / NAME)
    return count


def _kept(picture: selectors.Picture) -> File[bytes]:
    try:
        return default_storage.open(picture.storage_key, "rb")
    except FileNotFoundError:
        raise PictureGoneError(
            f"The file of image {picture.name.removesuffix('.jpg')} is missing from the store "
            f"({picture.storage_key}). Bring it back from a backup, or export without --images."
        ) from None
