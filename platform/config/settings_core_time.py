"""Settings of `manage.py bench embed`: the product, with core-seconds counted by stage."""

from __future__ import annotations

from config.settings import *  # noqa: F403
from config.settings import DATA_DIR

CORE_TIME_DIR = DATA_DIR / "core-time"
