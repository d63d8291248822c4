"""`manage.py simulate`: oracle annotators label through the product's own services."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from ml.acquisition import ACQUISITION_FUNCTIONS
from ml.bench import report, simulation_report
from ml.errors import MlError
from ml.services import simulation, story
from ml.services.labeled_folder import read_labeled_folder

MANAGE = [str(settings.BASE_DIR / "manage.py"), "simulate"]
DATABASE = "simulation.sqlite3"
STORY = "story"


class Command(BaseCommand):
    """Prepare one temporary database, then play every strategy and seed on a copy of its own."""

    help = "Compare acquisition functions with simulated annotators."
    requires_system_checks = ()  # the children need no addresses, and start faster

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the pictures, the strategies and how far to go."""
        parser.add_argument("--images", required=True, type=Path)
        parser.add_argument("--labels", required=True, type=Path)
        parser.add_argument("--label-column", required=True)
        parser.add_argument("--path-column", default="path")
        parser.add_argument("--test-images", type=Path)
        parser.add_argument("--test-labels", type=Path)
        parser.add_argument("--test-label-column")
        parser.add_argument("--strategies", default="random,margin")
        parser.add_argument("--budget", type=int, default=600)
        parser.add_argument("--batch", type=int, default=20)
        parser.add_argument("--seeds", type=int, default=5)
        parser.add_argument(
            "--story",
            action="store_true",
            help="play the gate instead, chapter by chapter",
        )
        parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
        parser.add_argument("--out", type=Path, help="folder for the plot and the table")
        parser.add_argument("--json", help="file for the figures, - for standard output")
        parser.add_argument("--work", type=Path, help="(children) the temporary folder")
        parser.add_argument("--play", help="(children) strategy:seed, or template")

    def handle(self, *args: Any, **options: Any) -> None:
        """Be the parent, or one of the children that it starts."""
        try:
            if options["play"] == "template":
                self._template(options)
            elif options["play"]:
                self._play(options)
            else:
                self._parent(options)
        except MlError as error:
            raise CommandError(error.message) from None

    def _parent(self, options: dict[str, Any]) -> None:
        strategies = [STORY] if options["story"] else _strategies(options)
        started = time.monotonic()
        work = Path(tempfile.mkdtemp(prefix="larder-simulate-"))
        try:
            with Progress(console=Console(stderr=True)) as progress:
                _run_child(options, work, "template", progress)
                plays = _run_plays(options, work, strategies, progress)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        parameters = _settings(options, strategies)
        payload = report.envelope(seconds=time.monotonic() - started, parameters=parameters)
        console = Console(stderr=options["json"] == "-")
        if options["story"]:
            payload["chapters"] = plays[0]
            console.print(simulation_report.told(payload["chapters"]))
        else:
            payload["strategies"] = simulation_report.summarise(plays)
            console.print(simulation_report.table(payload["strategies"]))
        if options["out"]:
            simulation_report.write(payload, options["out"])
        report.write_json(payload, options["json"])

    def _template(self, options: dict[str, Any]) -> None:
        call_command("migrate", verbosity=0)
        pictures = read_labeled_folder(
            images=options["images"],
            labels=options["labels"],
            label_column=options["label_column"],
            path_column=options["path_column"],
        )
        test = []
        if options["test_images"]:
            test = read_labeled_folder(
                images=options["test_images"],
                labels=options["test_labels"] or options["labels"],
                label_column=options["test_label_column"] or options["label_column"],
                path_column=options["path_column"],
            )
        simulation.prepare_template(
            pictures=pictures,
            test_pictures=test,
            folder=options["work"],
            now=timezone.now(),
            progress=_say,
        )

    def _play(self, options: dict[str, Any]) -> None:
        strategy, _, seed = options["play"].partition(":")
        target = options["work"] / f"{strategy}-{seed}.json"
        if strategy == STORY:
            chapters = story.play(
                folder=options["work"],
                seed=int(seed),
                batch=options["batch"],
                now=timezone.now(),
                progress=lambda done: _say("answers", done, done),
            )
            target.write_text(json.dumps([chapter.to_json() for chapter in chapters]))
            return
        played = simulation.play(
            folder=options["work"],
            strategy=strategy,
            seed=int(seed),
            budget=options["budget"],
            batch=options["batch"],
            now=timezone.now(),
            progress=lambda done: _say("labels", done, options["budget"]),
        )
        target.write_text(json.dumps(played.to_json()), encoding="utf-8")


