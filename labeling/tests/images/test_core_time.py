"""Core-seconds by stage: counted where they are spent, and only when asked for."""

from __future__ import annotations

import io
import json
import os
import time
from collections import defaultdict
from pathlib import Path

import pytest
from PIL import Image
from pytest_django import Settings

from labeling.services import core_time, pictures


@pytest.fixture(autouse=True)
def nothing_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_time, "_spent", defaultdict(float))


@pytest.fixture
def counted(settings: Settings, tmp_path: Path) -> Path:
    settings.CORE_TIME_DIR = tmp_path / "core-time"
    return tmp_path / "core-time" / f"{os.getpid()}.json"


def _upload() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((900, 700), 60).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


def test_counts_nothing_and_writes_nothing_unless_asked(settings: Settings) -> None:
    assert settings.CORE_TIME_DIR is None

    pictures.picture_of(_upload())
    core_time.save()

    assert core_time._spent == {}


def test_counts_decoding_and_encoding_of_a_picture_apart(counted: Path) -> None:
    upload = _upload()
    before = time.thread_time()
    pictures.picture_of(upload)
    spent = time.thread_time() - before
    core_time.save()

    stages = json.loads(counted.read_text())["stages_s"]
    assert set(stages) == {"decode", "encode"}
    assert all(seconds > 0 for seconds in stages.values())
    assert sum(stages.values()) < spent  # the hashes are neither


def test_waiting_costs_no_core_seconds(counted: Path) -> None:
    with core_time.stage("engine"):
        time.sleep(0.05)
    core_time.save()

    saved = json.loads(counted.read_text())
    assert 0 <= saved["stages_s"]["engine"] < 0.02
    assert saved["process_s"] > saved["stages_s"]["engine"]
