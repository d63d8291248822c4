from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from labeling.services import projects
from labeling.tests.factories import NOW
from labeling.tests.rows import Label
from ml.services import serving, simulation
from ml.tests.tools.conftest import Folder
from ml.tests.tools.test_simulation import prepare

KEYS = {
    "commit", "machine", "seconds", "settings", "n", "accuracy", "interval", "macro", "top5",
    "ece", "per_class", "confusion", "model_version",
}  # fmt: skip


@pytest.fixture
def trained(labeled_folder: Folder, tmp_path: Path, tiny_backbone: None, db: None) -> Path:
    """A project that has learned three colours, and a folder it has never seen."""
    serving.forget()
    (tmp_path / "work").mkdir()
    prepare(labeled_folder(), tmp_path / "work")
    simulation.play(
        folder=tmp_path / "work", strategy="random", seed=0, budget=30, batch=15, now=NOW
    )
    return labeled_folder("unseen", a_label=9, seed=7)


def as_options(given: dict[str, str]) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]


def evaluate(folder: Path, **changed: str) -> dict[str, Any]:
    given = {
        "project": simulation.SLUG,
        "images": str(folder),
        "labels": str(folder / "labels.csv"),
        "label_column": "label",
        "json": "-",
        **changed,
    }
    written = io.StringIO()
    with redirect_stdout(written):
        call_command("evaluate", *as_options(given))
    figures: dict[str, Any] = json.loads(written.getvalue() if given["json"] == "-" else "{}")
    return figures


def test_measures_the_champion_on_pictures_it_has_never_seen(trained: Path) -> None:
    figures = evaluate(trained)

    assert set(figures) == KEYS
    assert figures["n"] == 27
    low, high = figures["interval"]
    assert 0.6 < low < figures["accuracy"] <= high <= 1
    counts = figures["confusion"]["counts"]
    right = sum(counts[place][place] for place in range(3))
    assert figures["accuracy"] == pytest.approx(right / 27, abs=1e-6)
    assert figures["confusion"]["labels"] == ["apple", "leek", "milk"]
    assert [figures["per_class"][code]["n"] for code in ("apple", "leek", "milk")] == [9, 9, 9]
    assert figures["top5"] == 1.0
    assert figures["model_version"]["number"] >= 1
    assert figures["settings"] == {"project": simulation.SLUG, "images": "unseen"}


def test_takes_codes_as_well_as_names(trained: Path) -> None:
    by_name = evaluate(trained)
    table = trained / "labels.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",Milk", ",milk"), encoding="utf-8")

    assert evaluate(trained)["accuracy"] == by_name["accuracy"]


def test_takes_names_as_folders_write_them(trained: Path) -> None:
    by_name = evaluate(trained)
    # Of a folder "Oat-Milk" an import makes the label "Oat Milk".
    Label.objects.filter(code="milk").update(name="Oat Milk")
    table = trained / "labels.csv"
    rows = table.read_text(encoding="utf-8")
    table.write_text(rows.replace(",Milk", ",Oat-Milk", 5).replace(",Milk", ",oat_milk"), "utf-8")

    assert evaluate(trained)["accuracy"] == by_name["accuracy"]


def test_writes_its_figures_to_a_file(trained: Path, tmp_path: Path) -> None:
    evaluate(trained, json=str(tmp_path / "out.json"))

    assert set(json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))) == KEYS


def test_a_label_the_classifier_does_not_know_stops_it(trained: Path) -> None:
    table = trained / "labels.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",Milk", ",Tea"), encoding="utf-8")

    with pytest.raises(CommandError, match="does not know 1 of the labels: Tea"):
        evaluate(trained)


def test_a_picture_that_cannot_be_read_stops_it(trained: Path) -> None:
    (trained / "Milk-3.png").write_bytes(b"no picture")

    with pytest.raises(CommandError, match=r"Milk-3\.png"):
        evaluate(trained)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"project": "nowhere"}, "no project 'nowhere'"),
        ({"images": "/does/not/exist"}, "no such folder"),
        ({"labels": "/does/not/exist.csv"}, "no such file"),
        ({"label_column": "taste"}, "no column 'taste'"),
    ],
)
def test_says_what_it_lacks(trained: Path, changed: dict[str, str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        evaluate(trained, **changed)


def test_without_a_champion_there_is_nothing_to_measure(labeled_folder: Folder, db: None) -> None:
    projects.create_project(name="Empty", classes=["Apple", "Leek", "Milk"], now=NOW)

    with pytest.raises(CommandError, match="no classifier"):
        evaluate(labeled_folder(), project="empty")
