"""What an import reads: a folder tree or a CSV, as a list of files and the labels beside them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from django.utils.text import slugify

from labeling.errors import LabelingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# No file of these is a picture; listing thousands of them as refused would hide what matters.
IGNORED = frozenset({".csv", ".txt", ".md", ".json", ".jsonl", ".xml", ".html", ".ini", ".db"})


SEPARATOR = "|"
"""Between the labels of a picture that shows several."""


_JOINED = re.compile(r"(?<=\w\w)-(?=\w\w)|_+")
"""What stands for a space in names of folders; no hyphen beside a single letter (T-shirt)."""


def readable(names: Iterable[str]) -> list[str]:
    """Give names of folders as people write them: "oat-milk" as "oat milk".

    Small and capital letters are their owner's and stay. A name that has spaces is somebody's
    wording and stays whole, and so do those that would become the same.
    """
    given = list(names)
    written = [_readable(name) for name in given]
    counts = Counter(name.casefold() for name in written)
    return [
        new if counts[new.casefold()] == 1 else old for old, new in zip(given, written, strict=True)
    ]


def _readable(name: str) -> str:
    if " " in name.strip():
        return name
    return " ".join(_JOINED.sub(" ", name).split()) or name


def plain(name: str) -> str:
    """Make "Soy milk", "soy_milk" and "soy-milk" one, however a folder or a table writes it."""
    return slugify(name.replace("_", "-"), allow_unicode=True)


class SourceNotFoundError(LabelingError):
    """Neither a folder nor a CSV file."""

    code = "source_not_found"


class ColumnMissingError(LabelingError):
    """The CSV has no such column."""

    code = "column_missing"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to take in."""

    path: Path
    name: str  # relative, with forward slashes: how the image is called and found again
    labels: tuple[str, ...]  # candidates, the most special first; empty if none came with it


@dataclass(frozen=True, slots=True)
class Source:
    """Where to read. A CSV's paths count from its own folder."""

    path: Path
    label_column: str = ""
    path_column: str = "path"
    split_column: str = "split"
    splits: tuple[str, ...] = field(default=())

    def files(self) -> list[SourceFile]:
        """List every file, sorted by name; reads no picture.

        Raises:
            SourceNotFoundError: there is nothing at `path`.
            ColumnMissingError: a CSV without a column that was named.
        """
        if self.path.is_dir():
            return sorted(self._of_folder(), key=lambda file: file.name)
        if self.path.is_file() and self.path.suffix.lower() == ".csv":
            return list(self._of_csv())
        raise SourceNotFoundError(f"{self.path}: expected a folder or a CSV file there.")

    def classes(self, *, is_several: bool = False) -> list[str]:
        """Name the labels that come with the files, sorted: top folders, or the CSV's column.

        As people read them (`readable`). `is_several` takes a|b for two.
        """
        found = {file.labels[-1] for file in self.files() if file.labels}
        if is_several:
            found = {each.strip() for name in found for each in name.split(SEPARATOR)} - {""}
        return sorted(readable(sorted(found)), key=str.casefold)

    def _of_folder(self) -> Iterator[SourceFile]:
        for path in self.path.rglob("*"):
            parts = path.relative_to(self.path).parts
            is_hidden = any(part.startswith(".") for part in parts)
            if is_hidden or path.suffix.lower() in IGNORED or not path.is_file():
                continue
            yield SourceFile(path, "/".join(parts), tuple(reversed(parts[:-1])))

    def _of_csv(self) -> Iterator[SourceFile]:
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            wanted = {self.path_column, self.label_column or self.path_column}
            if self.splits:
                wanted.add(self.split_column)
            missing = sorted(wanted - set(rows.fieldnames or []))
            if missing:
                raise ColumnMissingError(
                    f"{self.path}: no column {', '.join(missing)}; "
                    f"there are: {', '.join(rows.fieldnames or ['none'])}."
                )
            for row in rows:
                if self.splits and row[self.split_column] not in self.splits:
                    continue
                name = row[self.path_column]
                label = (row[self.label_column] or "").strip() if self.label_column else ""
                yield SourceFile(self.path.parent / name, name, (label,) if label else ())
