"""`manage.py bench loop`: how long after an answer does a head that knows it serve?

Boots the real processes on a temporary copy of the world, answers over HTTP as the page does, and
reads from the database when a version that had seen the answer became champion. Measured idle,
and again while `manage.py import_images` stores new pictures and the default worker embeds them.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from labeling.selectors import annotations as annotation_selectors
from labeling.selectors import images as image_selectors
from labeling.selectors import projects as project_selectors
from labeling.services import annotations as annotation_service
from labeling.services import images, people, projects
from ml.bench import http, sandbox
from ml.models import Champion, Embedding, TrainingRun
from ml.services import partition, refit
from ml.services.tables import make_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from ml.services.labeled_folder import LabeledPicture

SLUG = "bench-loop"
POLL_S = 0.02
GIVE_UP_S = 60.0


class CannotMeasureError(RuntimeError):
    """The loop did not close; there is no figure to report."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is measured."""

    pictures: Sequence[LabeledPicture]
    labels: int
    answers: int
    work: Path


def prepare(setup: Setup, *, now: datetime, say: Callable[[str], None]) -> None:
    """Store and embed the pictures and resolve `setup.labels` of them."""
    names = sorted({picture.label for picture in setup.pictures})
    # Audit answers change no head: every answer is to close the loop.
    project = projects.create_project(name=SLUG, classes=names, now=now, audit_serving_share=0.0)
    scheme = project_selectors.current_scheme(project.pk)
    label_of = dict(zip(names, zip(scheme.label_ids, scheme.codes, strict=True), strict=True))
    truth: dict[str, str] = {}
    ids: dict[int, int] = {}
    say(f"storing {len(setup.pictures)} images")
    for picture in setup.pictures:
        with picture.path.open("rb") as file:
            stored = images.ingest(
                project_id=project.pk,
                upload=file,
                original_name=picture.name[-255:],
                source="bench",
                licence="as given",
                uploaded_by_id=None,
                now=now,
            )
        label_id, code = label_of[picture.label]
        truth.setdefault(str(stored.public_id), code)
        ids.setdefault(stored.image_id, label_id)
    (setup.work / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    say("embedding them")
    while partition.advance(project_id=project.pk, now=now, seconds=5.0).remaining:
        pass
    say(f"resolving {setup.labels} of them")
    rng = np.random.default_rng(0)
    pool = image_selectors.pool_ids(project.pk)
    for image_id in rng.permutation(pool)[: setup.labels]:
        annotation_service.record_trusted(
            project_id=project.pk, image_id=int(image_id), label_id=ids[int(image_id)], now=now
        )
    refit.run(project_id=project.pk, now=now)


def measure(setup: Setup, *, now: datetime, say: Callable[[str], None]) -> dict[str, Any]:
    """Boot everything, answer, and give the figures of the idle and the importing phase."""
    truth = json.loads((setup.work / "truth.json").read_text(encoding="utf-8"))
    project = project_selectors.by_slug(SLUG)
    _, token = people.invite(
        project_id=project.pk, role="VOLUNTEER", use_limit=5, ttl=None, created_by_id=None, now=now
    )
    with sandbox.processes(setup.work) as address:
        volunteer = http.Volunteer(address, slug=SLUG, invitation=token, name="Bench")
        say("answering, idle")
        idle = _answer(project.pk, volunteer, truth, setup.answers)
        say("answering while an import runs")
        with _import_running(setup) as importing:
            busy = _answer(project.pk, volunteer, truth, setup.answers)
            is_still_importing = importing.poll() is None or _is_embedding(project.pk)
    return {
        "idle": _summary(idle),
        "importing": _summary(busy) | {"import_outlasted_the_answers": is_still_importing},
        "images": len(setup.pictures),
        "labels": setup.labels,
    }


def _is_embedding(project_id: int) -> bool:
    """Tell whether stored images still wait for their vectors: an import ends with the last."""
    stored = sum(image_selectors.counts_by_partition(project_id).values())
    return Embedding.objects.filter(set__project_id=project_id).count() < stored


@dataclass(frozen=True, slots=True)
class _Timing:
    total_s: float
    stages_s: dict[str, float]
    is_promoted: bool


def _answer(
    project_id: int, volunteer: http.Volunteer, truth: dict[str, str], answers: int
) -> list[_Timing]:
    timings = []
    for _ in range(answers):
        assignment = volunteer.next_assignment()
        if assignment is None:
            raise CannotMeasureError("The queue ended before enough answers were timed.")
        # An image that the import added has no known label: any label closes the loop as well.
        code = truth.get(assignment["image"]["id"]) or next(iter(truth.values()))
        started = time.time()
        reply = volunteer.answer(assignment, code)
        posted = time.time()
        seen = annotation_selectors.row_of(reply["annotation"]["id"])
        timings.append(_wait(project_id, seen, started, posted))
    return timings


def _wait(project_id: int, answer_id: int, started: float, posted: float) -> _Timing:
    """Watch the champion pointer until the run that saw the answer is done.

    A run whose answer was no news to the head (an audit image) promotes nothing.
    """
    deadline = time.monotonic() + GIVE_UP_S
    moved: dict[int, float] = {}
    pointer = Champion.objects.filter(project_id=project_id)
    runs = TrainingRun.objects.filter(
        project_id=project_id, kind="HEAD", data_version__gte=answer_id, state="SUCCEEDED"
    )
    while time.monotonic() < deadline:
        for version_id in pointer.values_list("model_version_id", flat=True):
            moved.setdefault(version_id, time.time())
        run = runs.order_by("pk").first()
        if run and run.started_at:
            begun = run.started_at.timestamp()
            stages = {"answer": posted - started, "wait": max(0.0, begun - posted)}
            ended = moved.get(run.model_version_id or 0)
            total = (ended or time.time()) - started
            return _Timing(total, stages | dict(run.stages_s), ended is not None)
        time.sleep(POLL_S)
    raise CannotMeasureError(f"No head had seen answer {answer_id} after {GIVE_UP_S:.0f} s.")


def _summary(timings: list[_Timing]) -> dict[str, Any]:
    promoted = [timing for timing in timings if timing.is_promoted]
    if not promoted:
        raise CannotMeasureError(f"None of {len(timings)} refits was promoted.")
    totals = np.array([timing.total_s for timing in promoted])
    names = list(dict.fromkeys(name for timing in promoted for name in timing.stages_s))
    return {
        "answer_to_champion_s": {
            "p50": round(float(np.percentile(totals, 50)), 4),
            "p95": round(float(np.percentile(totals, 95)), 4),
        },
        "stages_s": {
            name: round(
                float(np.median([timing.stages_s.get(name, 0.0) for timing in promoted])), 4
            )
            for name in names
        },
        "answers": len(timings),
        "promoted": len(promoted),
    }


def _import_running(setup: Setup) -> _Import:
    return _Import(setup)


class _Import:
    """`manage.py import_images` on pictures the project has not seen, in a process of its own."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.folder = setup.work / "new-pictures"

    def __enter__(self) -> subprocess.Popen[bytes]:
        self.folder.mkdir()
        for number, data in enumerate(_unseen(self.setup.pictures)):
            (self.folder / f"{number:05d}.jpg").write_bytes(data)
        command = ["import_images", str(self.folder), "--project", SLUG, "--source", "more"]
        command += ["--licence", "as given", "--labels", "ignore"]
        self.child = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *command],
            env=sandbox.environment(
                self.setup.work, broker=f"unix://{self.setup.work}/run/valkey.sock"
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self.child

    def __exit__(self, *_: object) -> None:
        self.child.terminate()
        self.child.wait()


def _unseen(pictures: Sequence[LabeledPicture]) -> Iterator[bytes]:
    """Give every picture's bytes twice, with tails that change the hash and not the picture."""
    for tail in (b"first", b"second"):
        for picture in pictures:
            data = picture.path.read_bytes()
            yield data + hashlib.sha256(tail + data).digest()


def migrate() -> None:
    """Make the temporary database."""
    make_tables()
