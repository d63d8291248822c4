"""`manage.py import_images`: take a folder tree or a CSV of pictures into a project."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from labeling.errors import LabelingError
from labeling.models import Mode
from labeling.selectors import projects
from labeling.services import imports

MOST_SHOWN = 50
BACKGROUND_NICE = 10
REFRESH_HZ = 2  # drawing costs; ten times a second it is a fiftieth of the command


class Command(BaseCommand):
    """Goes on where it stopped when it is run again; a bad file never stops the rest."""

    help = "Import a folder tree (sub-folder names are labels) or a CSV of pictures."
    requires_system_checks = ()  # they load every page's code, and the web has checked it

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("location", type=Path, metavar="SOURCE", help="a folder or a CSV")
        parser.add_argument("--project", required=True, help="slug")
        parser.add_argument("--source", required=True, help="name these images are counted under")
        parser.add_argument("--licence", required=True, help="of the pictures")
        parser.add_argument(
            "--labels",
            choices=imports.LABEL_USES,
            default="ignore",
            help="what the labels that come with the pictures are worth",
        )
        parser.add_argument("--path-column", default="path")
        parser.add_argument("--label-column", default="")
        parser.add_argument("--split-column", default="split")
        parser.add_argument("--splits", default="", help="comma-separated; all if not given")
        parser.add_argument("--create", action="store_true", help="make the project if missing")
        parser.add_argument("--classes", default="", help="comma-separated, for --create")
        parser.add_argument(
            "--several",
            action="store_true",
            help="for --create: a picture may show several labels (a|b in the CSV)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and say what became of every file."""
        if getattr(self, "_called_from_command_line", False):
            os.nice(BACKGROUND_NICE)  # answers and their refit go first
        try:
            result = self._import(options)
        except LabelingError as error:
            raise CommandError(error.message) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped. Run the same command again to go on.") from None
        self._report(result)
        if result.total == 0:
            raise CommandError(f"{options['location']}: no picture there.")
        if len(result.refused) == result.total:
            raise CommandError("Not one file could be read.")

    def _import(self, options: dict[str, Any]) -> imports.Imported:
        splits = tuple(part.strip() for part in options["splits"].split(",") if part.strip())
        source = imports.Source(
            path=options["location"],
            label_column=options["label_column"],
            path_column=options["path_column"],
            split_column=options["split_column"],
            splits=splits,
        )
        project_id = self._project(source, options)
        columns = (
            TextColumn("importing"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        console = Console(file=sys.stderr)
        with Progress(*columns, console=console, refresh_per_second=REFRESH_HZ) as bar:
            line = bar.add_task("importing", total=None)
            return imports.run_import(
                project_id=project_id,
                path=source.path,
                source=options["source"],
                licence=options["licence"],
                labels=options["labels"],
                clock=timezone.now,
                label_column=source.label_column,
                path_column=source.path_column,
                split_column=source.split_column,
                splits=splits,
                progress=lambda done, total: bar.update(line, completed=done, total=total),
            )

    def _project(self, source: imports.Source, options: dict[str, Any]) -> int:
        try:
            return projects.by_slug(options["project"]).pk
        except projects.ProjectNotFoundError:
            if not options["create"]:
                raise CommandError(
                    f"There is no project {options['project']!r}; add --create to make it."
                ) from None
        from labeling.services import projects as project_services  # noqa: PLC0415 - seldom needed

        given = [name.strip() for name in options["classes"].split(",") if name.strip()]
        return project_services.create_project(
            name=options["project"],
            slug=options["project"],
            classes=given or source.classes(is_several=options["several"]),
            mode=Mode.MULTI if options["several"] else Mode.SINGLE,
            now=timezone.now(),
        ).pk

    def _report(self, result: imports.Imported) -> None:
        self.stdout.write(
            f"{result.stored} stored, {result.duplicates} duplicates, "
            f"{result.skipped} there before, {len(result.refused)} refused"
        )
        for refusal in result.refused[:MOST_SHOWN]:
            self.stdout.write(f"  {refusal.name}: {refusal.code}: {refusal.message}")
        if len(result.refused) > MOST_SHOWN:
            self.stdout.write(f"  and {len(result.refused) - MOST_SHOWN} more")
        for label, count in result.unknown_labels.most_common():
            self.stdout.write(f"  no label {label!r} in the scheme: {count} came without one")
