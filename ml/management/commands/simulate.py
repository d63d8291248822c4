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
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from ml.bench import group_report, report, simulation_options, simulation_report
from ml.errors import MlError
from ml.heads.registry import DEFAULT as DEFAULT_HEAD
from ml.services import group_study, simulation, story
from ml.services.labeled_folder import read_labeled_folder
from ml.services.simulation_table import TRUTH_FILE
from ml.services.tables import make_tables
from ml.simulation.conditions import CROWDS

MANAGE = [str(settings.BASE_DIR / "manage.py"), "simulate"]
DATABASE = "simulation.sqlite3"
STORY = "story"
RUNS = ".runs"
"""Where in --out each finished run lies; one asked for again under the same terms is not played."""


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
        parser.add_argument(
            "--heads", default=DEFAULT_HEAD, help="what is measured, with commas (pure rounds)"
        )
        parser.add_argument("--budget", type=int, default=600)
        parser.add_argument("--batch", type=int, default=20)
        parser.add_argument("--seeds", type=int, default=5)
        parser.add_argument(
            "--rounds",
            choices=("services", "pure"),
            default="services",
            help="through the product's services, or head and choice alone (faster)",
        )
        parser.add_argument("--random-budget", type=int, help="how far random goes (pure rounds)")
        parser.add_argument("--folds", type=int, default=0, help="0: each seed draws its own split")
        parser.add_argument("--fold", default="all", help="which folds, with commas; default: all")
        parser.add_argument("--crowd", choices=CROWDS, default="none")
        parser.add_argument("--error-rate", type=float, default=0.1, help="of a crowd that errs")
        parser.add_argument(
            "--imbalance", type=float, default=1.0, help="commonest label to rarest; 1: as it is"
        )
        parser.add_argument(
            "--lending",
            default="off",
            help="lending groups: on (where labels allow), off, or (pure rounds) a cosine (.85)",
        )
        parser.add_argument(
            "--story",
            action="store_true",
            help="play the gate instead, chapter by chapter",
        )
        parser.add_argument(
            "--group-column", help="play what answers are worth that name this column's group only"
        )
        parser.add_argument(
            "--group-share", type=float, default=0.4, help="of five people, who know groups only"
        )
        parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
        parser.add_argument("--out", type=Path, help="folder for the plot and the table")
        parser.add_argument("--json", help="file for the figures, - for standard output")
        parser.add_argument("--work", type=Path, help="(children) the temporary folder")
        parser.add_argument("--play", help="(children) strategy:seed:fold, or template")

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
        names = [f"{STORY}:0:0"] if options["story"] else simulation_options.runs(options)
        if options["group_column"]:
            seeds = range(options["seeds"])
            names = [f"{arm}:{seed}:0" for seed in seeds for arm in group_study.ARMS]
        started = time.monotonic()
        plays = _played(options, names)
        missing = [name for name in names if name not in plays]
        work = Path(tempfile.mkdtemp(prefix="larder-simulate-"))
        try:
            with Progress(console=Console(stderr=True)) as progress:
                if missing:
                    _make_template(options, work, progress)
                    plays |= _run_plays(options, work, missing, progress)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        parameters = _settings(options)
        payload = report.envelope(seconds=time.monotonic() - started, parameters=parameters)
        console = Console(stderr=options["json"] == "-")
        if options["group_column"]:
            found = [plays[name] for name in names]
            payload |= {
                "arms": group_report.summarise(found),
                "gain": group_report.differences(found),
            }
            console.print(group_report.table(payload))
        elif options["story"]:
            payload["chapters"] = plays[names[0]]
            console.print(simulation_report.told(payload["chapters"]))
        else:
            payload |= _figures([plays[name] for name in names])
            console.print(simulation_report.table(payload))
        if options["out"]:
            draw = group_report if options["group_column"] else simulation_report
            draw.write(payload, options["out"])
        report.write_json(payload, options["json"])

    def _template(self, options: dict[str, Any]) -> None:
        make_tables()
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
        if options["group_column"]:
            groups = read_labeled_folder(
                images=options["images"],
                labels=options["labels"],
                label_column=options["group_column"],
                path_column=options["path_column"],
            )
            group_study.set_groups(labels=pictures, groups=groups, now=timezone.now())

    def _play(self, options: dict[str, Any]) -> None:
        strategy, seed, fold = options["play"].split(":")
        target = options["work"] / _file(options["play"])
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
        budget = simulation_options.budget(options, strategy)
        given: dict[str, Any] = {
            "folder": options["work"],
            "seed": int(seed),
            "budget": budget,
            "batch": options["batch"],
            "progress": lambda done: _say("labels", done, budget),
        }
        if strategy in group_study.ARMS:
            share = options["group_share"]
            told = group_study.play(**given, arm=strategy, share=share, now=timezone.now())
            target.write_text(json.dumps(told), encoding="utf-8")
            return
        given |= {
            "strategy": strategy,
            "conditions": simulation_options.conditions(options, int(fold)),
        }
        if options["rounds"] == "pure":
            played = simulation.play_offline(**given)
        else:
            played = simulation.play(**given, now=timezone.now())
        target.write_text(json.dumps(played.to_json()), encoding="utf-8")


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    """Name what was asked for; of folders their name alone, and no default that is new."""
    names = ["label_column", "batch"] + ([] if options["story"] else ["budget", "seeds"])
    given = {name: options[name] for name in names} | {"images": options["images"].name}
    if options["test_images"]:
        given["test_images"] = options["test_images"].name
    if options["story"]:
        return given | {"story": True}
    if options["group_column"]:
        return given | {name: options[name] for name in ("group_column", "group_share")}
    if options["rounds"] != "services":
        given["rounds"] = options["rounds"]
    if options["random_budget"]:
        given["random_budget"] = options["random_budget"]
    given |= simulation_options.conditions(options, 0).to_json()
    if options["folds"]:
        given["fold"] = simulation_options.folds(options)
    if simulation_options.heads(options) != [DEFAULT_HEAD]:
        given["heads"] = simulation_options.heads(options)
    return given | {"strategies": simulation_options.strategies(options)}


