"""Acquisition functions side by side, ours and others', on sets that come with the code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ml.bench import verify_sets
from ml.bench.choices import Game
from ml.simulation import peers


def test_the_default_is_no_worse_than_margin_on_handwritten_digits(tmp_path: Path) -> None:
    found = tmp_path / "figures.json"

    call_command(
        "compare_choices",
        "--sets=digits", "--strategies=uherding,margin", "--budget=60", "--seeds=1", "--jobs=1",
        f"--json={found}",
    )  # fmt: skip

    digits = json.loads(found.read_text())["sets"]["digits"]
    assert digits["uherding"]["labels"] == [20, 40, 60]
    assert digits["margin"]["behind"]["mean"] <= 0
    assert digits["uherding"]["accuracy_mean"][-1] > 0.8


@pytest.mark.parametrize("given", ["--strategies=voodoo", "--sets=cats"])
def test_a_name_that_nobody_has_is_refused_with_those_there_are(given: str) -> None:
    with pytest.raises(CommandError, match="there are"):
        call_command("compare_choices", given)


def test_a_library_that_is_missing_is_named_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "skactiveml.pool", None)

    with pytest.raises(peers.PeersMissingError, match="make peers"):
        _game(peers.NAMES[0]).play(verify_sets.digits())


def test_every_strategy_of_the_library_plays_with_our_head() -> None:
    pytest.importorskip("skactiveml", reason="needs requirements-peers.txt: run `make peers`")
    digits = verify_sets.digits()

    played = {name: _game(name).play(digits) for name in peers.NAMES}

    assert {tuple(each["labels"]) for each in played.values()} == {(10, 20, 30, 40)}
    assert min(each["accuracy"][-1] for each in played.values()) > 0.3


def _game(name: str) -> Game:
    return Game(name, fold=0, folds=5, budget=40, batch=10, seed=0)
