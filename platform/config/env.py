"""Typed readers of environment variables. A wrong value stops the start with its name."""

from __future__ import annotations

import os
import re
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def env_str(name: str, default: str) -> str:
    """Read a string; an empty variable counts as unset."""
    return os.environ.get(name) or default


def env_bool(name: str, *, default: bool) -> bool:
    """Read a switch: 1/0, true/false, yes/no, on/off."""
    raw = os.environ.get(name)
    if raw is None:
        return default
    if raw.lower() in TRUE:
        return True
    if raw.lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={raw!r}: expected one of 1, 0, true, false, yes, no.")


def env_int(name: str, default: int, *, low: int, high: int) -> int:
    """Read a whole number in [low, high]."""
    raw = os.environ.get(name)
    if not raw:
        return default
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={raw!r}: expected a whole number.") from None
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name}={raw!r}: expected {low} to {high}.")
    return value


def env_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """Read one of a few words."""
    value = env_str(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r}: expected one of {', '.join(choices)}.")
    return value


def env_rate(name: str, default: str) -> str:
    """Read a rate such as 10/min: a whole number a second, minute, hour or day."""
    value = env_str(name, default)
    if not re.fullmatch(r"[1-9][0-9]*/(s|sec|second|m|min|minute|h|hour|d|day)", value):
        raise ImproperlyConfigured(f"{name}={value!r}: expected a rate such as 10/min or 600/hour.")
    return value


def env_url(name: str, default: str) -> str:
    """Read the address of a web site, without a slash at its end."""
    value = env_str(name, default).rstrip("/")
    if not re.fullmatch(r"https?://[^/\s]+", value):
        raise ImproperlyConfigured(f"{name}={value!r}: expected http://host or https://host.")
    return value


def env_list(name: str, default: list[str]) -> list[str]:
    """Read a comma-separated list."""
    raw = os.environ.get(name)
    return [part.strip() for part in raw.split(",") if part.strip()] if raw else default


def env_path(name: str, default: Path) -> Path:
    """Read a path; `~` is the home folder, relative paths count from where you are."""
    return Path(env_str(name, str(default))).expanduser().absolute()
