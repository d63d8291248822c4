#!/usr/bin/env python3
"""Django's command line, with platform/ on the path so that `config` can be imported."""

from __future__ import annotations

import os
import sys
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent


def main() -> None:
    """Run one management command."""
    # platform/ is a source root, never a package: a package would shadow the standard library.
    sys.path.insert(0, str(BASE_DIR / "platform"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Larder cannot start: {error}")


if __name__ == "__main__":
    main()
