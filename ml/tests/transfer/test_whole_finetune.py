"""The slow loop with nothing left out: pictures, torch, the compiled file, the verdict, the switch.

A random backbone of three stages cannot tell drawn shapes apart, so its learning curve is flat:
the sweep finds that a fine-tune pays, and a tuned one proves itself on the audit slice.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image as PillowImage
from PIL import ImageDraw

from labeling.tests import worlds
from labeling.tests.rows import Annotator, Image, Partition, Project
from ml.models import (
    Champion,
    Embedding,
    EmbeddingScope,
    EmbeddingSet,
    ModelState,
    ModelVersion,
    TrainingKind,
    TrainingRun,
)
from ml.selectors import embeddings, overview
from ml.services import classify, due, embedding, finetune, handover, refit, serving
from ml.tests.serving.kitchen import ask, client_with
from ml.transfer.backbones import load_backbone, spec
from ml.transfer.export import export_onnx

pytestmark = [pytest.mark.torch, pytest.mark.slow, pytest.mark.django_db]

POOL, AUDIT, LABELED = 240, 120, 200
FIRST_DRAWING = 50_000
LABELS = ("red", "green", "blue")
DEEPER = {
    "tuned_stages": 3, "epochs": 20, "patience": 20, "backbone_lr": 5e-3, "augment": False,
    "device": "cpu",
}  # fmt: skip
"""All of a backbone that knows nothing; the defaults are for one that knows ImageNet."""


@pytest.fixture(autouse=True)
def _fresh_process_memory() -> Iterator[None]:
    for module in (embeddings, embedding, serving, overview):
        module.forget()
    yield
    for module in (embeddings, embedding, serving, overview):
        module.forget()


class Shapes:
    """A project of drawn shapes whose files are real, and who answers."""

    def __init__(self) -> None:
        self.project: Project = worlds.make_project(votes_audit=1, finetune_min_new_labels=LABELED)
        worlds.make_scheme(self.project, LABELS)
        self.ada: Annotator = worlds.make_annotator(self.project)
        self.seconds = 0
        self.truth: dict[int, str] = {}
        self.pool = self._add(POOL, Partition.POOL)
        self.audit = self._add(AUDIT, Partition.AUDIT)

    def _add(self, count: int, partition: str) -> list[Image]:
        images = worlds.make_images(self.project, count, partition)
        for number, image in enumerate(images):
            # By place, not by key: where keys go on counting, another order of tests would draw
            # other pictures, and on some of them the curve is not flat.
            content = draw(number % 3, FIRST_DRAWING + len(self.truth))
            default_storage.save(image.storage_key, ContentFile(content))
            self.truth[image.pk] = LABELS[number % 3]
        return images

    @property
    def now(self) -> Any:
        self.seconds += 1
        return worlds.later(self.seconds)

    def answer(self, images: list[Image]) -> None:
        for image in images:
            worlds.direct(self.ada, image, self.truth[image.pk])

    def embed(self) -> None:
        original = embedding.ensure_original_set(project_id=self.project.pk, now=self.now)
        while embedding.embed_batch(
            project_id=self.project.pk, set_id=original.pk, now=self.now
        ).remaining:
            pass

    def refit(self) -> str:
        return refit.run(project_id=self.project.pk, now=self.now).kind

    def is_due(self, kind: str) -> bool:
        return due.Due(kind, self.project.pk) in due.find(now=self.now)  # type: ignore[arg-type]


def draw(kind: int, seed: int) -> bytes:
    """Draw a small disc of the kind's colour among others of any colour, over a motley ground."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 256, (2, 2, 3)).astype(np.uint8)
    picture = PillowImage.fromarray(ground).resize((48, 40), PillowImage.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    shades = [tuple(rng.integers(0, 256, 3).tolist()) for _ in range(3)]
    shades[-1] = tuple((np.eye(3)[kind] * 230 + rng.integers(0, 26, 3)).astype(int).tolist())
    for shade in shades:
        x, y = rng.integers((10, 10), (38, 30)).tolist()
        pen.ellipse((x - 7, y - 7, x + 7, y + 7), fill=shade)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


@pytest.fixture
def shapes(tiny: str, tmp_path: Path, settings: Any) -> Shapes:
    """The project on the untuned backbone, its audit slice judged, half of its labels given."""
    settings.BACKBONE, settings.BACKBONE_DIR = tiny, tmp_path / "backbones"
    files = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path / "files"}}
    settings.STORAGES = {**settings.STORAGES, "default": files}
    export_onnx(load_backbone(tiny), spec(tiny).preprocessing, tmp_path / "backbones", name=tiny)
    made = Shapes()
    made.embed()
    made.answer(made.audit)
    made.answer(made.pool[: LABELED // 2])
    assert made.refit() == "deployed"
    return made


class Client:
    """Asks `predict` about one picture and checks each reply against the version it names."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.picture = draw(1, 10_000)
        self.http = client_with(shapes.project, "predict")
        self.versions: list[int] = []

    def ask(self) -> int:
        reply = ask(self.http, self.shapes.project, self.picture)
        assert reply.status_code == 200, reply.content
        (one,) = reply.json()["results"]
        number = one["model_version"]["number"]
        served = serving.pinned(self.shapes.project.pk, number)
        (row,) = classify.probabilities_of(served, [io.BytesIO(self.picture)])
        assert isinstance(row, np.ndarray)
        best = int(row.argmax())
        assert one["top"][0]["label"] == served.label_order[best]
        assert one["top"][0]["probability"] == pytest.approx(row[best], abs=1e-5)
        self.versions.append(number)
        return int(number)


def test_from_the_trigger_to_the_verdict_to_the_switch_with_no_hand_on_it(shapes: Shapes) -> None:
    client = Client(shapes)
    client.ask()
    assert not shapes.is_due("finetune")

    # The last answer fills the trigger's conditions: enough labels, and the curve is flat.
    shapes.answer(shapes.pool[LABELED // 2 : LABELED])
    shapes.refit()
    assert shapes.is_due("finetune")
    run = TrainingRun.objects.get(kind=TrainingKind.FINETUNE)
    assert run.trigger == "flat curve"
    TrainingRun.objects.filter(pk=run.pk).update(settings={**run.settings, "overrides": DEEPER})
    outcome = finetune.run(project_id=shapes.project.pk, clock=lambda: shapes.now)

    # The audit slice decided, and until the pool has its vectors the old backbone serves.
    assert outcome.kind == "challenger"
    assert outcome.sentence.startswith("Proven: right on ")
    assert outcome.version_id is not None
    tuned = ModelVersion.objects.get(pk=outcome.version_id)
    before = Champion.objects.get().model_version
    assert before.embedding_set != tuned.embedding_set
    assert Embedding.objects.filter(set=tuned.embedding_set).count() == LABELED + AUDIT
    client.ask()
    while shapes.is_due("reembed"):
        handover.advance(project_id=shapes.project.pk, now=shapes.now, seconds=0.1)
        client.ask()

    champion = Champion.objects.get()
    assert champion.model_version_id == champion.proven_id == tuned.pk
    assert Embedding.objects.filter(set=tuned.embedding_set).count() == POOL + AUDIT
    assert tuned.embedding_set.scope == EmbeddingScope.JUDGED  # as it was before the handover
    assert EmbeddingSet.objects.get(pk=tuned.embedding_set_id).scope == EmbeddingScope.ALL
    wait_for_the_new_backbone()
    assert client.ask() == tuned.number
    assert client.versions == sorted(client.versions)

    # And the fast loop goes on upon it: at once, as the handover asked, and with new answers.
    assert shapes.refit() == "deployed"
    assert client.ask() == head_upon(tuned, n_labels=LABELED)
    shapes.answer(shapes.pool[LABELED : LABELED + 20])
    assert shapes.refit() == "deployed", ModelVersion.objects.latest("number").verdict
    assert client.ask() == head_upon(tuned, n_labels=LABELED + 20)


def head_upon(tuned: ModelVersion, *, n_labels: int) -> int:
    """Give the number of what serves: a head from so many labels upon the tuned backbone."""
    newest = Champion.objects.get().model_version
    assert (newest.kind, newest.embedding_set) == ("HEAD", tuned.embedding_set)
    assert newest.n_labels == n_labels
    return newest.number


def wait_for_the_new_backbone() -> None:
    for loader in list(serving._loading.values()):
        loader.join(30)


def test_a_tuning_that_does_not_help_is_not_put_to_the_test(shapes: Shapes) -> None:
    finetune.request(
        project_id=shapes.project.pk,
        trigger="staff",
        now=shapes.now,
        **{**DEEPER, "epochs": 1, "backbone_lr": 0.0, "head_lr": 0.0},
    )

    outcome = finetune.run(project_id=shapes.project.pk, clock=lambda: shapes.now)

    assert outcome.kind == "no_better"
    assert "it was not put to the test on the audit images" in outcome.sentence
    assert not ModelVersion.objects.filter(kind="FINETUNE").exists()
    run = TrainingRun.objects.get(kind=TrainingKind.FINETUNE)
    before = run.settings["log_loss_before"]
    assert run.settings["log_loss_after"] == pytest.approx(before, abs=1e-7)
    assert set(run.stages_s) == {"reading", "tuning", "exporting"}
    assert ModelVersion.objects.filter(state=ModelState.CHAMPION).count() == 1
