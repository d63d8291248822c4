"""Settings of `manage.py bench queue`: the product, and the bare view that it is compared with."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from config.settings import *  # noqa: F403
from config.settings import IS_PRODUCTION

if IS_PRODUCTION:
    raise ImproperlyConfigured("config.settings_bench has a view without access control.")
ROOT_URLCONF = "ml.bench.floor"
