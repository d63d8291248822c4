"""`/healthz` (the process is alive) and `/readyz` (it can do its work), for machines to ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config import broker
from ml.errors import MlError


class NotReadyError(Exception):
    """One part cannot do its work; the message is what /readyz shows."""


@dataclass(frozen=True)
class Check:
    """The state of one part."""

    is_ok: bool
    message: str


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer at all: nothing else is asked, so that a slow database restarts no process."""
    return JsonResponse({"status": "alive", "version": settings.LARDER_VERSION})


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """Say which parts are ready; 503 while one is not."""
    checks = {name: _run(check) for name, check in CHECKS.items()}
    is_ready = all(check.is_ok for check in checks.values())
    body = {
        "status": "ready" if is_ready else "not_ready",
        "version": settings.LARDER_VERSION,
        "checks": {
            name: {"ok": check.is_ok, "message": check.message} for name, check in checks.items()
        },
    }
    return JsonResponse(body, status=200 if is_ready else 503)


def _run(check: Callable[[], str]) -> Check:
    try:
        return Check(is_ok=True, message=check())
    except NotReadyError as error:
        return Check(is_ok=False, message=str(error))
    except MlError as error:
        return Check(is_ok=False, message=error.message)
    except DatabaseError:
        return Check(is_ok=False, message="The database does not answer as it should.")


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return connection.vendor


def _migrations() -> str:
    _no_migration_is_missing()
    return "applied"


@cache
def _no_migration_is_missing() -> None:
    """Raise while a migration waits; a success is remembered, for none is ever taken back."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        raise NotReadyError(f"{len(plan)} migrations wait. Run: manage.py migrate")


def _broker() -> str:
    if not broker.is_answering(settings.REDIS_URL):
        raise NotReadyError("The broker does not answer. Answers are kept; work waits.")
    return "answers"


def _backbone() -> str:
    return f"{_warm_backbone()} is warm"


@cache
def _warm_backbone() -> str:
    from ml.services import serving  # noqa: PLC0415 - not at the web's start

    return serving.warm_backbone()


def _champions() -> str:
    from ml.selectors import versions  # noqa: PLC0415
    from ml.services import serving  # noqa: PLC0415 - not at the web's start

    warm = serving.warm(versions.projects_with_champion())
    return f"{len(warm)} warm"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "backbone": _backbone,
    "champions": _champions,
}
