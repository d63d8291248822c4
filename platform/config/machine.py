"""Larder on one machine: which processes there are, and what each is started with."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from django.core.exceptions import ImproperlyConfigured

from config.supervisor import Child

# More than can run at once: who waits for the answer before theirs is done together with others
# who wait (docs/adr/0010), and holds no processor meanwhile.
WEB_THREADS = 16
BACKGROUND_NICE = 10
# A documentation address (RFC 5737): asking the way to it sends nothing.
SOMEWHERE_ELSE = ("192.0.2.1", 9)


def environment(base_dir: Path) -> dict[str, str]:
    """What every child needs to find Larder's code."""
    return {
        "PYTHONPATH": os.pathsep.join([str(base_dir / "platform"), str(base_dir)]),
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings"),
    }


def web(*, host: str, port: int, extra: Mapping[str, str]) -> Child:
    """The web process: sync Django over WSGI in a bounded number of threads."""
    options = {
        "--interface": "wsgi",
        "--host": host,
        "--port": str(port),
        "--workers": "1",
        "--blocking-threads": str(WEB_THREADS),
        "--workers-kill-timeout": "5",
    }
    command = [sys.executable, "-m", "granian", "config.wsgi:application"]
    for name, value in options.items():
        command += [name, value]
    command += ["--no-ws", "--respawn-failed-workers"]
    return Child("web", command, extra, known=(b"spawning up to",))


def worker(queue: str, *, extra: Mapping[str, str]) -> Child:
    """A Celery worker of its own for one queue, one job at a time.

    Prefork, never threads: only prefork has hard time limits. The gpu worker spawns its pool,
    because a forked process hangs on its first torch operation.
    """
    command = [sys.executable, "-m", "celery", "-A", "config", "worker"]
    command += ["-Q", queue, "-n", f"{queue}@larder", "-P", "prefork", "-c", "1", "-l", "INFO"]
    command += ["--without-gossip", "--without-mingle"]
    if queue != "fast":
        # Imports and training fill every core; an answer's refit goes before them.
        command = ["nice", "-n", str(BACKGROUND_NICE), *command]
    if queue == "gpu":
        command += ["--pool-start-method", "spawn", "--max-tasks-per-child", "50"]
    if queue == "default":
        # Embedding has a thread for every core: a product that waits for a second one costs both.
        extra = {"OPENBLAS_NUM_THREADS": "1", **extra}
    return Child(queue, command, extra)


def beat(*, folder: Path, extra: Mapping[str, str]) -> Child:
    """The clock that asks for the sweeps."""
    schedule = str(folder / "beat-schedule")
    command = [sys.executable, "-m", "celery", "-A", "config", "beat", "-s", schedule]
    return Child("beat", [*command, "--pidfile=", "-l", "INFO"], extra)


def management(name: str, *arguments: str, extra: Mapping[str, str]) -> Child:
    """A management command that runs until it has succeeded once, behind what people wait for."""
    command = ["nice", "-n", str(BACKGROUND_NICE), sys.executable, "manage.py", name, *arguments]
    return Child(name.replace("_", "-"), command, extra, is_once=True, is_told=True)


def lan_address() -> str:
    """This machine's address on its network.

    Raises:
        ImproperlyConfigured: it is on none.
    """
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(SOMEWHERE_ELSE)
            address: str = probe.getsockname()[0]
        except OSError:
            address = "127.0.0.1"
    if address.startswith("127."):
        raise ImproperlyConfigured("SHARE=lan: this machine is on no network.")
    return address


def refuse_taken_port(host: str, port: int) -> None:
    """Refuse to start where something else listens already.

    Raises:
        ImproperlyConfigured: names the port and the way out.
    """
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ImproperlyConfigured(
                f"Port {port} cannot be used ({error.strerror}). "
                f"Choose another: LARDER_PORT={port + 1} make run"
            ) from None


def prepare_folders(data: Path) -> tuple[Path, Path]:
    """Make the folders of sockets and of logs, and try whether this user may write in all three.

    Raises:
        ImproperlyConfigured: it may not; another user may have made them.
    """
    run, logs = data / "run", data / "log"
    try:
        for folder in (data, run, logs):
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ImproperlyConfigured(f"LARDER_DATA={data}: cannot write there ({error}).") from None
    return run, logs


def lock(folder: Path) -> IO[str]:
    """Hold a data folder for one `make run`; the lock goes with the process.

    Raises:
        ImproperlyConfigured: another one holds it.
    """
    file = (folder / "up.lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise ImproperlyConfigured(
            f"Larder already runs on {folder.parent} (process {holder}). "
            "Stop it there with Ctrl-C, or name another folder in LARDER_DATA."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


@contextmanager
def announced(folder: Path, url: str) -> Iterator[None]:
    """Keep the address people open in a file while Larder runs; commands print links with it."""
    path = folder / "address"
    write_whole(path, url)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a small file so that whoever reads it finds all of it, or what was there before."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def password() -> str:
    """Make up a password that can be read aloud and typed: 100 random bits."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))
    return "-".join(groups)
