"""`manage.py load_pictures`: put the user's own pictures or the demo's into a project.

`make run` runs it in the background. It can be stopped at any moment and goes on from there; a set
that is complete is not read again.
"""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config import pictures
from config.download import DownloadFailedError
from config.pictures import Pictures
from labeling.errors import LabelingError
from labeling.selectors import projects
from labeling.services import imports
from labeling.services import projects as project_services
from labeling.services.import_sources import plain
from labeling.services.pictures import ImageRefusedError

EVERY_S = 5.0
MOST_NAMED = 5


def summary(result: imports.Imported) -> str:
    """Say how many pictures are in, so that the pages' totals can be told from it."""
    left = [
        f"{result.duplicates} there twice" if result.duplicates else "",
        _refused(result.refused),
    ]
    why = f" ({', '.join(filter(None, left))})" if any(left) else ""
    n = result.stored + result.skipped
    return (
        f"Pictures: {n} of {result.total} are in{why}. {_unlabeled(result)}Near copies among them "
        "are found as they are read; the staff room says how many it leaves out of its counts, and "
        "why."
    )


def _refused(refused: list[imports.Refusal]) -> str:
    """Name the files that were not taken, and why."""
    if not refused:
        return ""
    named = "; ".join(f"{one.name}: {one.message}" for one in refused[:MOST_NAMED])
    more = len(refused) - MOST_NAMED
    return f"{len(refused)} refused: {named}{f'; and {more} more' if more > 0 else ''}"


def _unlabeled(result: imports.Imported) -> str:
    """Name the sub-folders whose labels were to be taken and that are no label of the project."""
    if not result.unknown_labels:
        return ""
    names = [f"“{name}” ({count})" for name, count in result.unknown_labels.most_common(MOST_NAMED)]
    more = len(result.unknown_labels) - len(names)
    rest = f" and {more} more" if more else ""
    return (
        f"{result.unknown_labels.total()} of them came without a label, because the project has "
        f"none of that name: {', '.join(names)}{rest}. "
    )


def labels_lacking(project_id: int, classes: Iterable[str]) -> list[str]:
    """Give the classes asked for that no label of a project was ever called."""
    known = {plain(each) for row in projects.label_names(project_id).items() for each in row}
    return [name for name in classes if plain(name) not in known]


def show_examples(project_id: int, known: Mapping[str, Path]) -> None:
    """Give each label that has no example picture one that is known to show it.

    What is no picture is left to the import, which says so.
    """
    by_name = {plain(name): path for name, path in known.items()}
    for label in projects.labels(project_id):
        path = by_name.get(plain(label.code)) or by_name.get(plain(label.name))
        if path is not None and not label.examples.all():
            with suppress(ImageRefusedError), path.open("rb") as upload:
                project_services.add_example(label_id=label.pk, upload=upload, now=timezone.now())


class Command(BaseCommand):
    """Load pictures into a project of their own."""

    help = "Load the demo's pictures, or your own (--images), into a project."
    _told_at = 0.0

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options; `make run` gives them in the environment."""
        parser.add_argument("--images", default=os.environ.get("IMAGES", ""), help="a folder")
        parser.add_argument(
            "--classes", default=os.environ.get("CLASSES", ""), help="comma-separated"
        )
        parser.add_argument(
            "--labels", default=os.environ.get("LABELS", ""), help=", ".join(pictures.LABELS)
        )
        parser.add_argument(
            "--project",
            default=os.environ.get("PROJECT", ""),
            help="its name; without it, that of the folder",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Load what is asked for, else go on with what is there, else the demo."""
        if options["images"]:
            folder = Path(options["images"]).expanduser()
            names = {name: options[name] for name in ("classes", "labels", "project")}
            chosen = pictures.own(folder, **names)
            pictures.refuse_other_folder(settings.DATA_DIR, chosen)
            self._load(chosen)
            return
        known = projects.ids()
        existing = projects.by_id(known[-1]).slug if known else None
        if existing is not None and existing != pictures.DEMO_SLUG:
            pictures.remember(settings.DATA_DIR, existing)
            return
        chosen = pictures.demo(settings.DATA_DIR, settings.DEMO_IMAGES, say=self._say)
        if pictures.is_complete(settings.DATA_DIR, chosen):
            pictures.remember(settings.DATA_DIR, chosen.slug)
            return
        self._load(chosen)

    def _load(self, chosen: Pictures) -> None:
        project_id = self._project(chosen)
        pictures.remember(settings.DATA_DIR, chosen.slug)
        pictures.remember_folder(settings.DATA_DIR, chosen)
        try:
            if chosen.fetch is not None:
                chosen.fetch(self._say)
            show_examples(project_id, pictures.known_labels(chosen))
            result = imports.run_import(
                project_id=project_id,
                path=chosen.source,
                source=chosen.origin,
                licence=chosen.licence,
                labels=chosen.labels,
                label_column=chosen.label_column,
                clock=timezone.now,
                progress=self._tell,
            )
        except DownloadFailedError as error:
            raise CommandError(f"{error} It goes on from there at the next try.") from None
        except LabelingError as error:
            raise CommandError(error.message) from None
        pictures.complete(settings.DATA_DIR, chosen)
        self._say(summary(result))

    def _project(self, chosen: Pictures) -> int:
        with suppress(projects.ProjectNotFoundError):
            found = projects.by_slug(chosen.slug)
            if lacking := labels_lacking(found.pk, chosen.classes):
                self._say(
                    f"The project “{found.name}” is there already and keeps its labels, without "
                    f"{', '.join(lacking)}: add labels on its Labels page."
                )
            return found.pk
        owners = get_user_model().objects.filter(is_superuser=True).order_by("pk")
        return project_services.create_project(
            created_by_id=owners.values_list("pk", flat=True).first(),
            name=chosen.name,
            slug=chosen.slug,
            classes=chosen.classes,
            description=chosen.description,
            now=timezone.now(),
        ).pk

    def _tell(self, done: int, total: int) -> None:
        """Say how far the import is, every few seconds."""
        if time.monotonic() - self._told_at > EVERY_S and done < total:
            self._told_at = time.monotonic()
            self._say(f"Pictures: {done} of {total}")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
