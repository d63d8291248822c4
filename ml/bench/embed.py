"""`manage.py bench embed`: how near import and re-embedding come to what the machine allows.

The bound of an import is made of core-seconds measured in the same run: decoding the upload,
encoding what is stored, decoding that again, and the engine. The floor of re-embedding is the bare
engine on inputs that lie ready in memory.
"""

from __future__ import annotations

import io
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from PIL import Image

from labeling.selectors import images as image_selectors
from labeling.selectors import projects as project_selectors
from labeling.services import pictures, projects
from ml import tasks
from ml.bench import processor, sandbox
from ml.inference.embedder import OnnxEmbedder
from ml.inference.files import find_backbone
from ml.models import Embedding, EmbeddingSet, EmbeddingSetState
from ml.services import embedding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    import numpy.typing as npt

    from ml.services.labeled_folder import LabeledPicture

SLUG = "bench-embed"
SAMPLE = 200
ROUNDS = 3
POLL_S = 0.05
READY = EmbeddingSetState.READY
LONGEST_S = 900.0


class CannotMeasureError(RuntimeError):
    """The import did not end; there is no figure to report."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Core-seconds an image, medians over rounds."""

    decode_s: float
    encode_s: float
    stored_decode_s: float
    engine_s: float

    @property
    def total_s(self) -> float:
        """What one image costs from upload to vector."""
        return self.decode_s + self.encode_s + self.stored_decode_s + self.engine_s


def measure(
    *,
    pictures_given: Sequence[LabeledPicture],
    work: Path,
    now: datetime,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Measure costs, the engine, an import by the real processes, and a re-embedding."""
    embedder = _embedder()
    say("measuring what an image costs")
    costs = _costs(embedder, pictures_given[:SAMPLE])
    engine = _engine_images_per_s(embedder, pictures_given[:SAMPLE])
    projects.create_project(name=SLUG, classes=["one", "two"], now=now)
    say(f"importing {len(pictures_given)} images with the real processes")
    with sandbox.processes(work):
        processor.wait_until_calm()
        imported, used = _import(pictures_given, work)
    say("embedding the stored images again, between two looks at the bare engine")
    again = _reembed(now)
    engine = (engine + _engine_images_per_s(embedder, pictures_given[:SAMPLE])) / 2
    bound = used.cores / costs.total_s
    free_bound = used.free_cores / costs.total_s
    return {
        "import_images_per_s": round(imported, 2),
        "bound_images_per_s": round(bound, 2),
        "import_share_of_bound": round(imported / bound, 3),
        "cores_left_by_others": round(used.free_cores, 2),
        "import_share_of_bound_on_cores_left": round(imported / free_bound, 3),
        "reembed_images_per_s": round(again, 2),
        "engine_images_per_s": round(engine, 2),
        "reembed_share_of_engine": round(again / engine, 3),
        "core_seconds": {
            "decode": round(costs.decode_s, 6),
            "encode": round(costs.encode_s, 6),
            "stored_decode": round(costs.stored_decode_s, 6),
            "engine": round(costs.engine_s, 6),
            "spent_by_import": round((used.own_s or 0.0) / len(pictures_given), 6),
        },
        "images": len(pictures_given),
    }


def _embedder() -> OnnxEmbedder:
    backbone = find_backbone(settings.BACKBONE_DIR, settings.BACKBONE)
    embedder = OnnxEmbedder(backbone, threads=settings.ORT_THREADS)
    embedder.warm()
    return embedder


def _costs(embedder: OnnxEmbedder, sample: Sequence[LabeledPicture]) -> Costs:
    uploads = [picture.path.read_bytes() for picture in sample]
    decoded = [pictures.decode(content)[0] for content in uploads]
    stored = [pictures.picture_of(content).jpeg for content in uploads]
    inputs = np.stack([embedder.preprocess(picture) for picture in decoded])

    def decode_stored(content: bytes) -> npt.NDArray[np.float32]:
        with io.BytesIO(content) as stream:
            return embedder.preprocess(Image.open(stream).convert("RGB"))

    decode = _core_seconds(lambda: [pictures.decode(content) for content in uploads], sample)
    # What ingest does of a picture, no more: a small one is its own thumbnail.
    ingest = _core_seconds(lambda: [pictures.picture_of(content) for content in uploads], sample)
    return Costs(
        decode_s=decode,
        encode_s=ingest - decode,
        stored_decode_s=_core_seconds(lambda: [decode_stored(one) for one in stored], sample),
        engine_s=_core_seconds(lambda: embedder.embed(inputs), sample),
    )


def _core_seconds(work: Callable[[], object], sample: Sequence[object]) -> float:
    """Give processor seconds an image, over all threads of the process: the median of rounds."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        rounds.append((time.process_time() - started) / len(sample))
    return float(np.median(rounds))


def _engine_images_per_s(embedder: OnnxEmbedder, sample: Sequence[LabeledPicture]) -> float:
    inputs = np.stack(
        [embedder.preprocess(pictures.decode(one.path.read_bytes())[0]) for one in sample]
    )
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        embedder.embed(inputs)
        rounds.append(len(inputs) / (time.perf_counter() - started))
    return float(np.median(rounds))


def _import(given: Sequence[LabeledPicture], work: Path) -> tuple[float, processor.Used]:
    """Run `manage.py import_images` beside the default worker; images a second until embedded."""
    project = project_selectors.by_slug(SLUG)
    folder = work / "pictures"
    folder.mkdir()
    for number, picture in enumerate(given):
        (folder / f"{number:05d}{picture.path.suffix}").symlink_to(picture.path)
    command = ["import_images", str(folder), "--project", SLUG, "--source", "bench"]
    command += ["--licence", "as given", "--labels", "ignore"]
    meter, started = processor.Meter(), time.perf_counter()
    with (work / "import.txt").open("wb") as log:
        done = subprocess.run(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *command],
            env=sandbox.environment(work, broker=f"unix://{work}/run/valkey.sock"),
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
            return stored / (time.perf_counter() - started), meter.stop()
        time.sleep(POLL_S)
    raise CannotMeasureError(f"Not every image was embedded after {LONGEST_S:.0f} s.")


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
