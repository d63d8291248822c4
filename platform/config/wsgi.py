"""The WSGI application that granian serves."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config.celery import app

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def _application() -> WSGIApplication:
    framework = get_wsgi_application()
    # Once the framework is ready: it knows the models.
    from labeling.api.shortcut import AnswerShortcut  # noqa: PLC0415

    return AnswerShortcut(framework)


application = _application()
# What is loaded now stays for good. Without this the collector looks through all of it again every
# few hundred requests, and everybody waits for a tenth of a second.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 50)
# This process only publishes; workers must wait longer, for that is how they receive.
app.conf.broker_transport_options = {
    **app.conf.broker_transport_options,
    "socket_timeout": settings.BROKER_PATIENCE_S,
    "socket_connect_timeout": settings.BROKER_PATIENCE_S,
}
