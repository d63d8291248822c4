"""The address that commands put in front of the links they print."""

from __future__ import annotations

import os

from django.conf import settings

GIVEN_BY = ("LARDER_PUBLIC_URL", "LARDER_PORT")


def public_url() -> str:
    """Give the address in the environment, else the one a running `make run` has written down."""
    told: str = settings.PUBLIC_URL
    if any(os.environ.get(name) for name in GIVEN_BY):
        return told
    try:
        return (settings.DATA_DIR / "run" / "address").read_text(encoding="utf-8").strip() or told
    except FileNotFoundError:
        return told
