"""`manage.py figures` against the pages: the same numbers, from the same rows."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from labeling.tests import factories
from labeling.tests.rows import Partition
from ml.selectors import embeddings, overview
from ml.services import outlook
from ml.tests.loop.world import World
from ml.tests.serving.kitchen import signed_in

pytestmark = pytest.mark.django_db


def test_the_command_gives_the_numbers_of_the_pages(tmp_path: Path) -> None:
    embeddings.forget()
    overview.forget()
    made = World.make(pool=40, audit=32, noise=1.6, target_accuracy=0.9)
    made.label_some(30)
    made.refit()
    made.label_some(32, Partition.AUDIT)
    made.label_some(2)
    made.refit()
    outlook.update(project_id=made.project.pk, now=made.now)
    client = signed_in(factories.make_member(made.project, "MANAGER"))

    def page(name: str) -> Any:
        return client.get(f"/api/v1/staff/projects/{made.project.slug}/{name}").json()

    path = tmp_path / "figures.json"
    call_command("figures", project=made.project.slug, json=str(path), stdout=StringIO())
    found = json.loads(path.read_text(encoding="utf-8"))

    assert found["accuracy"] == page("overview")["accuracy"]
    assert found["accuracy"]["overall"]["n"] == 32
    assert found["history"] == page("history")["points"]
    assert found["outlook"] == page("forecast")["figures"]
    assert found["is_as_stored"] is True


def test_a_project_that_is_not_there_is_refused() -> None:
    with pytest.raises(CommandError, match="no project 'nowhere'"):
        call_command("figures", project="nowhere")
