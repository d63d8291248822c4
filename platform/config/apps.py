"""The project itself as an app, so that it can hold management commands and tests."""

from __future__ import annotations

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Starting, checking and describing the whole of Larder."""

    name = "config"
    verbose_name = "Larder"
