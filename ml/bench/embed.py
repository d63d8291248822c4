"""`manage.py bench embed`: how near import and re-embedding come to what the machine allows.

The bound of an import is made of the core-seconds that it spent itself on decoding uploads,
encoding what is stored, decoding that again, and the engine (`embed_costs`). The floor of
re-embedding is the bare engine on inputs that lie ready in memory.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from labeling.selectors import images as image_selectors
from labeling.selectors import projects as project_selectors
from labeling.services import pictures, projects
from ml import tasks
from ml.bench import embed_costs, processor, sandbox
from ml.inference.embedder import OnnxEmbedder
from ml.inference.files import find_backbone
from ml.models import Embedding, EmbeddingSet, EmbeddingSetState
from ml.services import embedding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from ml.services.labeled_folder import LabeledPicture

SLUG = "bench-embed"
SAMPLE = 200
ROUNDS = 3
POLL_S = 0.1
READY = EmbeddingSetState.READY
LONGEST_S = 900.0
COUNTED = {"DJANGO_SETTINGS_MODULE": "config.settings_core_time"}


class CannotMeasureError(RuntimeError):
    """The import did not end, or counted nothing; there is no figure to report."""


def measure(
    *,
    pictures_given: Sequence[LabeledPicture],
    work: Path,
    now: datetime,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Measure costs, the engine, an import by the real processes, and a re-embedding."""
    embedder = _embedder()
    sample = [picture.path.read_bytes() for picture in pictures_given[:SAMPLE]]
    say("measuring what an image costs")
    alone = embed_costs.alone(embedder, sample)
    engine = _engine_images_per_s(embedder, sample)
    projects.create_project(name=SLUG, classes=["one", "two"], now=now)
    say(f"importing {len(pictures_given)} images with the real processes")
    with sandbox.processes(work, **COUNTED):
        processor.wait_until_calm()
        done = _import(pictures_given, work)
    say("embedding the stored images again, between two looks at the bare engine")
    again = _reembed(now)
    engine = (engine + _engine_images_per_s(embedder, sample)) / 2
    return {
        **_against_bounds(done, alone),
        "reembed_images_per_s": round(again, 2),
        "engine_images_per_s": round(engine, 2),
        "reembed_share_of_engine": round(again / engine, 3),
        "core_seconds": _core_seconds(done, alone),
        "images": len(pictures_given),
    }


@dataclass(frozen=True, slots=True)
class _Done:
    """An import with embedding: how many images, how fast, and what it took."""

    images: int
    images_per_s: float
    used: processor.Used
    command: embed_costs.Process
    workers: list[embed_costs.Process]

    @property
    def stages_s(self) -> embed_costs.Stages:
        """Core-seconds an image, by stage."""
        spent = embed_costs.spent_by_stage([self.command, *self.workers])
        return {name: seconds / self.images for name, seconds in spent.items()}


def _against_bounds(done: _Done, alone: embed_costs.Stages) -> dict[str, float]:
    bound = done.used.cores / sum(done.stages_s.values())
    bound_alone = done.used.cores / sum(alone.values())
    free = done.used.free_cores / done.used.cores
    return {
        "import_images_per_s": round(done.images_per_s, 2),
        "bound_images_per_s": round(bound, 2),
        "import_share_of_bound": round(done.images_per_s / bound, 3),
        "bound_alone_images_per_s": round(bound_alone, 2),
        "import_share_of_bound_alone": round(done.images_per_s / bound_alone, 3),
        "cores_left_by_others": round(done.used.free_cores, 2),
        "import_share_of_bound_on_cores_left": round(done.images_per_s / (bound * free), 3),
    }


def _core_seconds(done: _Done, alone: embed_costs.Stages) -> dict[str, dict[str, float]]:
    """Give core-seconds an image: inside the import, of the stages alone, and what else it was."""
    inside, overhead = done.stages_s, {}
    if done.used.own_s is not None:
        spent, in_stages = done.used.own_s / done.images, sum(inside.values())
        overhead = {
            "import_command": done.command.overhead_s / done.images,
            "embedding_worker": sum(one.overhead_s for one in done.workers) / done.images,
        }
        overhead["everything_else"] = spent - in_stages - sum(overhead.values())
        inside |= {"overhead": spent - in_stages, "all": spent}
    by_part = {"import": inside, "alone": alone, "overhead": overhead}
    return {
        part: {name: round(seconds, 6) for name, seconds in costs.items()}
        for part, costs in by_part.items()
    }


