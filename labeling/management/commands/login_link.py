"""`manage.py login_link [USER]`: print a link that signs in once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from labeling.errors import LabelingError
from labeling.management import address
from labeling.selectors import people as people_selectors
from labeling.services import people


class Command(BaseCommand):
    """Without a name, for the first owner."""

    help = "Print a one-time sign-in link, valid for an hour."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the user."""
        parser.add_argument("username", nargs="?")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it and print it."""
        try:
            user = (
                people_selectors.user_named(options["username"])
                if options["username"]
                else people_selectors.first_owner()
            )
        except LabelingError as error:
            raise CommandError(error.message) from None
        token = people.make_login_link(user_id=user.pk, now=timezone.now())
        self.stdout.write(f"{address.public_url()}/login/{token}")
