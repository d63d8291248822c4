"""`manage.py verify NAME`: do the figures that the product shows deserve belief?"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress, TaskID

from ml.bench import (
    report,
    verify,
    verify_forecast,
    verify_gate,
    verify_intervals,
    verify_label_errors,
    verify_new_class,
    verify_practice,
)
from ml.errors import MlError

CHECKS: dict[str, Any] = {
    "intervals": verify_intervals,
    "gate": verify_gate,
    "forecast": verify_forecast,
    "label_errors": verify_label_errors,
    "new_class": verify_new_class,
    "practice": verify_practice,
}
TRIALS = {
    "intervals": 2000,
    "gate": 2000,
    "forecast": 20,
    "label_errors": 20,
    "new_class": 86,
    "practice": 10,
}
ON_PHOTOGRAPHS = frozenset({"forecast", "label_errors", "new_class", "practice"})


class Command(BaseCommand):
    """Simulate streams whose truth is known; nothing of yours is read or touched."""

    help = "Check intervals, gate, forecast, label errors and new classes; measure what they take."
    requires_system_checks = ()  # no address and no database is needed

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the check, and how much of it."""
        parser.add_argument("name", choices=tuple(CHECKS))
        parser.add_argument("--trials", type=int, help="simulated projects or streams")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--images", type=Path, help="labeled photographs (LARDER_DEMO_IMAGES)")
        parser.add_argument("--labels", type=Path, help="its CSV; default: labels.csv inside")
        parser.add_argument("--label-column", default="coarse_label")
        parser.add_argument("--embeddings", type=Path, help="file that keeps vectors between runs")
        parser.add_argument("--json", help="file for the figures, - for standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure, show, write."""
        name = options["name"]
        trials = options["trials"] if options["trials"] is not None else TRIALS[name]
        if trials < 1:
            raise CommandError(f"--trials must be at least 1, got {trials}.")
        check, started = CHECKS[name], time.monotonic()
        with Progress(console=Console(stderr=True)) as progress:
            try:
                setup = _setup(options, trials, progress)
                figures = check.measure(setup)
            except MlError as error:
                raise CommandError(error.message) from None
        parameters = {"name": name, "trials": trials, "seed": setup.seed, **check.parameters}
        if name in ON_PHOTOGRAPHS and setup.images is not None:
            parameters |= {"images": setup.images.name, "label_column": setup.label_column}
        payload = report.envelope(seconds=time.monotonic() - started, parameters=parameters)
        drawn = verify.table(name, check.targets(figures), figures)
        Console(stderr=options["json"] == "-").print(drawn)
        report.write_json(payload | figures, options["json"])


def _setup(options: dict[str, Any], trials: int, progress: Progress) -> verify.Setup:
    bars: dict[str, TaskID] = {}

    def say(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            bars[stage] = progress.add_task(stage)
        progress.update(bars[stage], completed=done, total=total)

    images, labels = options["images"], options["labels"]
    if images is None and os.environ.get("LARDER_DEMO_IMAGES"):
        images = Path(os.environ["LARDER_DEMO_IMAGES"])
    if labels is None and images is not None:
        labels = images / "labels.csv"
    return verify.Setup(
        trials=trials,
        seed=options["seed"],
        images=images,
        labels=labels,
        label_column=options["label_column"],
        embeddings=options["embeddings"],
        say=say,
    )