def _embedder() -> OnnxEmbedder:
    backbone = find_backbone(settings.BACKBONE_DIR, settings.BACKBONE)
    embedder = OnnxEmbedder(backbone, threads=settings.ORT_THREADS)
    embedder.warm()
    return embedder


def _engine_images_per_s(embedder: OnnxEmbedder, sample: Sequence[bytes]) -> float:
    inputs = np.stack([embedder.preprocess(pictures.decode(content)[0]) for content in sample])
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        embedder.embed(inputs)
        rounds.append(len(inputs) / (time.perf_counter() - started))
    return float(np.median(rounds))


def _import(given: Sequence[LabeledPicture], work: Path) -> _Done:
    """Run `manage.py import_images` beside the default worker; images a second until embedded."""
    project = project_selectors.by_slug(SLUG)
    folder = work / "pictures"
    folder.mkdir()
    for number, picture in enumerate(given):
        (folder / f"{number:05d}{picture.path.suffix}").symlink_to(picture.path)
    command = ["import_images", str(folder), "--project", SLUG, "--source", "bench"]
    command += ["--licence", "as given", "--labels", "ignore"]
    folder_of_times = work / "core-time"
    before = embed_costs.saved(folder_of_times)
    meter, started = processor.Meter(), time.perf_counter()
    with (work / "import.txt").open("wb") as log:
        done = subprocess.run(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *command],
            env=sandbox.environment(work, broker=f"unix://{work}/run/valkey.sock") | COUNTED,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        text = (work / "import.txt").read_text(errors="replace")
        raise CannotMeasureError(f"The import failed:\n{text[-2000:]}")
    stored = sum(image_selectors.counts_by_partition(project.pk).values())
    while time.perf_counter() - started < LONGEST_S:
        # One row; the vectors themselves are counted only when the set says that it has them all.
        if EmbeddingSet.objects.filter(is_original=True, state=READY).exists() and (
            Embedding.objects.filter(set__project_id=project.pk).count() >= stored
        ):
            seconds, used = time.perf_counter() - started, meter.stop()
            return _done(stored, seconds, used, before, embed_costs.saved(folder_of_times))
        time.sleep(POLL_S)
    raise CannotMeasureError(f"Not every image was embedded after {LONGEST_S:.0f} s.")


def _done(
    stored: int,
    seconds: float,
    used: processor.Used,
    before: Mapping[str, embed_costs.Process],
    after: Mapping[str, embed_costs.Process],
) -> _Done:
    """Put an import together. A worker was there before it; what is new is the command."""
    new = [after[pid] for pid in after.keys() - before.keys()]
    workers = [after[pid].since(before[pid]) for pid in after.keys() & before.keys()]
    spent = embed_costs.spent_by_stage([*new, *workers])
    if len(new) != 1 or not all(spent.values()):
        raise CannotMeasureError(f"{len(new)} commands, and core-seconds of {spent}.")
    return _Done(stored, stored / seconds, used, new[0], workers)


def _reembed(now: datetime) -> float:
    project = project_selectors.by_slug(SLUG)
    chosen = EmbeddingSet.objects.get(project_id=project.pk, is_original=True)
    rates = []
    for _ in range(ROUNDS):
        stored, _by_model = Embedding.objects.filter(set=chosen).delete()
        started = time.perf_counter()
        remaining = stored
        while remaining:
            for batch in embedding.embed_batches(
                project_id=project.pk,
                set_id=chosen.pk,
                now=now,
                seconds=tasks.BATCH_S,
                at_most=tasks.BATCHES_A_TASK,
            ):
                remaining = batch.remaining
        rates.append(stored / (time.perf_counter() - started))
    return float(np.median(rates))
