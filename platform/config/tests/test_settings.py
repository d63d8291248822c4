"""A wrong value stops the start with its name and what is expected."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

GOOD_KEY = "k" * 60


def _start(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LARDER_")
        and name not in {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
    }
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.BASE_DIR,
        env={**kept, "LARDER_DATA": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LARDER_ENV", "prod", "local, production"),
        ("LARDER_PORT", "http", "whole number"),
        ("LARDER_PORT", "70000", "1 to 65535"),
        ("LARDER_DEBUG", "perhaps", "true, false"),
        ("LARDER_BEHIND_PROXY", "2", "true, false"),
        ("LARDER_PROXIES", "-1", "0 to 9"),
        ("LARDER_MAX_UPLOAD_MB", "0", "1 to 500"),
        ("LARDER_MAX_MEGAPIXELS", "big", "whole number"),
        ("LARDER_STORED_IMAGE_PX", "9", "256 to 8192"),
        ("LARDER_ORT_THREADS", "none", "whole number"),
        ("LARDER_RATE_LOGIN", "10 a minute", "10/min"),
        ("LARDER_PUBLIC_URL", "larder.example.org", "https://host"),
        ("LARDER_LOG_LEVEL", "LOUD", "WARNING"),
        ("DATABASE_URL", "oracle-something", "postgres://"),
        ("REDIS_URL", "http://localhost", "redis://"),
    ],
)
def test_a_wrong_value_names_itself(tmp_path: Path, name: str, value: str, expected: str) -> None:
    result = _start(tmp_path, **{name: value})

    assert result.returncode != 0
    assert name in result.stderr
    assert expected in result.stderr


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"DATABASE_URL": "postgres://u:p@db/larder"}, "SECRET_KEY"),
        ({"DATABASE_URL": "postgres://u:p@db/larder", "SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"DATABASE_URL": "postgres://u:p@db/x", "SECRET_KEY": "change-me" * 9}, "SECRET_KEY"),
        ({"SECRET_KEY": GOOD_KEY}, "DATABASE_URL"),
        ({"SECRET_KEY": GOOD_KEY, "LARDER_DEBUG": "1"}, "LARDER_DEBUG"),
    ],
)
def test_production_refuses_unsafe_defaults(
    tmp_path: Path, environment: dict[str, str], name: str
) -> None:
    result = _start(tmp_path, LARDER_ENV="production", **environment)

    assert result.returncode != 0
    assert name in result.stderr


def test_an_unwritable_data_folder_is_one_clear_refusal(tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")

    result = _start(tmp_path, LARDER_DATA=str(blocked))

    assert result.returncode != 0
    assert f"LARDER_DATA={blocked}: cannot write there" in result.stderr


def test_a_secret_that_cannot_be_read_is_one_clear_refusal(tmp_path: Path) -> None:
    (tmp_path / "secret_key").mkdir()

    result = _start(tmp_path, LARDER_DATA=str(tmp_path))

    assert result.returncode != 0
    assert f"LARDER_DATA={tmp_path}: cannot write there" in result.stderr
    assert "Traceback" not in result.stderr


def _names_and_defaults() -> dict[str, str]:
    """The settings that settings.py reads, with the source of each default."""
    tree = ast.parse((settings.BASE_DIR / "platform/config/settings.py").read_text())
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        is_reader = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if not (is_reader and node.func.id.startswith("env_")):  # type: ignore[attr-defined]
            continue
        name = ast.literal_eval(node.args[0])  # type: ignore[attr-defined]
        given = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "default")]  # type: ignore[attr-defined]
        is_plain = bool(given) and isinstance(given[0], ast.Constant)
        found[name] = str(given[0].value) if is_plain else found.get(name, "")
    return found


def _documented() -> dict[str, str]:
    text = (settings.BASE_DIR / "docs/operations.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([A-Z0-9_]+)` \| ([^|]*?) \|", text, re.MULTILINE))


def test_the_operations_page_lists_every_setting_with_its_default() -> None:
    documented = _documented()

    assert set(_names_and_defaults()) == set(documented)
    for name, default in _names_and_defaults().items():
        shown = {"False": "off", "True": "on"}.get(default, default)
        assert not shown or f"`{shown}`" in documented[name] or shown == documented[name], name
