"""`manage.py figures`: the staff room's numbers again, from stored rows alone."""

from __future__ import annotations

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.utils.encoders import JSONEncoder
from rich.console import Console
from rich.table import Table

from labeling.errors import LabelingError
from labeling.selectors import projects
from ml.bench import report
from ml.selectors import figures


class Command(BaseCommand):
    """Print a summary, and everything as JSON where asked."""

    help = "Compute a project's accuracy, history and forecast again from its stored rows."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the project."""
        parser.add_argument("--project", required=True)
        parser.add_argument("--json", help="file for the figures, - for standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compute; exit non-zero where there is no such project."""
        started = time.monotonic()
        try:
            project = projects.by_slug(options["project"])
        except LabelingError as error:
            raise CommandError(error.message) from None
        found = figures.everything(project.pk)
        payload = report.envelope(
            seconds=time.monotonic() - started, parameters={"project": project.slug}
        )
        Console(stderr=options["json"] == "-").print(_table(found))
        plain = json.loads(json.dumps(found, cls=JSONEncoder))
        report.write_json(payload | plain, options["json"])


def _table(found: dict[str, Any]) -> Table:
    accuracy, outlook = found["accuracy"], found["outlook"]
    drawn = Table(show_header=False, title="From the audit slice and the stored labels")
    rows = {
        "version": accuracy["version"] or "none yet",
        "accuracy": _share(accuracy["overall"]),
        "audit images": "drawn unlike, allowed for" if accuracy["is_weighed"] else "drawn alike",
        "each label the same": _share(accuracy["classes"]["macro"]),
        "nine of ten labels": _share(accuracy["classes"]["tenth"]),
        f"among the first {accuracy['top']['k']}": _share(accuracy["top"]),
        "calibration error": _plain(accuracy["calibration"]["ece"]),
        "versions measured": len(found["history"]),
        "forecast": outlook["overall"]["sentence"],
        "advice": outlook["advice"]["sentence"] if outlook["advice"] else "none yet",
        "answers saved": outlook["savings"]["sentence"],
        "as on the page": "yes" if found["is_as_stored"] else "the page is older than the rows",
    }
    for name, value in rows.items():
        drawn.add_row(name, str(value))
    return drawn


def _share(one: dict[str, Any]) -> str:
    if one["estimate"] is None:
        return "unknown"
    return f"{one['estimate']:.1%} [{one['low']:.1%}, {one['high']:.1%}] of {one['n']}"


def _plain(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
