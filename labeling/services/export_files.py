"""Reading the files of an export back: JSON Lines or CSV, row by row, in the types of the first."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labeling.errors import LabelingError
from labeling.selectors.export_record import FORMAT, READABLE, SETTINGS
from labeling.selectors.exports import ADJUDICATION_FIELDS, ANSWER_FIELDS, GOLD_FIELDS, IMAGE_FIELDS
from labeling.services.exports import FORMULA_STARTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTS = ("schemes", "labels", "mappings", "annotators")
FIELDS = {
    "labels": IMAGE_FIELDS,
    "answers": ANSWER_FIELDS,
    "gold": GOLD_FIELDS,
    "adjudications": ADJUDICATION_FIELDS,
}
SINCE_VERSION_2 = ("gold", "adjudications")
LONGEST_CELL = 10_000_000


def _is_true(cell: str) -> bool:
    return cell == "true"


# How a CSV cell becomes the value that JSON Lines would have held.
READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("labels", "probabilities", "shown"), json.loads),
    **dict.fromkeys(("is_measured", "is_expert"), _is_true),
    **dict.fromkeys(("width", "height", "perceptual_hash", "split_group"), int),
    **dict.fromkeys(("scheme_version", "n_votes", "serve_number", "time_spent_ms"), int),
    **dict.fromkeys(("inclusion_probability", "group_inclusion_probability"), float),
    **dict.fromkeys(("group_order_weight", "group_reached"), float),
    **dict.fromkeys(("group_draw_order", "effective_votes", "selection_probability"), float),
    "probability": float,
}
# An empty cell of these is an empty text; of all others it is nothing.
TEXTS = frozenset({
    "original_name", "source", "licence", "capture_session", "annotator_name", "flag_reason",
    "request_hash", "note",
})  # fmt: skip


class NotAnExportError(LabelingError):
    """The folder holds no complete export."""

    code = "not_an_export"


def read_record(folder: Path) -> dict[str, Any]:
    """Read `project.json`.

    Raises:
        NotAnExportError: it is missing, broken, of another version, or names unknown settings.
    """
    head = folder / "project.json"
    if not head.is_file():
        raise NotAnExportError(f"{folder}: no project.json there; give a folder written by export.")
    try:
        record: dict[str, Any] = json.loads(head.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotAnExportError(f"{head}: not JSON ({error}).") from None
    is_ours = isinstance(record, dict) and record.get("format") == FORMAT
    if not is_ours or record.get("format_version") not in READABLE:
        known = " or ".join(str(version) for version in READABLE)
        raise NotAnExportError(f"{head}: expected a {FORMAT} of version {known}.")
    missing = [part for part in ("settings", *PARTS) if part not in record]
    unknown = sorted(set(record.get("settings", {})) - set(SETTINGS))
    if missing or unknown:
        raise NotAnExportError(
            f"{head}: missing {', '.join(missing) or 'nothing'}, "
            f"unknown settings {', '.join(unknown) or 'none'}."
        )
    return record


def read_table(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table, whichever of the two formats is there.

    Raises:
        NotAnExportError: neither file is there, or a row of it is not one of ours.
    """
    for number, row in enumerate(_rows(folder, table), start=1):
        if set(FIELDS[table]) - set(row):
            lacks = ", ".join(sorted(set(FIELDS[table]) - set(row)))
            raise NotAnExportError(f"{folder}, {table}, row {number}: no {lacks}.")
        yield row


def tables(record: dict[str, Any]) -> tuple[str, ...]:
    """Name the tables that go with a `project.json`."""
    is_first = record["format_version"] == 1
    return tuple(table for table in FIELDS if not (is_first and table in SINCE_VERSION_2))


def _rows(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    lines, cells = folder / f"{table}.jsonl", folder / f"{table}.csv"
    if lines.is_file():
        return _json_rows(lines)
    if cells.is_file():
        return _csv_rows(cells)
    raise NotAnExportError(f"{folder}: neither {table}.jsonl nor {table}.csv is there.")


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise NotAnExportError(f"{path}, line {number}: not JSON ({error}).") from None


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(LONGEST_CELL)
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file, restval=""), start=2):
            try:
                yield {column: _value(column, cell) for column, cell in row.items()}
            except ValueError as error:
                raise NotAnExportError(f"{path}, row {number}: {error}.") from None


def _value(column: str, cell: str) -> Any:
    if cell == "":
        return "" if column in TEXTS else None
    if column in READERS:
        return READERS[column](cell)
    return cell.removeprefix("'") if cell[1:].startswith(FORMULA_STARTS) else cell
