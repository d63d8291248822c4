"""Classify a folder of pictures into a CSV, and sort them by label; an interrupted run resumes.

Nothing is stored in the database: the CSV is the result and the record of what is done.
"""

from __future__ import annotations

import csv
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from django.db.models import TextChoices

from labeling.errors import LabelingError
from ml.errors import MlError
from ml.services import classify, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ml.services.serving import ServedModel

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif"}
)
BATCH = 16
TOP = 3
COLUMNS = (
    "path",
    "label",
    "name",
    "probability",
    "accepted",
    "uncertainty",
    "label_2",
    "probability_2",
    "label_3",
    "probability_3",
    "labels",
    "model_version",
    "evidence",
    "error",
)
SEPARATOR = "|"
"""Between the accepted labels of one picture, in the column `labels`."""
UNSURE_FOLDER = "_not_accepted"
UNREADABLE_FOLDER = "_unreadable"

Row = dict[str, str]


class Placing(TextChoices):
    """How a picture gets into the folder of its label; the original always stays."""

    COPY = "copy", "copied"
    LINK = "link", "linked"


class NotAFolderError(MlError):
    """The folder to classify is not there or cannot be read."""

    code = "not_a_folder"


class FolderInItselfError(MlError):
    """The pictures lie where the sorted ones shall go, so nothing would be left to classify."""

    code = "folder_in_itself"


class StrangeNameError(MlError):
    """A file name with a line break would make the CSV unreadable to most programs."""

    code = "strange_name"


class StrangeCsvError(MlError):
    """The CSV to go on with was not written by this command."""

    code = "strange_csv"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is left to do.

    Attributes:
        done: pictures that the CSV holds already.
        remaining: paths relative to the folder, sorted.
    """

    done: int
    remaining: tuple[str, ...]


def plan(*, folder: Path, out: Path, sort_into: Path | None = None) -> Plan:
    """List the pictures of a folder tree that the CSV does not hold yet.

    A last line cut off by a kill is removed from the CSV, so its picture is done again. What
    lies under `sort_into` is this command's own output and is left out.

    Raises:
        NotAFolderError: `folder` is not a folder, or `out` is one.
        FolderInItselfError: `folder` lies under `sort_into`.
        StrangeNameError: a file name holds a line break.
        StrangeCsvError: `out` exists with other columns.
    """
    if not folder.is_dir():
        raise NotAFolderError(f"{folder} is not a folder.")
    if out.is_dir():
        raise NotAFolderError(f"{out} is a folder; name a CSV file in it.")
    if sort_into and folder.resolve().is_relative_to(sort_into.resolve()):
        raise FolderInItselfError(
            f"{folder} lies under {sort_into}, where sorted pictures go; choose another folder."
        )
    found = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not (sort_into and path.absolute().is_relative_to(sort_into.absolute()))
    )
    for name in found:
        if "\n" in name or "\r" in name:
            raise StrangeNameError(f"{name!r} holds a line break; rename the file.")
    done = _paths_in(out)
    return Plan(len(done), tuple(path for path in found if path not in done))


def predict(
    *,
    project_id: int,
    folder: Path,
    out: Path,
    paths: Sequence[str],
    version: int | None = None,
    sort_into: Path | None = None,
    placing: Placing = Placing.COPY,
) -> Iterator[Row]:
    """Classify `paths` in batches; each batch is written to `out` before its rows are given.

    All rows come from one model version, fixed at the start. A picture is placed before its row
    is written, and placing twice changes nothing, so a killed run resumes anywhere.

    Raises:
        NoChampionError, NoSuchVersionError, VersionPrunedError: nothing can answer.
    """
    served = (
        serving.champion(project_id) if version is None else serving.pinned(project_id, version)
    )
    is_new = not out.exists()
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if is_new:
            writer.writeheader()
        for start in range(0, len(paths), BATCH):
            rows = _rows(served, folder, paths[start : start + BATCH])
            if sort_into is not None:
                for row in rows:
                    for name in _folders_of(row):
                        goal = sort_into / name / row["path"]
                        _place(folder / row["path"], goal, placing)
            writer.writerows(rows)
            file.flush()
            yield from rows


def _paths_in(out: Path) -> set[str]:
    if not out.exists() or not out.stat().st_size:
        out.unlink(missing_ok=True)
        return set()
    _drop_cut_line(out)
    with out.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise StrangeCsvError(
                f"{out} has columns {reader.fieldnames}, expected {list(COLUMNS)}; "
                "name another file with --out."
            )
        return {row["path"] for row in reader}


def _drop_cut_line(out: Path) -> None:
    """Cut what follows the last newline; no field ever holds one."""
    content = out.read_bytes()
    end = content.rfind(b"\n") + 1
    if end != len(content):
        with out.open("r+b") as file:
            file.truncate(end)


def _rows(served: ServedModel, folder: Path, paths: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    with ExitStack() as opened:
        streams: list[BinaryIO] = []
        readable: list[str] = []
        for path in paths:
            try:
                streams.append(opened.enter_context((folder / path).open("rb")))
            except OSError as error:
                rows.append(_error_row(path, error.strerror or "cannot be opened"))
            else:
                readable.append(path)
        found = classify.probabilities_of(served, streams)
    for path, result in zip(readable, found, strict=True):
        if isinstance(result, LabelingError):
            rows.append(_error_row(path, f"{result.code}: {result.message}"))
            continue
        best, sure = classify.top(served, result, TOP), served.accepted(result)
        row = dict.fromkeys(COLUMNS, "") | {
            "path": path,
            "label": best[0]["label"],
            "name": best[0]["name"],
            "probability": f"{best[0]['probability']:.4f}",
            "labels": SEPARATOR.join(served.label_order[at] for at in sure),
            "accepted": "yes" if sure else "no",
            "uncertainty": f"{served.uncertainty(result):.4f}",
            "model_version": str(served.number),
            "evidence": served.evidence,
        }
        for place, other in enumerate(best[1:TOP], start=2):
            row[f"label_{place}"] = other["label"]
            row[f"probability_{place}"] = f"{other['probability']:.4f}"
        rows.append(row)
    return rows


def _error_row(path: str, message: str) -> Row:
    return dict.fromkeys(COLUMNS, "") | {"path": path, "error": " ".join(message.split())}


def _folders_of(row: Row) -> list[str]:
    """Name the folders of a picture: one for each label that was accepted."""
    if row["error"]:
        return [UNREADABLE_FOLDER]
    return row["labels"].split(SEPARATOR) if row["accepted"] == "yes" else [UNSURE_FOLDER]


def _place(source: Path, goal: Path, placing: Placing) -> None:
    """Put a copy or a link at `goal`, whole or not at all; what is there already stays."""
    if goal.exists() or goal.is_symlink() or not source.exists():
        return
    goal.parent.mkdir(parents=True, exist_ok=True)
    if placing == Placing.LINK:
        goal.symlink_to(source.absolute())
        return
    unfinished = goal.with_name(f".{goal.name}.part")
    shutil.copy2(source, unfinished)
    unfinished.replace(goal)
