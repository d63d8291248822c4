"""`manage.py compare_choices`: our acquisition functions against others' on the same sets."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ml.bench import choices, report, verify
from ml.errors import MlError
from ml.simulation import peers


class Command(BaseCommand):
    """Play pure rounds on labeled vectors; nothing of yours is read or touched."""

    help = "Compare acquisition functions, also with scikit-activeml's, on several sets."
    requires_system_checks = ()  # no address and no database is needed

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the contenders, the sets and how far to go."""
        parser.add_argument("--sets", default="digits,drawings", help=", ".join(choices.SETS))
        parser.add_argument(
            "--strategies",
            default="uherding,margin,random",
            help="the first is what others are compared with; `skactiveml` names all of that "
            "library (make peers)",
        )
        parser.add_argument("--budget", type=int, default=300)
        parser.add_argument("--batch", type=int, default=20)
        parser.add_argument("--seeds", type=int, default=3)
        parser.add_argument("--folds", type=int, default=5)
        parser.add_argument("--fold", default="0", help="which folds, with commas")
        parser.add_argument("--images", type=Path, help="labeled photographs (LARDER_DEMO_IMAGES)")
        parser.add_argument("--labels", type=Path, help="its CSV; default: labels.csv inside")
        parser.add_argument("--label-column", default="fine_label")
        parser.add_argument("--embeddings", type=Path, help="file that keeps vectors between runs")
        parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
        parser.add_argument("--json", help="file for the figures, - for standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Play, show, write."""
        started = time.monotonic()
        strategies = _strategies(options["strategies"])
        sets = options["sets"].split(",")
        figures: dict[str, Any] = {}
        with Progress(console=Console(stderr=True)) as progress:
            try:
                choices.check(strategies, sets)
                for name in sets:
                    figures[name] = self._play(name, strategies, options, progress)
            except (MlError, verify.CannotMeasureError) as error:
                raise CommandError(error.message) from None
        names = ("strategies", "budget", "batch", "seeds", "folds", "fold", "label_column")
        parameters = {key: options[key] for key in names}
        payload = report.envelope(seconds=time.monotonic() - started, parameters=parameters)
        for name, summary in figures.items():
            Console(stderr=options["json"] == "-").print(_drawn(name, summary))
        report.write_json(payload | {"sets": figures}, options["json"])

    def _play(
        self, name: str, strategies: list[str], options: dict[str, Any], progress: Progress
    ) -> dict[str, Any]:
        bar = progress.add_task(name, total=None)

        def say(_: str, done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total)

        images = options["images"] or _named("LARDER_DEMO_IMAGES")
        labels = options["labels"] or (images / "labels.csv" if images else None)
        setup = verify.Setup(
            trials=1, seed=0, images=images, labels=labels, label_column=options["label_column"],
            embeddings=options["embeddings"], say=say,
        )  # fmt: skip
        games = [
            choices.Game(
                strategy, int(fold), options["folds"], options["budget"], options["batch"], seed
            )
            for strategy in strategies
            for fold in options["fold"].split(",")
            for seed in range(options["seeds"])
        ]
        given = choices.SETS[name](setup)
        return choices.measure(
            given, games, jobs=options["jobs"], say=lambda done, total: say("", done, total)
        )


def _strategies(given: str) -> list[str]:
    names: list[str] = []
    for name in given.split(","):
        names += peers.NAMES if name == peers.PREFIX.rstrip(":") else [name]
    return names


def _named(variable: str) -> Path | None:
    return Path(os.environ[variable]) if os.environ.get(variable) else None


def _drawn(name: str, summary: dict[str, Any]) -> Table:
    first = next(iter(summary.values()))
    half = len(first["labels"]) // 2
    drawn = Table(title=f"accuracy on {name}")
    for column in ("function", f"at {first['labels'][half]}", f"at {first['labels'][-1]}"):
        drawn.add_column(column)
    drawn.add_column("area")
    drawn.add_column("against the first")
    for strategy, figures in summary.items():
        accuracy, behind = figures["accuracy_mean"], figures["behind"]
        drawn.add_row(
            strategy,
            f"{accuracy[half]:.3f}",
            f"{accuracy[-1]:.3f}",
            f"{figures['area_mean']:.3f}",
            f"{behind['mean']:+.3f} ± {behind['standard_error']:.3f}",
        )
    return drawn
