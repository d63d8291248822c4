"""Web, fast loop and beat start without torch, and without the slow imports of science."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config.tests import servers

WEB = """
import config.wsgi
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator
SchemaGenerator().get_schema(request=None, public=True)
"""
WORKER = """
import django
django.setup()
from config.celery import app
app.loader.import_default_modules()
"""
REPORT = """
import json, sys
heavy = ("torch", "torchvision", "onnx", "sklearn", "scipy", "onnxruntime", "matplotlib")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""
REFUSED_FINDER = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "torchvision", "onnx", "onnxscript"}:
            raise ModuleNotFoundError(f"no module named {name}", name=name)
sys.meta_path.insert(0, NoTorch())
"""


def _loaded(code: str, tmp_path: Path) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", code + REPORT],
        cwd=settings.BASE_DIR,
        env=servers.environment(
            LARDER_DATA=str(tmp_path), DJANGO_SETTINGS_MODULE="config.settings"
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    loaded: list[str] = json.loads(result.stdout.splitlines()[-1])
    return loaded


@pytest.mark.parametrize("code", [WEB, WORKER], ids=["web", "worker"])
def test_starts_without_torch_and_slow_imports(code: str, tmp_path: Path) -> None:
    assert _loaded(code, tmp_path) == []


@pytest.mark.parametrize("code", [WEB, WORKER], ids=["web", "worker"])
def test_starts_where_torch_is_not_installed(code: str, tmp_path: Path) -> None:
    assert "torch" not in _loaded(REFUSED_FINDER + code, tmp_path)


def test_the_report_would_notice_torch(tmp_path: Path) -> None:
    assert _loaded("import onnxruntime\n", tmp_path) == ["onnxruntime"]
