"""`manage.py verify` on few trials: the figures' shape, and truths that hold on few already."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ml.bench import verify, verify_intervals

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
    figures = figures_of(capsys, "intervals", "--trials=160", "--seed=3")

    assert figures["coverage"] > 0.88
    assert figures["coverage_with_errors"] > 0.88
    assert figures["other_coverage"]["per_class_pooled"] > 0.92
    assert figures["other_coverage"]["errors_never_checked"] < figures["coverage_with_errors"]
    assert 0 < figures["half_width_p80"] < 0.3
    assert figures["settings"]["trials"] == 160
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
    assert figures["creep_ok_with_leash"] > figures["creep_ok"]
