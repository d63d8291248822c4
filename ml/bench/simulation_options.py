"""What `manage.py simulate` was asked to play, checked before anything is stored."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from ml.acquisition import ACQUISITION_FUNCTIONS, current_name
from ml.heads.registry import DEFAULT as DEFAULT_HEAD
from ml.heads.registry import HEADS
from ml.services import simulation
from ml.simulation.conditions import Conditions

CONDITIONS = ("crowd", "error_rate", "imbalance", "folds", "lending")


def runs(options: dict[str, Any]) -> list[str]:
    """Name every run, strategy:seed:fold, and first of all whether they can be played."""
    played = [
        strategy if head == DEFAULT_HEAD else f"{strategy}@{head}"
        for strategy in strategies(options)
        for head in heads(options)
    ]
    if options["rounds"] == "pure":
        played.append(simulation.ALL_LABELS)
    asked = folds(options)
    for fold in asked:
        conditions(options, fold)
    return [
        f"{strategy}:{seed}:{fold}"
        for fold in asked
        for seed in range(options["seeds"])
        for strategy in played
    ]


def folds(options: dict[str, Any]) -> list[int]:
    """Give the folds asked for."""
    if options["fold"] == "all":
        return list(range(max(options["folds"], 1)))
    try:
        return [int(part) for part in options["fold"].split(",")]
    except ValueError:
        raise CommandError(f"--fold {options['fold']!r}: give numbers, with commas.") from None


def conditions(options: dict[str, Any], fold: int) -> Conditions:
    """Give the conditions of one fold."""
    given = {name: options[name] for name in CONDITIONS}
    found = Conditions(**given, fold=fold).check()
    if found.lending_cosine is not None and options["rounds"] != "pure":
        raise CommandError(
            f"--lending {found.lending}: the services lend at the cosine that labels allow; say "
            "--lending on, or add --rounds pure for a fixed one."
        )
    return found


def budget(options: dict[str, Any], strategy: str) -> int:
    """Give how many labels a strategy spends."""
    longer = options["random_budget"] if strategy.partition("@")[0] == "random" else None
    return int(longer or options["budget"])


def strategies(options: dict[str, Any]) -> list[str]:
    """Give the acquisition functions asked for."""
    asked = [name.strip() for name in options["strategies"].split(",")]
    names = [current_name(name) for name in asked if name]
    if names == ["all"]:
        names = list(ACQUISITION_FUNCTIONS)
    unknown = sorted(set(names) - set(ACQUISITION_FUNCTIONS))
    if unknown or not names:
        raise CommandError(
            f"--strategies {options['strategies']!r}: unknown {', '.join(unknown)}; "
            f"there are {', '.join(sorted(ACQUISITION_FUNCTIONS))}."
        )
    if options["batch"] < 1 or options["budget"] < options["batch"] or options["seeds"] < 1:
        raise CommandError("--batch and --seeds must be at least 1, --budget at least --batch.")
    if options["random_budget"] is not None and options["random_budget"] < options["budget"]:
        raise CommandError("--random-budget must be at least --budget.")
    return names


def heads(options: dict[str, Any]) -> list[str]:
    """Give the heads that are measured."""
    names = [name.strip() for name in options["heads"].split(",") if name.strip()]
    unknown = sorted(set(names) - set(HEADS))
    if unknown or not names:
        raise CommandError(
            f"--heads {options['heads']!r}: unknown {', '.join(unknown)}; "
            f"there are {', '.join(HEADS)}."
        )
    if names != [DEFAULT_HEAD] and options["rounds"] != "pure":
        raise CommandError("--heads: the services serve the default; add --rounds pure.")
    return names
