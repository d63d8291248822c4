"""Reading a folder of labeled pictures: a CSV with a path and a label column."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from ml.errors import MlError


class LabeledFolderError(MlError):
    """The folder or its CSV cannot be used."""

    code = "labeled_folder"


SEPARATOR = "|"
"""Between several labels of one picture."""


@dataclass(frozen=True, slots=True)
class LabeledPicture:
    """One picture on disk and the label it is known to have."""

    path: Path
    name: str
    label: str

    @property
    def labels(self) -> tuple[str, ...]:
        """Give the labels of a picture that may bear several; none where it shows none."""
        named = (each.strip() for each in self.label.split(SEPARATOR))
        return tuple(dict.fromkeys(each for each in named if each))


def read_labeled_folder(
    *,
    images: Path,
    labels: Path,
    label_column: str,
    path_column: str = "path",
    is_several: bool = False,
) -> list[LabeledPicture]:
    """Read the rows of a CSV whose pictures lie in a folder, in the order of the file.

    Args:
        images: the folder that the paths of the CSV count from.
        labels: the CSV, UTF-8, with a header.
        label_column: the column that holds the label.
        path_column: the column that holds the path.
        is_several: pictures may show several labels, written a|b, or none, left empty.

    Raises:
        LabeledFolderError: a file, a column or a label is missing, or no picture of the CSV is in
            the folder. A part of the pictures may be missing (a split that was not copied): those
            rows are left out only when their first folder is missing altogether.
    """
    if not images.is_dir():
        raise LabeledFolderError(f"{images}: no such folder.")
    if not labels.is_file():
        raise LabeledFolderError(f"{labels}: no such file.")
    with labels.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for column in (path_column, label_column):
            if column not in (reader.fieldnames or []):
                raise LabeledFolderError(
                    f"{labels}: no column {column!r}; it has {', '.join(reader.fieldnames or [])}."
                )
        rows = [(row[path_column], row[label_column] or "") for row in reader]
    return _pictures(images, labels, rows, is_several)


def _pictures(
    images: Path, labels: Path, rows: list[tuple[str, str]], is_several: bool
) -> list[LabeledPicture]:
    pictures = []
    root = images.resolve()
    for number, (name, label) in enumerate(rows, start=2):
        path = (images / name).resolve()
        if not path.is_relative_to(root):
            raise LabeledFolderError(f"{labels}, line {number}: {name!r} leaves the folder.")
        if not label and not is_several:
            raise LabeledFolderError(f"{labels}, line {number}: {name!r} has no label.")
        if path.is_file():
            pictures.append(LabeledPicture(path, name, label))
        elif (images / Path(name).parts[0]).exists():
            raise LabeledFolderError(f"{labels}, line {number}: {name!r} is not in {images}.")
    if not pictures:
        raise LabeledFolderError(f"{labels}: none of its {len(rows)} pictures is in {images}.")
    return pictures
