"""The WSGI application that granian serves."""

from __future__ import annotations

import gc
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config.celery import app

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
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
