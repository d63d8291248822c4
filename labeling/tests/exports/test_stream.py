from __future__ import annotations

import csv
import io
import json
import tracemalloc
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from labeling.models import Image, Project
from labeling.selectors import exports as rows
from labeling.services import exports
from labeling.services.export_files import _value
from labeling.tests import factories, worlds
from labeling.tests.exports.conftest import World


def lines(project: Project, table: str, file_format: str) -> str:
    return "".join(exports.stream(project_id=project.pk, table=table, file_format=file_format))


@pytest.mark.parametrize(
    "text", ["=1+1", "+4", "-3", "@sum", "\tx", "\rx", "\nx", "'quoted", "\uff1d1", "plain", "a=b"]
)
def test_no_cell_runs_as_a_formula_and_each_reads_back(text: str) -> None:
    cell = exports._cell(text)

    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))
    assert _value("original_name", cell) == text


def test_csv_quotes_names_that_would_run_as_formulas(world: World) -> None:
    labels = list(csv.DictReader(io.StringIO(lines(world.project, "labels", "csv"))))
    answers = list(csv.DictReader(io.StringIO(lines(world.project, "answers", "csv"))))

    assert labels[0]["original_name"].startswith("'=cmd")
    assert labels[0]["source"] == "'@shop"
    assert "'=Ada" in {row["annotator_name"] for row in answers}


def test_csv_and_json_lines_say_the_same(world: World) -> None:
    for table in exports.TABLES:
        cells = list(csv.DictReader(io.StringIO(lines(world.project, table, "csv"))))
        records = [json.loads(line) for line in lines(world.project, table, "jsonl").splitlines()]
        read = [{column: _value(column, cell) for column, cell in row.items()} for row in cells]
        assert read == records


def test_probabilities_come_with_their_label_codes_and_sum_to_one(world: World) -> None:
    records = [json.loads(line) for line in lines(world.project, "labels", "jsonl").splitlines()]

    resolved = next(row for row in records if row["state"] == "RESOLVED")
    assert max(resolved["probabilities"], key=resolved["probabilities"].get) == resolved["label"]
    assert sum(resolved["probabilities"].values()) == pytest.approx(1.0, abs=1e-5)


def test_what_comes_while_an_export_is_written_stays_out_of_every_table(project: Project) -> None:
    factories.make_images(project, 2)
    upto = rows.bounds(project.pk)
    late = factories.make_image(project)

    found = list(rows.image_rows(project.pk, upto))

    assert str(late.public_id) not in {row["image"] for row in found}
    assert len(found) == 2


def test_memory_does_not_grow_with_the_number_of_images(db: None) -> None:
    project = worlds.make_project()
    peaks: dict[str, list[int]] = {file_format: [] for file_format in exports.FORMATS}
    for _ in range(2):
        worlds.make_images(project, 3 * rows.CHUNK)
        for file_format, of_format in peaks.items():
            tracemalloc.start()
            for _ in exports.stream(project_id=project.pk, table="labels", file_format=file_format):
                pass
            of_format.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

    assert Image.objects.count() == 6 * rows.CHUNK
    for few, many in peaks.values():
        assert many < 1.3 * few


@pytest.mark.parametrize(("table", "file_format"), [("people", "csv"), ("labels", "xlsx")])
def test_an_unknown_export_is_refused_before_the_first_line(
    project: Project, table: str, file_format: str
) -> None:
    with pytest.raises(exports.UnknownExportError, match="There is no export"):
        exports.stream(project_id=project.pk, table=table, file_format=file_format)


def test_the_command_writes_a_file_a_table_and_counts_their_rows(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("export", "--project", world.project.slug, "--out", str(tmp_path / "out"))

    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"project.json", *(f"{table}.jsonl" for table in exports.TABLES)}
    assert "12 images and" in capsys.readouterr().out


def test_the_command_says_where_it_cannot_write(project: Project, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")

    with pytest.raises(CommandError, match="cannot write there"):
        call_command("export", "--project", project.slug, "--out", str(blocked))


def test_the_command_names_a_project_that_is_not_there(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nowhere"):
        call_command("export", "--project", "nowhere", "--out", str(tmp_path / "out"))
