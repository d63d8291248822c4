"""`manage.py predict DIR --project P --out CSV`: classify a folder of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from labeling.errors import LabelingError
from labeling.selectors import projects
from ml.errors import MlError
from ml.services import folder_prediction
from ml.services.folder_prediction import Placing

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Classify every picture of a folder tree; run it again to go on where it stopped."""

    help = "Classify a folder of pictures into a CSV, and sort them by label if you like."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the folder, the project, the CSV, and where to sort the pictures."""
        parser.add_argument("folder", type=Path, help="Folder of pictures, with sub-folders.")
        parser.add_argument("--project", required=True, help="Slug of the project.")
        parser.add_argument("--out", type=Path, required=True, help="CSV to write or go on with.")
        parser.add_argument("--model-version", type=int, help="Pin a model version.")
        parser.add_argument("--sort-into", type=Path, help="Folder that gets one folder a label.")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--copy", action="store_true", help="Sort copies (the default).")
        how.add_argument("--link", action="store_true", help="Sort symbolic links.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run to the end, or say in one line why not."""
        try:
            self._run(options)
        except (MlError, LabelingError) as refusal:
            raise CommandError(refusal.message) from refusal

    def _run(self, options: dict[str, Any]) -> None:
        project = projects.by_slug(options["project"])
        folder, out = options["folder"], options["out"]
        todo = folder_prediction.plan(folder=folder, out=out, sort_into=options["sort_into"])
        if todo.done:
            self.stdout.write(f"{todo.done} pictures are in {out} already; going on.")
        rows = folder_prediction.predict(
            project_id=project.pk,
            folder=folder,
            out=out,
            paths=todo.remaining,
            version=options["model_version"],
            sort_into=options["sort_into"],
            placing=Placing.LINK if options["link"] else Placing.COPY,
        )
        n_errors = n_accepted = 0
        with _progress() as progress:
            bar = progress.add_task("Classifying", total=len(todo.remaining))
            for row in rows:
                n_errors += bool(row["error"])
                n_accepted += row["accepted"] == "yes"
                progress.advance(bar)
        n = len(todo.remaining)
        self.stdout.write(
            f"{n} pictures: {n_accepted} accepted, {n - n_accepted - n_errors} not sure enough, "
            f"{n_errors} unreadable. {out}"
        )


def _progress() -> Progress:
    """Draw on standard error, so that standard output stays clean."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
