"""The folders stay such that Python's own modules are found, and tiers count what ran."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from django.conf import settings

from config.tests import run_tiers

PLATFORM = settings.BASE_DIR / "platform"


def test_platform_is_a_source_root_and_never_a_package() -> None:
    assert not (PLATFORM / "__init__.py").exists()


def _python(code: str) -> str:
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_the_standard_module_platform_is_not_shadowed_from_the_top_folder() -> None:
    assert _python("import platform; print(platform.system())") in {"Linux", "Darwin"}


def test_the_modules_of_config_shadow_no_installed_package() -> None:
    code = (
        "import sys; sys.path.insert(0, 'platform'); import celery, config.celery as ours;"
        "print(celery.__file__ != ours.__file__)"
    )

    assert _python(code) == "True"


def test_a_tier_report_counts_failures_and_skips(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="7" failures="1" errors="1" skipped="2"/></testsuites>'
    )

    assert run_tiers._read_report(report) == run_tiers.Outcome(passed=3, failed=2, skipped=2)
