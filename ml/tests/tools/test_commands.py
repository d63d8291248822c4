"""The commands as scripts call them: errors, and the JSON that is a promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ml.bench import report, simulation_report
from ml.tests.tools.conftest import Folder

ENVELOPE = {"commit", "machine", "seconds", "settings"}


def options(folder: Path, *more: str) -> list[str]:
    return [
        f"--images={folder}", f"--labels={folder / 'labels.csv'}", "--label-column=label", *more
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_backbone")
def test_simulate_writes_curves_a_table_and_a_plot(
    labeled_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    given = ("--strategies=random,margin", "--budget=20", "--batch=10", "--seeds=2")

    call_command("simulate", *options(labeled_folder(), *given, f"--out={out}", "--json=-"))

    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == {*ENVELOPE, "strategies"}
    assert figures["settings"] == {
        "label_column": "label", "batch": 10, "budget": 20, "seeds": 2,
        "images": "pictures", "strategies": ["random", "margin"],
    }  # fmt: skip
    for curve in figures["strategies"].values():
        assert curve["labels"] == curve["answers"] == [10, 20]
        assert [len(run) for run in curve["runs"]] == [2, 2]
        assert len(curve["accuracy_mean"]) == len(curve["accuracy_std"]) == 2
    assert json.loads((out / "simulation.json").read_text(encoding="utf-8")) == figures
    assert (out / "simulation.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert str(tmp_path) not in (out / "simulation.json").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_backbone")
def test_pure_rounds_are_resumed_and_say_what_all_labels_give(
    labeled_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = labeled_folder(a_label=20), tmp_path / "out"
    given = (
        "--strategies=random,uherding", "--budget=20", "--random-budget=30", "--batch=10",
        "--seeds=1", "--rounds=pure", "--folds=3", "--fold=0,2", "--crowd=noisy", f"--out={out}",
    )  # fmt: skip

    call_command("simulate", *options(folder, *given, "--json=-"))

    figures = json.loads(capsys.readouterr().out)
    assert figures["settings"] == {
        "label_column": "label", "batch": 10, "budget": 20, "seeds": 1, "images": "pictures",
        "strategies": ["random", "uherding"], "rounds": "pure", "random_budget": 30,
        "crowd": "noisy", "error_rate": 0.1, "folds": 3, "fold": [0, 2],
    }  # fmt: skip
    assert figures["strategies"]["random"]["labels"] == [10, 20, 30]
    assert figures["strategies"]["uherding"]["labels"] == [10, 20]
    assert len(figures["all_labels"]["runs"]) == len(figures["strategies"]["random"]["runs"]) == 2
    text = (out / "simulation.md").read_text(encoding="utf-8")
    assert "99 % of all labels" in text
    assert "random at 30" in text

    kept = out / ".runs" / "uherding-0-2.json"
    told = json.loads(kept.read_text(encoding="utf-8"))
    told["play"]["accuracy"] = [0.125, 0.25]
    kept.write_text(json.dumps(told), encoding="utf-8")
    (out / ".runs" / "random-0-0.json").unlink()
    template = out / ".runs" / "template" / "simulation.sqlite3"
    made = template.stat().st_mtime_ns
    call_command("simulate", *options(folder, *given, "--json=-"))

    again = json.loads(capsys.readouterr().out)["strategies"]
    assert again["uherding"]["runs"][1] == [0.125, 0.25]  # read, not played
    assert again["random"] == figures["strategies"]["random"]  # played again, and the same
    assert template.stat().st_mtime_ns == made  # nothing was embedded again


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--strategies=guess", "unknown guess"),
        ("--folds=3 --fold=3", "no fold 3 of 3"),
        ("--folds=3 --fold=x", "give numbers"),
        ("--error-rate=2", "error rate is 2.0"),
        ("--imbalance=0.5", "imbalance is 0.5"),
        ("--random-budget=100", "random-budget must be"),
        ("--strategies=", "unknown"),
        ("--batch=0", "must be at least 1"),
        ("--budget=5", "--budget at least --batch"),
    ],
)
def test_simulate_refuses_what_cannot_be_played(
    labeled_folder: Folder, given: str, said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("simulate", *options(labeled_folder(), *given.split()))


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_backbone")
def test_simulate_says_when_the_pool_ends_before_the_budget(labeled_folder: Folder) -> None:
    given = ("--strategies=random", "--budget=100", "--batch=20", "--seeds=1")

    with pytest.raises(CommandError, match="ended before the budget"):
        call_command("simulate", *options(labeled_folder(a_label=8), *given))


def test_bench_asks_for_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LARDER_DEMO_IMAGES", raising=False)

    with pytest.raises(CommandError, match="Name a folder of pictures"):
        call_command("bench", "embed")


def test_bench_ends_with_an_error_where_it_could_not_measure(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="could not measure"):
        call_command("bench", "embed", f"--images={tmp_path}")


def test_every_measurement_names_commit_machine_seconds_and_settings() -> None:
    envelope = report.envelope(seconds=1.23456, parameters={"batch": 5})

    assert set(envelope) == ENVELOPE
    assert envelope["seconds"] == 1.235
    assert envelope["settings"] == {"batch": 5}
    assert envelope["machine"]["cores"] >= 1
    assert len(envelope["commit"].rstrip("+")) == 40


def test_summary_has_mean_and_spread_over_seeds() -> None:
    plays = [
        {"strategy": "margin", "seed": seed, "labels": [5, 10], "answers": [5, 10], "accuracy": row}
        for seed, row in ((1, [0.4, 0.9]), (0, [0.2, 0.7]))
    ]

    summary = simulation_report.summarise(plays)

    assert summary["margin"]["accuracy_mean"] == [0.3, 0.8]
    assert summary["margin"]["accuracy_std"] == pytest.approx([0.14142, 0.14142])
    assert summary["margin"]["runs"] == [[0.2, 0.7], [0.4, 0.9]]
    assert summary["margin"]["area_mean"] == 0.55  # (0.3 + 0.8) / 2 over the whole width
    assert simulation_report.labels_needed(summary, "margin", 0.75) == 10
    assert simulation_report.labels_needed(summary, "margin", 0.95) is None


def test_areas_are_those_of_the_labels_that_all_strategies_had() -> None:
    long = {"labels": [5, 10, 30], "answers": [5, 10, 30], "accuracy": [0.2, 0.4, 1.0]}
    short = {"labels": [5, 10], "answers": [5, 10], "accuracy": [0.5, 0.5]}
    plays = [{"strategy": "random", "seed": 0, **long}, {"strategy": "margin", "seed": 0, **short}]

    summary = simulation_report.summarise(plays)

    assert summary["random"]["area_mean"] == pytest.approx(0.3)
    assert summary["margin"]["area_mean"] == 0.5
    payload = {"strategies": summary, "all_labels": {"accuracy_mean": 0.9}}
    assert simulation_report.goals(payload) == {"random at 30": 1.0, "99 % of all labels": 0.891}


def test_what_all_labels_give_is_the_mean_of_its_runs() -> None:
    plays = [{"labels": [n], "accuracy": [right]} for n, right in ((40, 0.5), (42, 0.7))]

    found = simulation_report.all_labels(plays)

    assert found["labels"] == 41
    assert found["accuracy_mean"] == 0.6
    assert found["runs"] == [0.5, 0.7]
