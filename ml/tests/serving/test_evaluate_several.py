"""`manage.py evaluate` where pictures may bear several labels."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from django.core.management import call_command

from ml.tests.serving.kitchen import GREEN, RED, YELLOW, Kitchen, picture

pytestmark = pytest.mark.django_db


def test_whole_sets_and_each_label_are_measured_on_a_folder(
    kitchen: Kitchen, tmp_path: Path
) -> None:
    kitchen.open_several()
    rows = ["path,shows"]
    for name, colour, shows in (
        ("yellow", YELLOW, "apple|Leek"),
        ("red", RED, "apple"),
        ("green", GREEN, ""),
    ):
        (tmp_path / f"{name}.png").write_bytes(picture(colour))
        rows.append(f"{name}.png,{shows}")
    (tmp_path / "labels.csv").write_text("\n".join(rows), encoding="utf-8")

    written = io.StringIO()
    with redirect_stdout(written):
        call_command(
            "evaluate",
            f"--project={kitchen.project.slug}",
            f"--images={tmp_path}",
            f"--labels={tmp_path / 'labels.csv'}",
            "--label-column=shows",
            "--json=-",
        )

    found = json.loads(written.getvalue())
    assert found["n"] == 3
    # The champion takes the green picture for a leek.
    assert found["accuracy"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["per_class"]["apple"]["precision"]["share"] == 1
    assert found["per_class"]["apple"]["recall"]["share"] == 1
    assert found["per_class"]["leek"]["precision"]["share"] == 0.5
    assert found["per_class"]["leek"]["average_precision"] in (0.5, 1.0)
    assert found["per_class"]["water"] == {
        "threshold": None,
        "n": 0,
        "average_precision": None,
        "precision": None,
        "recall": None,
        "f1": None,
    }
