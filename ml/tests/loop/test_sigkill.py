"""Real processes, killed with SIGKILL at the worst moments: nothing lost, nothing doubled.

Each child works on a database of its own in a temporary folder, and kills itself where told.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from ml.tests.inference.tiny import write_backbone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PRELUDE = """
import io, json, os, signal, sys, uuid
from datetime import timedelta
import django
import numpy as np
django.setup()
from config.celery import app
app.conf.broker_url = "memory://"
from labeling.selectors import images as image_selectors
from labeling.services import images, pictures
from labeling.tests import factories, worlds
from labeling.tests.rows import Annotator, Image, Project
from ml.models import Champion, Embedding, EmbeddingSet, ModelVersion, TrainingRun
from ml.services import embedding, partition, refit, registry, snapshots
from ml.services.tables import make_tables

NOW = worlds.NOW

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def then_die(function):
    def run(*args, **kwargs):
        function(*args, **kwargs)
        die()
    return run
"""

SETUP = """
make_tables()
# Three colours are all that the backbone sees: near-duplicates would be most of the images.
project = worlds.make_project(split_cosine=1.0)
for seed in range(40):
    images.ingest(
        project_id=project.pk, upload=io.BytesIO(factories.picture_bytes(seed)),
        original_name=f"{seed}.jpg", source="shop", licence="MIT", uploaded_by_id=None, now=NOW,
    )
worlds.make_annotator(project)
"""

EMBED = """
project = Project.objects.get()
later = NOW + timedelta(seconds=int(sys.argv[1]))
while partition.advance(project_id=project.pk, now=later).remaining:
    pass
"""

ANSWER = """
project, annotator = Project.objects.get(), Annotator.objects.get()
for image in Image.objects.filter(partition="POOL").order_by("pk")[:30]:
    pixels = np.asarray(pictures.open_stored(image.storage_key), dtype=float)
    colour = int((pixels.mean(axis=(0, 1)) - [128, 128, 128]).argmax())  # red, green or blue
    worlds.direct(annotator, image, worlds.LABELS[colour])
"""

REFIT = """
project = Project.objects.get()
outcome = refit.run(project_id=project.pk, now=NOW + timedelta(seconds=int(sys.argv[1])))
print(json.dumps(outcome.kind))
"""

COUNT = """
rows = Embedding.objects.values_list("image_id", flat=True)
print(json.dumps({
    "vectors": len(rows), "images": len(set(rows)),
    "waiting": len(image_selectors.waiting_for_partition(Project.objects.get().pk)),
    "versions": ModelVersion.objects.count(),
    "champions": Champion.objects.count(),
    "serving": ModelVersion.objects.filter(state="CHAMPION").count(),
    "active": TrainingRun.objects.filter(state__in=["QUEUED", "RUNNING"]).count(),
}))
"""


def player(folder: Path) -> Any:
    """Run scripts, each in a process of its own, on the folder's database; give what they print."""
    environment = {
        **os.environ,
        "LARDER_DATA": str(folder),
        "LARDER_BACKBONE": "tiny",
        "LARDER_LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"sqlite:///{folder}/larder.sqlite3",
        "PYTHONPATH": f"{settings.BASE_DIR / 'platform'}:{settings.BASE_DIR}",
    }
    environment.pop("LARDER_BACKBONE_DIR", None)

    def run(script: str, argument: int = 0, *, dies: bool = False) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + script, str(argument)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == (-signal.SIGKILL if dies else 0), done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


@pytest.fixture
def play(tmp_path: Path) -> Any:
    write_backbone(tmp_path / "backbones")
    return player(tmp_path)


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose images are embedded and answered, to be copied."""
    folder = tmp_path_factory.mktemp("answered")
    write_backbone(folder / "backbones")
    player(folder)(SETUP + EMBED + ANSWER)
    return folder


def test_a_worker_killed_while_embedding_loses_and_repeats_nothing(play: Any) -> None:
    play(SETUP)
    # The first batch is stored; the second dies between its vectors and its commit.
    play(
        """
batches = []
write = embedding._fix_centre
def second_time(of):
    batches.append(of)
    write(of)
    if len(batches) == 2:
        die()
embedding._fix_centre = second_time
"""
        + EMBED,
        dies=True,
    )
    (before,) = play(COUNT)
    assert before["vectors"] == embedding_first_batch()

    (found,) = play(EMBED + COUNT, 31)

    assert (found["vectors"], found["images"], found["waiting"]) == (40, 40, 0)


def embedding_first_batch() -> int:
    from ml.services import embedding

    return embedding.FIRST_BATCH


@pytest.mark.parametrize(
    "where",
    [
        "snapshots.store = then_die(snapshots.store)",
        "registry.create_version = then_die(registry.create_version)",
        "registry._move_pointer = then_die(registry._move_pointer)",
        "registry.promote = then_die(registry.promote)",
        "registry.prune = die",
    ],
    ids=["after the snapshot", "after the version", "pointer moved", "promoted", "deployed"],
)
def test_a_worker_killed_during_a_refit_is_replaced_without_repair(
    answered: Path, tmp_path: Path, where: str
) -> None:
    play = player(shutil.copytree(answered, tmp_path / "data"))
    play(where + REFIT, dies=True)

    left, soon = play(COUNT + REFIT, 5)
    # The dead one's last sign of life is as late as it was slow: seconds on a busy machine.
    later, found = play(REFIT + COUNT, 60)

    assert left["active"] == 1
    assert soon == "busy"
    assert later in ("deployed", "unchanged")
    assert found["champions"] == found["serving"] == 1
    assert found["versions"] == (2 if "prune" in where else 1)
    assert found["active"] == 0
