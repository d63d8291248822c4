"""Every table at once, as the models say: for databases that live for one measurement or test.

Playing all migrations takes eight seconds, nearly all of them Django's drawing up what the models
once were; a database that never had an earlier state needs none of it. They are played by
`manage.py up`, and in the tests by the postgres tier and by the first start of a whole machine.
"""

from __future__ import annotations

from django.apps import apps
from django.conf import settings
from django.core.management import call_command


def make_tables() -> None:
    """Make the tables of an empty database and note all migrations as played."""
    modules = settings.MIGRATION_MODULES
    settings.MIGRATION_MODULES = {app.label: None for app in apps.get_app_configs()}
    try:
        call_command("migrate", run_syncdb=True, verbosity=0)
    finally:
        settings.MIGRATION_MODULES = modules
    call_command("migrate", fake=True, verbosity=0)
