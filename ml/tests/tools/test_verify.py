"""`manage.py verify` on few trials: the figures' shape, and truths that hold on few already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ml.bench import verify, verify_forecast, verify_intervals, verify_practice, verify_sets
from ml.heads import ridge
from ml.tests.tools.conftest import Folder

ENVELOPE = {"commit", "machine", "seconds", "settings"}


def figures_of(capsys: pytest.CaptureFixture[str], *given: str) -> dict[str, Any]:
    call_command("verify", *given, "--json=-")
    figures: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert set(figures) > ENVELOPE
    return figures


def test_refuses_fewer_than_one_trial() -> None:
    with pytest.raises(CommandError, match="at least 1, got 0"):
        call_command("verify", "intervals", "--trials=0")


def test_intervals_hold_the_truth(capsys: pytest.CaptureFixture[str]) -> None:
    figures = figures_of(capsys, "intervals", "--trials=96", "--seed=3")

    assert figures["coverage"] > 0.88
    assert figures["coverage_with_errors"] > 0.88
    assert figures["other_coverage"]["per_class_pooled"] > 0.92
    assert figures["other_coverage"]["errors_never_checked"] < figures["coverage_with_errors"]
    assert 0 < figures["half_width_p80"] < figures["half_width_p80_without_labeled"] < 0.3
    assert min(each["coverage"] for each in figures["worlds"].values()) > 0.91
    assert figures["settings"]["trials"] == 96
    assert sum(each["labels"] for each in figures["per_class_by_n"]["per_class_raw"].values()) > 0


def test_one_seed_gives_one_figure(capsys: pytest.CaptureFixture[str]) -> None:
    once = figures_of(capsys, "intervals", "--trials=16")
    again = figures_of(capsys, "intervals", "--trials=16")

    assert once["per_class_by_n"] == again["per_class_by_n"]


def test_a_missed_promise_is_named_as_missed() -> None:
    figures = {"coverage": 0.95, "coverage_with_errors": 0.91, "half_width_p80": 0.2}

    assert [each.is_met for each in verify_intervals.targets(figures)] == [True, False, False]
    drawn = verify.table("intervals", verify_intervals.targets(figures), figures)
    assert list(drawn.columns[3].cells) == ["met", "NOT MET", "NOT MET"]


@pytest.mark.slow
def test_the_gate_proves_what_is_better_and_holds_what_creeps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    figures = figures_of(capsys, "gate", "--trials=12")

    assert figures["false_promotion"] <= 0.25
    assert figures["power"]["4000"] > 0.9
    assert figures["power"]["400"] <= figures["power"]["1000"] <= figures["power"]["4000"]
    creep = figures["creep"]
    assert creep["monitor"]["equal"]["ok_in_the_end"] == 1.0
    assert creep["leash"]["fast_creep"]["lowest_gap"] > creep["monitor"]["fast_creep"]["lowest_gap"]
    assert figures["creep_ok"] > figures["creep_ok_without_leash"]
    assert figures["floor_holds_a_fallen_label"] > 0.5 > figures["floor_holds_an_equal_head"]


def test_a_world_with_too_little_coverage_is_named_as_missed() -> None:
    worlds = {"useless": {"coverage": 0.91}, "reversed": {"coverage": 0.95}}
    figures = {
        "coverage": 0.95,
        "coverage_with_errors": 0.95,
        "half_width_p80": 0.09,
        "worlds": worlds,
    }

    assert [each.is_met for each in verify_intervals.targets(figures)] == [*[True] * 3, False, True]


def test_labeled_images_tell_what_was_planted() -> None:
    """Where every label is as hard as any other, nothing scatters and little is shifted."""
    rng = np.random.default_rng(1)
    drawn = verify_sets.drawings(rng)
    share = verify_practice.compare(drawn, np.arange(0, 900), np.arange(900, 1600), rng=rng)

    assert share["groups_a_label"] == pytest.approx(900 / drawn.k)
    assert abs(share["shift"]) < 0.4
    assert share["by_scatter"].argmax() <= 3
    assert abs(share["accuracy"] - share["out_of_group"]) < 0.06
    told, alone = share["with_labeled"], share["without"]
    assert told["labels"] == alone["labels"] == drawn.k
    assert told["half_width_p80"] < alone["half_width_p80"]
    assert told["inside"] >= drawn.k - 2


def test_photographs_are_asked_for_where_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LARDER_DEMO_IMAGES", raising=False)

    with pytest.raises(CommandError, match="--images DIR"):
        call_command("verify", "label_errors", "--trials=1")


@pytest.mark.usefixtures("tiny_backbone")
def test_planted_label_errors_are_found_and_vectors_are_kept(
    labeled_folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "vectors.npz"
    given = (
        "--trials=2", f"--images={labeled_folder(a_label=40)}", f"--embeddings={kept}",
        "--label-column=label",
    )  # fmt: skip

    figures = figures_of(capsys, "label_errors", *given)
    again = figures_of(capsys, "label_errors", *given)

    assert kept.is_file()
    assert figures["recall_at_10pct"] == again["recall_at_10pct"] > 0.5
    assert figures["settings"]["planted"] == 0.05


@pytest.mark.usefixtures("tiny_backbone")
def test_vectors_of_other_pictures_are_refused(labeled_folder: Folder, tmp_path: Path) -> None:
    kept, more = tmp_path / "vectors.npz", ("--trials=1", "--label-column=label")
    call_command(
        "verify", "new_class", f"--images={labeled_folder()}", f"--embeddings={kept}", *more
    )

    with pytest.raises(CommandError, match="other pictures"):
        call_command(
            "verify", "new_class", f"--images={labeled_folder('others', a_label=9)}",
            f"--embeddings={kept}", *more,
        )  # fmt: skip


@pytest.mark.usefixtures("tiny_backbone")
def test_a_held_out_label_is_proposed(
    labeled_folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = labeled_folder(a_label=30, spread=12)

    figures = figures_of(
        capsys, "new_class", "--trials=3", f"--images={folder}", "--label-column=label"
    )

    assert figures["within_60"] == 1.0
    assert 5 <= figures["median"] <= figures["answers_to_proposal"] <= 30


def test_a_forecast_on_digits_is_judged_by_what_happens_later() -> None:
    plays = verify_forecast.play(verify_sets.digits(), np.random.default_rng(0))

    assert len(plays) == len(verify_forecast.ASKED)
    summary = verify_forecast.summary(plays)
    assert summary["asked"] == 3
    assert summary["answered"] + sum(summary["refused"].values()) == 3


def test_drawings_can_be_told_apart_but_not_at_once() -> None:
    drawn = verify_sets.drawings(np.random.default_rng(0))
    rng = np.random.default_rng(1)

    few, many = (
        np.mean(
            ridge.scores(
                ridge.fit_ridge(drawn.rows(rng.permutation(1000)[:n])).head,
                drawn.embeddings[1000:],
            ).argmax(axis=1)
            == drawn.labels[1000:]
        )
        for n in (40, 800)
    )

    assert few + 0.1 < many < 0.99
