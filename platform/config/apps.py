"""The project itself as an app, so that it can hold management commands and tests."""

from __future__ import annotations

import gc

from django.apps import AppConfig

# Objects made before the collector looks at the youngest: Python's 700 are passed many times in a
# batch of rows, none of which is a cycle.
YOUNG_OBJECTS = 10_000


class ConfigConfig(AppConfig):
    """Starting, checking and describing the whole of Larder."""

    name = "config"
    verbose_name = "Larder"

    def ready(self) -> None:
        """Keep what start-up made out of the collector's sight: it lives as long as we do.

        The collector walked through a quarter of a million such objects again and again, 4 % of
        what an import command took. This app is the last that is made ready.
        """
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