def _strategies(options: dict[str, Any]) -> list[str]:
    names = [name.strip() for name in options["strategies"].split(",") if name.strip()]
    unknown = sorted(set(names) - set(ACQUISITION_FUNCTIONS))
    if unknown or not names:
        raise CommandError(
            f"--strategies {options['strategies']!r}: unknown {', '.join(unknown)}; "
            f"there are {', '.join(sorted(ACQUISITION_FUNCTIONS))}."
        )
    if options["batch"] < 1 or options["budget"] < options["batch"] or options["seeds"] < 1:
        raise CommandError("--batch and --seeds must be at least 1, --budget at least --batch.")
    return names


def _settings(options: dict[str, Any], strategies: list[str]) -> dict[str, Any]:
    """Name what was asked for; of folders their name alone."""
    names = ["label_column", "batch"] + ([] if options["story"] else ["budget", "seeds"])
    given = {name: options[name] for name in names} | {"images": options["images"].name}
    if options["test_images"]:
        given["test_images"] = options["test_images"].name
    return given | ({"story": True} if options["story"] else {"strategies": strategies})


def _run_plays(
    options: dict[str, Any], work: Path, strategies: list[str], progress: Progress
) -> list[Any]:
    seeds = 1 if options["story"] else options["seeds"]
    names = [f"{strategy}:{seed}" for seed in range(seeds) for strategy in strategies]
    with ThreadPoolExecutor(max_workers=max(1, options["jobs"])) as pool:
        list(pool.map(lambda name: _run_child(options, work, name, progress), names))
    return [
        json.loads((work / f"{name.replace(':', '-')}.json").read_text(encoding="utf-8"))
        for name in names
    ]


def _run_child(options: dict[str, Any], work: Path, name: str, progress: Progress) -> None:
    """Run one stage in a process of its own, on a database of its own."""
    database = work / DATABASE
    if name != "template":
        database = work / f"{name.replace(':', '-')}.sqlite3"
        shutil.copyfile(work / DATABASE, database)
    bar = progress.add_task(name, total=None)
    child = subprocess.Popen(
        [sys.executable, *MANAGE, *_arguments(options), "--work", str(work), "--play", name],
        env=_environment(work, database, parallel=name != "template"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None  # noqa: S101 - PIPE was asked for
    for line in child.stdout:
        stage, _, counts = line.strip().partition("\t")
        done, _, total = counts.partition("/")
        if total:
            label = f"{name} {stage}"
            progress.update(bar, description=label, completed=int(done), total=int(total))
    errors = child.stderr.read() if child.stderr else ""
    if child.wait():
        raise CommandError(f"{name} failed: {errors.strip()[-2000:]}")
    if name != "template":
        database.unlink(missing_ok=True)


def _arguments(options: dict[str, Any]) -> list[str]:
    names = (
        "images",
        "labels",
        "label_column",
        "path_column",
        "test_images",
        "test_labels",
        "test_label_column",
        "budget",
        "batch",
    )
    given = [(name, options[name]) for name in names if options[name] is not None]
    return [part for name, value in given for part in (f"--{name.replace('_', '-')}", str(value))]


def _environment(work: Path, database: Path, *, parallel: bool) -> dict[str, str]:
    environment = os.environ | {
        "LARDER_ENV": "local",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LARDER_DATA": str(work),
        "LARDER_BACKBONE": settings.BACKBONE,
        "LARDER_BACKBONE_DIR": str(settings.BACKBONE_DIR),
        "DATABASE_URL": f"sqlite:///{database}",
        "REDIS_URL": "memory://",
        "LARDER_LOG_LEVEL": "ERROR",
        "LARDER_S3_BUCKET": "",
        "SECRET_KEY": "simulation-only-" + "s" * 40,
    }
    if parallel:
        # Plays share the cores by running side by side; threads inside them would only fight.
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return environment


def _say(stage: str, done: int, total: int) -> None:
    sys.stdout.write(f"{stage}\t{done}/{total}\n")
    sys.stdout.flush()
