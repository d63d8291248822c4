"""`manage.py create_token USER`: print an API token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from labeling.errors import LabelingError
from labeling.selectors import people as people_selectors
from labeling.selectors import projects
from labeling.services import people

DEFAULT_SCOPES = ("predict", "read")


class Command(BaseCommand):
    """The token is shown once: only its digest is stored."""

    help = "Print a new API token of a user."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("username")
        parser.add_argument("--project", help="slug; without it, all projects of the user")
        parser.add_argument("--name", default="command line")
        parser.add_argument(
            "--scope",
            action="append",
            dest="scopes",
            help="predict, queue, read or export; again for another (default: predict and read)",
        )
        parser.add_argument("--days", type=int, default=365)

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it and print it."""
        slug = options["project"]
        try:
            _, secret = people.create_token(
                user_id=people_selectors.user_named(options["username"]).pk,
                project_id=projects.by_slug(slug).pk if slug else None,
                name=options["name"],
                scopes=options["scopes"] or DEFAULT_SCOPES,
                ttl=timedelta(days=options["days"]),
                now=timezone.now(),
            )
        except LabelingError as error:
            raise CommandError(error.message) from None
        self.stdout.write(secret)
