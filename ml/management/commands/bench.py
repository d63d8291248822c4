"""`manage.py bench NAME`: measure the real product on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from labeling.errors import LabelingError
from ml.bench import embed, loop, report, sandbox
from ml.errors import MlError
from ml.services.labeled_folder import LabeledPicture, read_labeled_folder

MANAGE = [str(settings.BASE_DIR / "manage.py"), "bench"]
FAILURES = (
    MlError,
    LabelingError,
    loop.CannotMeasureError,
    embed.CannotMeasureError,
    sandbox.SandboxError,
)


class Command(BaseCommand):
    """Every measurement runs in a temporary folder; nothing of yours is touched."""

    help = "Measure the loop (answer to champion) or the embedding."
    requires_system_checks = ()  # the children need no addresses, and start faster

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the measurement and, where wanted, the pictures."""
        parser.add_argument("name", choices=("loop", "embed"))
        parser.add_argument("--images", type=Path, help="folder; default: LARDER_DEMO_IMAGES")
        parser.add_argument("--labels", type=Path, help="its CSV; default: labels.csv inside")
        parser.add_argument("--label-column", default="coarse_label")
        parser.add_argument("--count", type=int, default=2640, help="how many images to use")
        parser.add_argument("--labeled", type=int, default=400, help="loop: resolved before")
        parser.add_argument("--answers", type=int, default=30, help="loop: timed in each phase")
        parser.add_argument("--json", help="file for the figures, - for standard output")
        parser.add_argument("--work", type=Path, help="(child) the temporary folder")

    def handle(self, *args: Any, **options: Any) -> None:
        """Be the parent that makes a folder, or the child that measures inside it."""
        if options["work"] is None:
            self._parent(options)
            return
        started = time.monotonic()
        try:
            figures = self._measure(options)
        except FAILURES as error:
            raise CommandError(str(error)) from None
        parameters = _settings(options)
        payload = report.envelope(seconds=time.monotonic() - started, parameters=parameters)
        Console(stderr=True).print(_table(options["name"], figures))
        report.write_json(payload | figures, options["json"])

    def _parent(self, options: dict[str, Any]) -> None:
        images = options["images"] or os.environ.get("LARDER_DEMO_IMAGES")
        if not images:
            raise CommandError("Name a folder of pictures: --images DIR, or LARDER_DEMO_IMAGES.")
        labels = options["labels"] or Path(images) / "labels.csv"
        arguments = ["--images", str(images), "--labels", str(labels)]
        for key in ("label_column", "count", "labeled", "answers"):
            arguments += [f"--{key.replace('_', '-')}", str(options[key])]
        if options["json"]:
            target = options["json"]
            arguments += ["--json", target if target == "-" else str(Path(target).absolute())]
        with sandbox.folder() as work:
            child = subprocess.run(
                [sys.executable, *MANAGE, options["name"], *arguments, "--work", str(work)],
                env=sandbox.environment(work, broker="memory://"),
                check=False,
            )
        if child.returncode:
            raise CommandError(f"bench {options['name']} could not measure.")

    def _measure(self, options: dict[str, Any]) -> dict[str, Any]:
        loop.migrate()
        pictures = _choose(options)
        if options["name"] == "embed":
            return embed.measure(
                pictures_given=pictures, work=options["work"], now=timezone.now(), say=self._say
            )
        setup = loop.Setup(pictures, options["labeled"], options["answers"], options["work"])
        loop.prepare(setup, now=timezone.now(), say=self._say)
        return loop.measure(setup, now=timezone.now(), say=self._say)

    def _say(self, text: str) -> None:
        self.stderr.write(f"… {text}")


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    names = ["name", "count"] + (["labeled", "answers"] if options["name"] == "loop" else [])
    return {name: options[name] for name in names} | {"images": options["images"].name}


def _choose(options: dict[str, Any]) -> list[LabeledPicture]:
    pictures = read_labeled_folder(
        images=options["images"], labels=options["labels"], label_column=options["label_column"]
    )
    return pictures[: options["count"]]


def _table(name: str, figures: dict[str, Any]) -> Table:
    drawn = Table(title=f"bench {name}")
    drawn.add_column("figure")
    drawn.add_column("value", justify="right")
    for key, value in _flat(figures):
        drawn.add_row(key, str(value))
    return drawn


def _flat(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in figures.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append((prefix + key, value))
    return rows
