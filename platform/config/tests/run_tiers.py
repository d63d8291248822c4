"""Run the tiers of Larder's tests one after the other and print the time of each.

    python platform/config/tests/run_tiers.py [check unit postgres broker frontend browser e2e]

The last line is `N passed, N failed` over all tiers; the exit code is 1 when anything failed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

BASE_DIR = Path(__file__).resolve().parents[3]
VENV_BIN = Path(sys.executable).parent
PATH = f"{VENV_BIN}{os.pathsep}{os.environ.get('PATH', '')}"
FRONTEND = BASE_DIR / "frontend"
NO_TEST_RAN = 5
SERVERS = "postgres or broker or browser or e2e or crosscheck"


@dataclass(frozen=True)
class Outcome:
    """How many tests of a tier passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )


def _command(
    title: str,
    command: Sequence[str],
    *,
    cwd: Path = BASE_DIR,
    extra: Mapping[str, str] | None = None,
) -> Outcome:
    print(f"--- {title}", flush=True)
    path = f"{VENV_BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PYTHONPATH": str(BASE_DIR / "platform"), "PATH": path}
    result = subprocess.run(
        command,
        cwd=cwd,
        env={**environment, **(extra or {})},
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Outcome(passed=1) if result.returncode == 0 else Outcome(failed=1)


def _pytest(expression: str, *options: str, extra: Mapping[str, str] | None = None) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-m", expression, f"--junitxml={report}"]
        # Importing `config` has put the real settings' name into our environment, which would win.
        settings = {"DJANGO_SETTINGS_MODULE": "config.settings_test", **(extra or {})}
        outcome = _command(f"pytest -m '{expression}'", [*command, *options], extra=settings)
        if not report.is_file():
            return Outcome(failed=1)
        counted = _read_report(report)
    if outcome.failed and not counted.failed and counted != Outcome():
        return counted + Outcome(failed=1)
    return counted


def _read_report(report: Path) -> Outcome:
    outcome = Outcome()
    # Written by our own pytest a moment ago, so there is nothing hostile in it.
    for suite in ET.parse(report).getroot().iter("testsuite"):
        total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        outcome += Outcome(max(total - failed - skipped, 0), failed, skipped)
    return outcome


def check() -> Outcome:
    """Lint, format, types, import contracts, migrations, settings."""
    python = sys.executable
    test_settings = {"DJANGO_SETTINGS_MODULE": "config.settings_test"}
    return (
        _command("ruff check", [python, "-m", "ruff", "check", "--quiet", "."])
        + _command("ruff format", [python, "-m", "ruff", "format", "--check", "--quiet", "."])
        + _command("mypy", [python, "-m", "mypy"])
        + _command("import contracts", [str(VENV_BIN / "lint-imports")])
        + _command("manage.py check", [python, "manage.py", "check"], extra=test_settings)
        + _command(
            "migrations match the models",
            [python, "manage.py", "makemigrations", "--check", "--dry-run"],
            extra=test_settings,
        )
    )


def unit() -> Outcome:
    """Everything that needs no server, on SQLite, its tables made at once."""
    return _pytest(f"not ({SERVERS})", "-n", "2", "--no-migrations")


def postgres() -> Outcome:
    """The tests that use the database, on a real PostgreSQL that plays every migration."""
    sys.path.insert(0, str(BASE_DIR / "platform"))
    from config.tests import servers

    with ExitStack() as stack:
        url = stack.enter_context(servers.postgres())
        plugin = ("-p", "config.tests.database_only")
        options = (*plugin, "-n", "2", "--create-db")
        return _pytest("not (broker or browser or e2e)", *options, extra={"DATABASE_URL": url})


def broker() -> Outcome:
    """Tests with a real Valkey or Redis."""
    return _pytest("broker and not (browser or e2e)", "--no-migrations")


def frontend() -> Outcome:
    """The pages: types, lint, unit tests."""
    npm = shutil.which("npm", path=PATH)
    if npm is None:
        print("frontend: npm is not on the PATH.")
        return Outcome(failed=1)
    outcome = Outcome()
    for script in ("check", "lint"):
        outcome += _command(f"npm run {script}", [npm, "run", "--silent", script], cwd=FRONTEND)
    return outcome + _vitest(npm)


def _vitest(npm: str) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--", "--reporter=default", "--reporter=json", f"--outputFile.json={report}"]
        command = [npm, "run", "--silent", "test", *options]
        outcome = _command("vitest", command, cwd=FRONTEND)
        if not report.is_file():
            return Outcome(failed=1)
        counts = json.loads(report.read_text(encoding="utf-8"))
    failed = max(int(counts["numFailedTests"]), outcome.failed)
    return Outcome(int(counts["numPassedTests"]), failed, int(counts["numPendingTests"]))


def browser() -> Outcome:
    """The pages in a real Chromium against the real server."""
    # Each process has a server, a database and a Chromium of its own.
    return _pytest("browser and not e2e", "-n", "2", "--no-migrations")


def e2e() -> Outcome:
    """The real processes, booted, killed and booted again."""
    # They mostly wait: for a start, a lock that runs out, a sweep. Each has a folder and a port.
    return _pytest("e2e", "-n", "2", "--no-migrations")


TIERS: dict[str, Callable[[], Outcome]] = {
    "check": check,
    "unit": unit,
    "postgres": postgres,
    "broker": broker,
    "frontend": frontend,
    "browser": browser,
    "e2e": e2e,
}


def main(names: Sequence[str]) -> int:
    """Run the named tiers, or all of them."""
    unknown = [name for name in names if name not in TIERS]
    if unknown:
        print(f"No such tier: {', '.join(unknown)}. There are: {', '.join(TIERS)}.")
        return 2
    rows: list[tuple[str, float, Outcome]] = []
    for name in names or TIERS:
        print(f"\n=== {name}", flush=True)
        started = time.monotonic()
        outcome = TIERS[name]()
        rows.append((name, time.monotonic() - started, outcome))
    return _report(rows)


def _report(rows: Sequence[tuple[str, float, Outcome]]) -> int:
    print("\ntier        seconds   passed  failed  skipped")
    total = Outcome()
    for name, seconds, outcome in rows:
        total += outcome
        counts = f"{outcome.passed:8}{outcome.failed:8}{outcome.skipped:9}"
        print(f"{name:10}{seconds:9.1f}{counts}")
    print(f"{'all':10}{sum(seconds for _, seconds, _ in rows):9.1f}\n")
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    print(f"{total.passed} passed, {total.failed} failed{skipped}", flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
