"""The pages: the two built entries of the frontend, and what is said while they are not built."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Larder</title>
<h1>The pages are not built yet</h1>
<p>Larder is running, and its <a href="/api/v1/docs/">API</a> answers. The pages need one more
command, in the folder of Larder: <code>make setup</code>. Then load this page again.</p>
</html>
"""


@require_safe
@never_cache
@ensure_csrf_cookie
def volunteer(_request: HttpRequest, **_: str) -> HttpResponse:
    """Serve the page of those who label, try and settle disputes."""
    return _entry("index.html")


@require_safe
@never_cache
@ensure_csrf_cookie
def staff(_request: HttpRequest, **_: str) -> HttpResponse:
    """Serve the staff room. It holds no secret: everything on it comes from the API."""
    return _entry("staff.html")


def _entry(name: str) -> HttpResponse:
    path: Path = settings.FRONTEND_DIR / name
    try:
        return HttpResponse(path.read_bytes())
    except FileNotFoundError:
        return HttpResponse(NOT_BUILT, status=503)
