"""`manage.py evaluate`: how good is the champion on a labeled folder it has never seen?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from labeling.errors import LabelingError
from labeling.selectors import projects
from ml.bench import report
from ml.errors import MlError
from ml.services import evaluation
from ml.services.labeled_folder import read_labeled_folder


class Command(BaseCommand):
    """Print a table, and the figures as JSON where asked."""

    help = "Measure a project's champion on labeled pictures of your own."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the project and the pictures."""
        parser.add_argument("--project", required=True)
        parser.add_argument("--images", required=True, type=Path)
        parser.add_argument("--labels", required=True, type=Path)
        parser.add_argument("--label-column", required=True)
        parser.add_argument("--path-column", default="path")
        parser.add_argument("--json", help="file for the figures, - for standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure; exit non-zero with the reason where that is impossible."""
        started = time.monotonic()
        try:
            figures = self._measure(options)
        except (MlError, LabelingError) as error:
            raise CommandError(error.message) from None
        parameters = {"project": options["project"], "images": options["images"].name}
        payload = report.envelope(seconds=time.monotonic() - started, parameters=parameters)
        draw = _table if "ece" in figures else _table_of_sets
        Console(stderr=options["json"] == "-").print(draw(figures))
        report.write_json(payload | figures, options["json"])

    def _measure(self, options: dict[str, Any]) -> dict[str, Any]:
        project = projects.by_slug(options["project"])
        pictures = read_labeled_folder(
            images=options["images"],
            labels=options["labels"],
            label_column=options["label_column"],
            path_column=options["path_column"],
            is_several=project.mode == "MULTI",
        )
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("classifying", total=len(pictures))
            return evaluation.evaluate(
                project_id=project.pk,
                pictures=pictures,
                progress=lambda done, _: progress.update(bar, completed=done),
            )


def _table_of_sets(figures: dict[str, Any]) -> Table:
    low, high = figures["interval"]
    version = figures["model_version"]
    drawn = Table(
        title=f"Version {version['number']} ({version['evidence'].lower()}): all labels of "
        f"{figures['accuracy']:.1%} [{low:.1%}, {high:.1%}] right, of {figures['n']}",
        caption=f"mean average precision {_share(figures['mean_average_precision'])}, "
        f"F1 {_share(figures['micro_f1'])}",
    )
    drawn.add_column("label")
    for name in ("pictures of it", "average precision", "precision", "recall", "F1"):
        drawn.add_column(name, justify="right")
    for code, row in figures["per_class"].items():
        drawn.add_row(
            code,
            str(row["n"]),
            _share(row["average_precision"]),
            _share(row["precision"] and row["precision"]["share"]),
            _share(row["recall"] and row["recall"]["share"]),
            _share(row["f1"]),
        )
    return drawn


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"


def _table(figures: dict[str, Any]) -> Table:
    low, high = figures["interval"]
    version = figures["model_version"]
    drawn = Table(
        title=f"Version {version['number']} ({version['evidence'].lower()}): "
        f"{figures['accuracy']:.1%} [{low:.1%}, {high:.1%}] right of {figures['n']}",
        caption=f"macro {figures['macro']:.1%}, top 5 {figures['top5']:.1%}, "
        f"calibration error {figures['ece']:.3f}",
    )
    drawn.add_column("label")
    drawn.add_column("n", justify="right")
    drawn.add_column("accuracy", justify="right")
    drawn.add_column("interval", justify="right")
    for code, row in figures["per_class"].items():
        known = row["accuracy"] is not None
        drawn.add_row(
            code,
            str(row["n"]),
            f"{row['accuracy']:.1%}" if known else "unknown",
            f"{row['interval'][0]:.0%} to {row['interval'][1]:.0%}" if known else "",
        )
    return drawn
