"""`manage.py create_owner USER`: make the account that may do everything."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeling.errors import LabelingError
from labeling.services import people


class Command(BaseCommand):
    """The password is shown once: only its hash is stored."""

    help = "Make an owner account and print its password."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the name."""
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it and print the password."""
        try:
            user, password = people.create_owner(username=options["username"])
        except LabelingError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"account: {user.username}   password: {password}")
