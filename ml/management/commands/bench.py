"""`manage.py bench NAME`: measure the real product on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from labeling.errors import LabelingError
from ml.acquisition import ACQUISITION_FUNCTIONS, DEFAULT
from ml.bench import (
    acquire,
    crowd,
    crowd_report,
    databases,
    embed,
    finetune,
    loop,
    queue,
    queue_client,
    report,
    sandbox,
    saved,
)
from ml.errors import MlError
from ml.services.labeled_folder import LabeledPicture, read_labeled_folder

MANAGE = [str(settings.BASE_DIR / "manage.py"), "bench"]
FAILURES = (
    MlError,
    LabelingError,
    acquire.CannotMeasureError,
    loop.CannotMeasureError,
    embed.CannotMeasureError,
    finetune.CannotMeasureError,
    saved.CannotMeasureError,
    sandbox.SandboxError,
    queue_client.ServerFailedError,
    databases.NoServerError,
)
SETTINGS_OF = {
    "acquire": ["images", "labeled", "classes", "strategy"],
    "loop": ["labeled", "answers"],
    "embed": [],
    "queue": ["database", "annotators", "rate", "seconds"],
    "crowd": ["seeds"],
    "saved": ["answers"],
    "finetune": ["labeled", "audit_share", "button"],
}


class Command(BaseCommand):
    """Every measurement runs in a temporary folder; nothing of yours is touched."""

    help = "Measure the loop, embedding, a fine-tune, queue, crowd, answers saved or acquisition."
    requires_system_checks = ()  # the children need no addresses, and start faster

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the measurement and, where wanted, the pictures."""
        parser.add_argument(
            "name", choices=("loop", "embed", "finetune", "queue", "crowd", "saved", "acquire")
        )
        parser.add_argument(
            "--images", help="folder (LARDER_DEMO_IMAGES); queue: how many; acquire: 10000,100000"
        )
        parser.add_argument("--labels", type=Path, help="its CSV; default: labels.csv inside")
        parser.add_argument("--label-column", default="coarse_label")
        parser.add_argument("--count", type=int, default=2640, help="how many images to use")
        parser.add_argument("--only", default="", help="labels to use, with commas; default: all")
        parser.add_argument(
            "--labeled",
            type=int,
            help="loop: resolved before (400); finetune: trigger's (400); "
            "acquire: labeled images (20000)",
        )
        parser.add_argument("--classes", type=int, default=81, help="acquire: how many labels")
        parser.add_argument("--strategy", choices=ACQUISITION_FUNCTIONS, default=DEFAULT)
        parser.add_argument(
            "--answers", type=int, help="loop: timed in each phase (30); saved (2000)"
        )
        parser.add_argument(
            "--audit-share", type=float, default=0.3, help="finetune: of split groups, all judged"
        )
        parser.add_argument(
            "--button", action="store_true", help="finetune: queued as by the staff room's button"
        )
        parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
        parser.add_argument("--annotators", type=int, default=16, help="queue: closed loop")
        parser.add_argument("--rate", type=float, help="queue: answers/s to try in the open loop")
        parser.add_argument("--seconds", type=float, default=15.0, help="queue: closed loop")
        parser.add_argument("--seeds", type=int, default=1, help="crowd: how many of each")
        parser.add_argument("--out", type=Path, help="crowd: folder for the table and the plot")
        parser.add_argument("--json", help="file for the figures, - for standard output")
        parser.add_argument("--work", type=Path, help="(child) the temporary folder")

    def handle(self, *args: Any, **options: Any) -> None:
        """Be the parent that makes a folder, or the child that measures inside it."""
        has_own_rows = options["name"] == "acquire"
        options["labeled"] = options["labeled"] or (20_000 if has_own_rows else 400)
        options["answers"] = options["answers"] or (2000 if options["name"] == "saved" else 30)
        if options["work"] is None and not has_own_rows:
            self._parent(options)
            return
        started = time.monotonic()
        try:
            figures = self._measure(options)
        except FAILURES as error:
            raise CommandError(str(error)) from None
        parameters = _settings(options)
        payload = report.envelope(seconds=time.monotonic() - started, parameters=parameters)
        drawn = _table(options["name"], figures)
        if options["name"] == "crowd":
            drawn = crowd_report.table(figures["crowds"])
            if options["out"]:
                crowd_report.write(payload | figures, options["out"])
        Console(stderr=True).print(drawn)
        report.write_json(payload | figures, options["json"])

    def _parent(self, options: dict[str, Any]) -> None:
        if options["name"] == "queue":
            self._queue_parent(options)
            return
        images = options["images"] or os.environ.get("LARDER_DEMO_IMAGES")
        if not images:
            raise CommandError("Name a folder of pictures: --images DIR, or LARDER_DEMO_IMAGES.")
        labels = options["labels"] or Path(images) / "labels.csv"
        arguments = ["--images", str(images), "--labels", str(labels)]
        for key in ("label_column", "only", "count", "labeled", "answers", "audit_share", "seeds"):
            arguments += [f"--{key.replace('_', '-')}", str(options[key])]
        if options["button"]:
            arguments.append("--button")
        if options["out"]:
            arguments += ["--out", str(options["out"].absolute())]
        with sandbox.folder() as work:
            # The crowds are played side by side, one core each.
            given = {"OPENBLAS_NUM_THREADS": "1"} if options["name"] == "crowd" else {}
            self._run_child(options, arguments, work, given)

    def _queue_parent(self, options: dict[str, Any]) -> None:
        if options["images"] is not None and not str(options["images"]).isdigit():
            raise CommandError("bench queue makes its own rows: --images is a number.")
        arguments = ["--images", str(options["images"] or 10_000)]
        for key in ("database", "annotators", "seconds"):
            arguments += [f"--{key}", str(options[key])]
        if options["rate"] is not None:
            arguments += ["--rate", str(options["rate"])]
        with ExitStack() as stack:
            work = stack.enter_context(sandbox.folder())
            given = {}
            if options["database"] == "postgres":
                try:
                    given["DATABASE_URL"] = stack.enter_context(databases.postgres())
                except databases.NoServerError as error:
                    raise CommandError(str(error)) from None
            self._run_child(options, arguments, work, given)

    def _run_child(
        self, options: dict[str, Any], arguments: list[str], work: Path, given: dict[str, str]
    ) -> None:
        if options["json"]:
            target = options["json"]
            arguments += ["--json", target if target == "-" else str(Path(target).absolute())]
        child = subprocess.run(
            [sys.executable, *MANAGE, options["name"], *arguments, "--work", str(work)],
            env=sandbox.environment(work, broker="memory://") | given,
            check=False,
        )
        if child.returncode:
            raise CommandError(f"bench {options['name']} could not measure.")

    def _measure(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["name"] == "acquire":
            options["images"] = acquire.sizes(options["images"] or "10000,100000")
            with sandbox.folder() as work:
                return acquire.measure(
                    options["images"],
                    labels=options["labeled"],
                    classes=options["classes"],
                    strategy=options["strategy"],
                    folder=work,
                    say=self._say,
                )
        loop.migrate()
        if options["name"] == "queue":
            given = queue.Setup(
                images=int(options["images"]),
                annotators=options["annotators"],
                rate=options["rate"],
                seconds=options["seconds"],
                work=options["work"],
            )
            return queue.measure(given, now=timezone.now(), say=self._say)
        options["images"] = Path(options["images"])
        pictures = _choose(options)
        if options["name"] in ("embed", "crowd", "saved"):
            return self._of(pictures, options)
        if options["name"] == "finetune":
            return self._tune(pictures, options)
        setup = loop.Setup(pictures, options["labeled"], options["answers"], options["work"])
        loop.prepare(setup, now=timezone.now(), say=self._say)
        return loop.measure(setup, now=timezone.now(), say=self._say)

    def _of(self, pictures: list[LabeledPicture], options: dict[str, Any]) -> dict[str, Any]:
        if options["name"] == "embed":
            return embed.measure(
                pictures_given=pictures, work=options["work"], now=timezone.now(), say=self._say
            )
        if options["name"] == "crowd":
            return crowd.measure(
                pictures, seeds=options["seeds"], now=timezone.now(), say=self._say
            )
        played = saved.Setup(pictures, options["answers"], options["work"])
        return saved.measure(played, now=timezone.now(), say=self._say)

    def _tune(self, pictures: list[LabeledPicture], options: dict[str, Any]) -> dict[str, Any]:
        setup = finetune.Setup(
            pictures=pictures,
            labeled=options["labeled"],
            audit_share=options["audit_share"],
            by_button=options["button"],
            work=options["work"],
        )
        stored = finetune.prepare(setup, now=timezone.now(), say=self._say)
        return finetune.measure(setup, stored, now=timezone.now(), say=self._say)

    def _say(self, text: str) -> None:
        self.stderr.write(f"… {text}")


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    if options["name"] == "queue":
        names = ["name", "images", "database", "annotators", "rate", "seconds"]
        return {name: options[name] for name in names}
    if options["name"] == "acquire":
        return {name: options[name] for name in ["name", *SETTINGS_OF["acquire"]]}
    names = ["name", "count", "only", "label_column", *SETTINGS_OF[options["name"]]]
    return {name: options[name] for name in names} | {"images": options["images"].name}


def _choose(options: dict[str, Any]) -> list[LabeledPicture]:
    pictures = read_labeled_folder(
        images=options["images"], labels=options["labels"], label_column=options["label_column"]
    )
    only = {name for name in options["only"].split(",") if name}
    chosen = [picture for picture in pictures if not only or picture.label in only]
    return chosen[: options["count"]]


def _table(name: str, figures: dict[str, Any]) -> Table:
    drawn = Table(title=f"bench {name}")
    drawn.add_column("figure")
    drawn.add_column("value", justify="right")
    for key, value in report.flat(figures):
        drawn.add_row(key, str(value))
    return drawn
