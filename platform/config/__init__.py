"""The Django project. Imports Celery's app so that `shared_task` finds it."""

from __future__ import annotations

import os

# OpenBLAS's threads burn a core for 30 ms (2^26 cycles) after each product while they wait for the
# next one. Here the engine, a decoder or another process wants that core: sleep after 2^14. Read
# when numpy is loaded, so it stands before everything that might.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "14")

from config.celery import app as celery_app

__all__ = ["celery_app"]
