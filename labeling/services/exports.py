"""Writing an export: streams of text for a download, or a folder that another Larder can read."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from labeling.errors import LabelingError
from labeling.selectors import export_record
from labeling.selectors import exports as rows
from labeling.services import agreement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FORMATS = ("csv", "jsonl")
TABLES = {
    "labels": (rows.IMAGE_FIELDS, rows.image_rows),
    "answers": (rows.ANSWER_FIELDS, rows.answer_rows),
    "gold": (rows.GOLD_FIELDS, rows.gold_rows),
    "adjudications": (rows.ADJUDICATION_FIELDS, rows.adjudication_rows),
}
# A spreadsheet runs a cell that begins with one of these. The quote is taken off on import.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class UnknownExportError(LabelingError):
    """There is no such table or format."""

    code = "unknown_export"


def stream(
    *, project_id: int, table: str, file_format: str, upto: rows.Bounds | None = None
) -> Iterator[str]:
    """Yield an export's text, line by line, in constant memory.

    Args:
        project_id: whose.
        table: "labels" (a row an image), "answers" (a row an answer), "gold" (a row a reference)
            or "adjudications" (a row a question put to the experts).
        file_format: "csv" or "jsonl".
        upto: the newest rows to take, where several tables must agree.

    Raises:
        UnknownExportError: raised at once, not on the first line, so that a download can still
            answer with an error instead of breaking off.
    """
    if table not in TABLES or file_format not in FORMATS:
        raise UnknownExportError(
            f"There is no export {table!r} as {file_format!r}. "
            f"Tables: {', '.join(TABLES)}; formats: {', '.join(FORMATS)}.",
            table=table,
            format=file_format,
        )
    fields, source = TABLES[table]
    records = source(project_id, upto)
    return _csv_lines(fields, records) if file_format == "csv" else _json_lines(records)


def write_folder(*, project_id: int, folder: Path, file_format: str) -> dict[str, int]:
    """Write `project.json` and a file for each of `TABLES`; give the number of rows of each.

    `quality` in `project.json` says what the labels are worth: the error to be expected of them,
    and how far people agreed. Files appear under their names only when complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = export_record.project_record(project_id) | {"quality": agreement.quality(project_id)}
    (folder / "project.json").write_text(
        json.dumps(record, indent=2, default=str), encoding="utf-8"
    )
    counts = {}
    upto = rows.bounds(project_id)
    for table in TABLES:
        partial = folder / f"{table}.{file_format}.part"
        lines = 0
        with partial.open("w", encoding="utf-8", newline="") as file:
            for text in stream(
                project_id=project_id, table=table, file_format=file_format, upto=upto
            ):
                file.write(text)
                lines += 1
        partial.replace(folder / f"{table}.{file_format}")
        counts[table] = lines - 1 if file_format == "csv" else lines
    return counts


def _json_lines(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    for record in records:
        yield json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"


def _csv_lines(fields: tuple[str, ...], records: Iterable[dict[str, Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(fields)
    yield _drain(buffer)
    for record in records:
        writer.writerow([_cell(record[field]) for field in fields])
        yield _drain(buffer)


def _drain(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return str(value)