def _figures(plays: list[Any]) -> dict[str, Any]:
    whole = [play for play in plays if play["strategy"] == simulation.ALL_LABELS]
    curves = [play for play in plays if play["strategy"] != simulation.ALL_LABELS]
    found: dict[str, Any] = {"strategies": simulation_report.summarise(curves)}
    return found | ({"all_labels": simulation_report.all_labels(whole)} if whole else {})


def _file(name: str) -> str:
    return f"{name.replace(':', '-')}.json"


def _terms(options: dict[str, Any], name: str) -> dict[str, Any]:
    """Give all that a run's figures depend on, beside the code and the pictures themselves."""
    strategy, _, fold = name.split(":")
    keys = ["label_column", "path_column", "test_label_column", "batch", "rounds"]
    keys += ["group_column", "group_share"] if options["group_column"] else []
    folders = ("images", "labels", "test_images", "test_labels")
    terms = {key: options[key] for key in keys} | {
        "budget": simulation_options.budget(options, strategy)
    }
    terms |= {key: options[key].name for key in folders if options[key]}
    return (
        terms
        | simulation_options.conditions(options, int(fold)).to_json()
        | {"backbone": settings.BACKBONE}
    )


def _played(options: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Read the runs that an earlier call under the same terms has left in --out."""
    found = {}
    for name in names if options["out"] and not options["story"] else []:
        file = options["out"] / RUNS / _file(name)
        if file.is_file():
            kept = json.loads(file.read_text(encoding="utf-8"))
            if kept["terms"] == _terms(options, name):
                found[name] = kept["play"]
    return found


def _make_template(options: dict[str, Any], work: Path, progress: Progress) -> None:
    """Store and embed every picture; for pure rounds take over what an earlier call has left.

    Those need the database alone, which is kept in --out; the services need the stored pictures.
    """
    kept = options["out"] / RUNS / "template" if options["out"] else None
    if kept is None or options["rounds"] != "pure":
        _run_child(options, work, "template", progress)
        return
    terms = json.dumps(_template_terms(options))
    if not (kept / "terms.json").is_file() or (kept / "terms.json").read_text() != terms:
        _run_child(options, work, "template", progress)
        kept.mkdir(parents=True, exist_ok=True)
        for name in (DATABASE, TRUTH_FILE):
            shutil.copyfile(work / name, kept / name)
        (kept / "terms.json").write_text(terms, encoding="utf-8")
        return
    for name in (DATABASE, TRUTH_FILE):
        shutil.copyfile(kept / name, work / name)


def _template_terms(options: dict[str, Any]) -> dict[str, Any]:
    folders = ("images", "labels", "test_images", "test_labels")
    named = {key: str(options[key].absolute()) for key in folders if options[key]}
    columns = {key: options[key] for key in ("label_column", "path_column", "test_label_column")}
    return named | columns | {"backbone": settings.BACKBONE}


def _run_plays(
    options: dict[str, Any], work: Path, names: list[str], progress: Progress
) -> dict[str, Any]:
    """Play side by side; each run is kept as soon as it ends, whatever becomes of the others."""

    def play(name: str) -> Any:
        _run_child(options, work, name, progress)
        played = json.loads((work / _file(name)).read_text(encoding="utf-8"))
        if options["out"] and not options["story"]:
            kept = options["out"] / RUNS
            kept.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"terms": _terms(options, name), "play": played})
            (kept / _file(name)).write_text(text + "\n", encoding="utf-8")
        return played

    with ThreadPoolExecutor(max_workers=max(1, options["jobs"])) as pool:
        return dict(zip(names, pool.map(play, names), strict=True))


def _run_child(options: dict[str, Any], work: Path, name: str, progress: Progress) -> None:
    """Run one stage in a process of its own, on a database of its own."""
    database = work / DATABASE
    has_own = name != "template" and options["rounds"] != "pure"  # pure rounds write nothing
    if has_own:
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
    progress.remove_task(bar)
    if has_own:
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
        "rounds",
        "random_budget",
        "group_column",
        "group_share",
        *simulation_options.CONDITIONS,
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
