from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ml.inference.files import find_backbone

pytestmark = pytest.mark.torch
REPOSITORY = Path(__file__).resolve().parents[3]


def export(folder: Path, **options: object) -> str:
    out = io.StringIO()
    call_command("export_backbone", out=folder, stdout=out, stderr=out, **options)
    return out.getvalue()


def test_exports_once_and_then_finds_it(tmp_path: Path, tiny: str) -> None:
    first = export(tmp_path, backbone=tiny)
    stamp = Path(find_backbone(tmp_path, tiny).path).stat().st_mtime_ns
    second = export(tmp_path, backbone=tiny)

    assert "Wrote" in first
    assert "is ready" in second
    assert Path(find_backbone(tmp_path, tiny).path).stat().st_mtime_ns == stamp


def test_force_exports_again(tmp_path: Path, tiny: str) -> None:
    export(tmp_path, backbone=tiny)

    assert "Wrote" in export(tmp_path, backbone=tiny, force=True)


def test_a_damaged_file_is_reported_and_replaced(tmp_path: Path, tiny: str) -> None:
    export(tmp_path, backbone=tiny)
    path = Path(find_backbone(tmp_path, tiny).path)
    path.write_bytes(path.read_bytes()[:-1])

    said = export(tmp_path, backbone=tiny)

    assert "damaged" in said
    assert find_backbone(tmp_path, tiny).path == str(path)


def test_an_unknown_backbone_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Unknown backbone 'nix'"):
        export(tmp_path, backbone="nix")


def run_without_torch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process in which torch cannot be imported."""
    script = f"""
import sys
sys.modules["torch"] = None
sys.argv = ["manage.py", "export_backbone", "--out", {str(folder)!r}, *{list(arguments)!r}]
import manage
manage.main()
"""
    return subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


def test_a_host_without_torch_uses_an_existing_file_and_else_says_what_to_do(
    tmp_path: Path,
) -> None:
    missing = run_without_torch(tmp_path)
    export(tmp_path)
    found = run_without_torch(tmp_path)

    assert missing.returncode == 1
    assert "no torch" in missing.stderr
    assert "requirements.txt" in missing.stderr
    assert (found.returncode, "is ready" in found.stdout) == (0, True)
