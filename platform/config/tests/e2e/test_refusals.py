"""What stops `make run` before it starts: each is one clear line."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings

from config.tests import servers

pytestmark = pytest.mark.e2e


def _up(data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=settings.BASE_DIR,
        env=servers.environment(LARDER_DATA=str(data), **environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _refusal(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    return result.stderr


def test_a_port_in_use(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        line = _refusal(_up(tmp_path, LARDER_PORT=port))

    assert port in line
    assert "LARDER_PORT=" in line


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()

    assert f"LARDER_DATA={blocked}" in _refusal(_up(blocked))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"IMAGES": "no/such/folder"}, "no such folder"),
        ({"SHARE": "world"}, "SHARE='world': expected lan"),
        ({"LARDER_DEMO_IMAGES": "no/such/folder"}, "labels.csv"),
        ({"REDIS_URL": "redis://127.0.0.1:9/0"}, "REDIS_URL"),
    ],
)
def test_a_wrong_wish(tmp_path: Path, environment: dict[str, str], expected: str) -> None:
    assert expected in _refusal(_up(tmp_path, **environment))


def test_own_pictures_without_a_class_name(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "one.jpg").touch()

    line = _refusal(_up(tmp_path / "data", IMAGES=str(tmp_path / "pictures")))

    assert 'CLASSES="' in line
