"""`manage.py invite PROJECT`: print a link by which people join."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from labeling.errors import LabelingError
from labeling.management import address
from labeling.selectors import projects
from labeling.services import people


class Command(BaseCommand):
    """The link is shown once: only its digest is stored."""

    help = "Print an invitation link."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("project", help="slug")
        parser.add_argument("--role", default="VOLUNTEER", type=str.upper)
        parser.add_argument("--uses", type=int, default=100)
        parser.add_argument("--days", type=int, default=14)

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it and print it."""
        try:
            _, token = people.invite(
                project_id=projects.by_slug(options["project"]).pk,
                role=options["role"],
                use_limit=options["uses"],
                ttl=timedelta(days=options["days"]),
                now=timezone.now(),
            )
        except LabelingError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{address.public_url()}/join/{token}")
