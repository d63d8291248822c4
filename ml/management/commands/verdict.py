"""`manage.py verdict`: compute the gate's verdicts again from the stored rows."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from labeling.errors import LabelingError
from labeling.selectors import projects
from ml.bench import report
from ml.errors import MlError
from ml.services import verdicts_again
from ml.services.verdicts_again import Again

AGREES = {True: "agrees", False: "DIFFERS", None: "open"}


class Command(BaseCommand):
    """Show stored and recomputed numbers side by side; fail where they differ."""

    help = "Compute the verdicts on a project's versions again, from what is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the project, and a version where not all are meant."""
        parser.add_argument("--project", required=True)
        parser.add_argument("--number", type=int, help="of one version; default: all of them")
        parser.add_argument("--json", help="file for the figures, - for standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compute, show, write; exit non-zero where a verdict does not come out again."""
        started = time.monotonic()
        try:
            project_id = projects.by_slug(options["project"]).pk
            if options["number"] is None:
                found = verdicts_again.of_project(project_id)
            else:
                found = verdicts_again.of_version(project_id, options["number"])
        except (MlError, LabelingError) as error:
            raise CommandError(error.message) from None
        parameters = {"project": options["project"], "number": options["number"]}
        payload = report.envelope(seconds=time.monotonic() - started, parameters=parameters)
        Console(stderr=options["json"] == "-").print(_table(found))
        report.write_json(
            payload | {"verdicts": [each.to_json() for each in found]}, options["json"]
        )
        n_wrong = sum(each.agrees is False for each in found)
        if n_wrong:
            raise CommandError(f"{n_wrong} of {len(found)} verdicts do not come out again.")


def _table(found: list[Again]) -> Table:
    drawn = Table(title=f"{len(found)} verdicts, computed again")
    for column in ("version", "verdict", "stored", "again", "", "note"):
        drawn.add_column(column, justify="right" if column == "version" else "left")
    for each in found:
        drawn.add_row(
            f"v{each.version}",
            each.what,
            _words(each.stored),
            _words(each.again),
            AGREES[each.agrees],
            each.note,
        )
    return drawn


def _words(numbers: dict[str, Any]) -> str:
    """Give the two or three numbers that a verdict turns on."""
    if "decision" in numbers:
        counts = f"{numbers['wins']}:{numbers['losses']} of {numbers['n']}"
        return f"{numbers['decision'].lower()} {counts}, log e {numbers['log_e']:.3f}"
    if numbers.get("log_loss") is None:
        return ""
    said = {True: "passed ", False: "refused ", None: ""}[numbers.get("is_passed")]
    return f"{said}log-loss {numbers['log_loss']:.4f}"
