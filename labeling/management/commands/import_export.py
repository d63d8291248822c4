"""`manage.py import_export`: make a new project out of an export and the original pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from labeling.errors import LabelingError
from labeling.services import restore


class Command(BaseCommand):
    """The other half of `manage.py export`."""

    help = "Read an export into a new project."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the export, the new project and the folder of original files."""
        parser.add_argument("folder", type=Path)
        parser.add_argument("--project", required=True, help="slug of the new project")
        parser.add_argument("--images", required=True, type=Path, help="the original files")

    def handle(self, *args: Any, **options: Any) -> None:
        """Hash the pictures, then restore in one transaction."""
        files = [path for path in sorted(options["images"].rglob("*")) if path.is_file()]
        if not files:
            raise CommandError(f"--images {options['images']}: no files there.")
        pictures = {_sha256(path): path for path in files}
        try:
            project = restore.restore(
                folder=options["folder"],
                slug=options["project"],
                pictures_by_hash=pictures,
                now=timezone.now(),
                progress=self._progress,
            )
        except LabelingError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"Project {project.slug} is there.")

    def _progress(self, done: int) -> None:
        if done % 100 == 0:
            self.stdout.write(f"  {done} images")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
