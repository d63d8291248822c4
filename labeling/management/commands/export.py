"""`manage.py export`: write a project's labels and answers to a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeling.errors import LabelingError
from labeling.selectors import projects
from labeling.services import export_pictures, exports


class Command(BaseCommand):
    """Write project.json, labels.*, answers.*, gold.* and adjudications.* (docs/tools.md)."""

    help = "Export labels, every answer, gold, experts' questions, partitions and probabilities."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the project, the folder and the format."""
        parser.add_argument("--project", required=True)
        parser.add_argument("--out", required=True, type=Path)
        parser.add_argument("--format", choices=exports.FORMATS, default="jsonl")
        parser.add_argument(
            "--images", action="store_true", help="copy labeled pictures into a folder a label"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the folder and say how many rows it holds."""
        try:
            project = projects.by_slug(options["project"])
            if options["images"]:
                export_pictures.check(options["out"])
            counts = exports.write_folder(
                project_id=project.pk, folder=options["out"], file_format=options["format"]
            )
            copied = self._copy(project.pk, options["out"]) if options["images"] else ""
        except LabelingError as error:
            raise CommandError(error.message) from None
        except OSError as error:
            raise CommandError(f"--out {options['out']}: cannot write there ({error}).") from None
        self.stdout.write(
            f"{counts['labels']} images and {counts['answers']} answers in {options['out']}{copied}"
        )

    def _copy(self, project_id: int, folder: Path) -> str:
        count = export_pictures.write(project_id=project_id, folder=folder)
        return f", {count} labeled pictures in {folder / export_pictures.NAME}"
