from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ml.bench import acquire


@pytest.mark.slow
def test_every_size_has_its_seconds_and_its_peak(capsys: pytest.CaptureFixture[str]) -> None:
    call_command(
        "bench", "acquire", "--images=1000,3000", "--labeled=100", "--classes=5", "--json=-"
    )

    figures = json.loads(capsys.readouterr().out)
    assert {"commit", "machine", "seconds", "settings", "sizes"} <= set(figures)
    assert figures["settings"] == {
        "name": "acquire", "images": [1000, 3000], "labeled": 100, "classes": 5,
        "strategy": "uherding",
    }  # fmt: skip
    assert list(figures["sizes"]) == ["1000", "3000"]
    for size in figures["sizes"].values():
        assert {"select_s", "rescore_s", "refit_s", "matmul_s", "peak_mb"} <= set(size)
        timed = ("select_s", "rescore_s", "refit_s", "check_s", "choose_s", "matmul_s")
        assert all(size[name] > 0 for name in timed)
        assert 20 < size["peak_mb"] < 2000
        assert size["labels"] == 100


@pytest.mark.parametrize("given", ["10", "many", "10000,", "-5000"])
def test_it_refuses_sizes_that_are_none(given: str) -> None:
    with pytest.raises(acquire.CannotMeasureError, match="at least 1000"):
        acquire.sizes(given)
    with pytest.raises(CommandError, match="at least 1000"):
        call_command("bench", "acquire", f"--images={given}")
