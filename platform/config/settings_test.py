"""Settings of the test suite: a fast hasher, files and data in a temporary folder, no broker.

Tests that need a broker start a real one and run real processes under `config.settings`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

if "LARDER_DATA" not in os.environ:
    # A test that starts processes gives them a folder of its own, which outlives each of them.
    os.environ["LARDER_DATA"] = tempfile.mkdtemp(prefix="larder-test-")
    atexit.register(shutil.rmtree, os.environ["LARDER_DATA"], ignore_errors=True)
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 40)

from config.settings import *  # noqa: F403
from config.settings import REST_FRAMEWORK, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_BROKER_URL = "memory://"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# No rate is no limit; tests of the limits set their own.
REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]),
}
