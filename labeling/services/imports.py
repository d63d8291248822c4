"""Imports: many pictures from a folder or a CSV, with progress, that go on where they stopped.

Decoding runs on a few threads (`side_by_side`), the database is written in short transactions of
one batch, and memory holds two batches at most.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, transaction
from django.db.models import F

from labeling.errors import LabelingError
from labeling.models import Job, JobState, Label, Mode, Project
from labeling.selectors import images as image_selectors
from labeling.selectors import prepared
from labeling.services import core_time, images, pictures, side_by_side
from labeling.services.import_sources import SEPARATOR, Source, SourceFile, plain
from labeling.services.side_by_side import Refusal

if TYPE_CHECKING:
    from datetime import datetime


__all__ = ["Imported", "Refusal", "Source", "SourceFile", "run_import", "run_job"]

KIND = "import"
LABEL_USES = ("trusted", "suggested", "ignore")
BATCH = 32
# A trusted label is an answer with a consensus: a shorter batch keeps the lock as short.
TRUSTED_BATCH = 8
# Between batches, so that an answer that waits for SQLite's one writer gets its turn.
BREATH_S = 0.002

Clock = Callable[[], "datetime"]
Progress = Callable[[int, int], None]


class UnknownLabelUseError(LabelingError):
    """A word for what labels are worth that we do not know."""

    code = "unknown_label_use"


class TakenOverError(LabelingError):
    """Another process goes on with this import: this one was silent for too long."""

    code = "taken_over"
    status = 409


@dataclass(slots=True)
class Imported:
    """What an import did so far."""

    total: int = 0
    stored: int = 0
    duplicates: int = 0
    skipped: int = 0  # stored by an earlier run of the same source
    refused: list[Refusal] = field(default_factory=list)
    unknown_labels: Counter[str] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        """Count the files that are settled."""
        return self.stored + self.duplicates + self.skipped + len(self.refused)

    def to_json(self) -> dict[str, Any]:
        """Give what a `Job` keeps as its result; of the refusals, the first two hundred."""
        return {
            "stored": self.stored,
            "duplicates": self.duplicates,
            "skipped": self.skipped,
            "n_refused": len(self.refused),
            "refused": [asdict(refusal) for refusal in self.refused[:200]],
            "unknown_labels": dict(self.unknown_labels),
        }


@dataclass(frozen=True, slots=True)
class _Plan:
    """What stays the same during one import."""

    origin: images.Origin
    use: str
    label_ids: dict[str, int]
    job_id: int
    fencing_token: int
    is_several: bool = False

    def label_id(self, file: SourceFile) -> int | None:
        """Find the label of a file: the most special of its candidates that the scheme has."""
        if self.is_several:
            return next(iter(self.set_of(file)), None)
        return next(
            (self.label_ids[c] for name in file.labels if (c := plain(name)) in self.label_ids),
            None,
        )

    def set_of(self, file: SourceFile) -> list[int]:
        """Give all labels of a file, written a|b; none where the scheme lacks one of them.

        What is trusted says no to every label that is left out.
        """
        names = [plain(each) for name in file.labels[:1] for each in name.split(SEPARATOR)]
        ids = [self.label_ids.get(name) for name in names if name]
        return [each for each in ids if each is not None] if None not in ids else []


def run_import(
    *,
    project_id: int,
    path: Path,
    source: str,
    licence: str,
    labels: str,
    clock: Clock,
    label_column: str = "",
    path_column: str = "path",
    split_column: str = "split",
    splits: Sequence[str] = (),
    uploaded_by_id: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Imported:
    """Take in every picture of a folder tree or a CSV; a bad file gets its reason and no more.

    Running it again goes on where it stopped: what the same source has brought under the same
    name is skipped unread, the same bytes under another name are recognised by their hash.

    Args:
        project_id: of the project.
        path: a folder (names of sub-folders are labels) or a CSV.
        source: the name under which these images are counted; accuracy is told apart by it.
        licence: of the pictures.
        labels: "trusted" resolves an image, "suggested" is a hint, "ignore" drops the label.
        clock: gives the time.
        label_column: of a CSV; "" means that no labels come with it.
        path_column: of a CSV; paths count from its folder.
        split_column: of a CSV, read where `splits` are given.
        splits: take only rows of these; none means all.
        uploaded_by_id: the user, if any.
        progress: called with (done, total) after every batch.

    Raises:
        UnknownLabelUseError, SourceNotFoundError, ColumnMissingError: before anything is read.
        TakenOverError: another process goes on with it.
    """
    if labels not in LABEL_USES:
        raise UnknownLabelUseError(f"{labels!r}: expected one of {', '.join(LABEL_USES)}.")
    settings = {
        "path": str(path.absolute()),
        "source": source,
        "licence": licence,
        "labels": labels,
        "label_column": label_column,
        "path_column": path_column,
        "split_column": split_column,
        "splits": list(splits),
    }
    now = clock()
    job = Job.objects.create(
        project_id=project_id,
        kind=KIND,
        settings=settings,
        created_by_id=uploaded_by_id,
        created_at=now,
    )
    return run_job(job_id=job.pk, clock=clock, progress=progress)


def run_job(
    *, job_id: int, clock: Clock, progress: Progress = lambda done, total: None
) -> Imported:
    """Do, or go on with, an import that has a `Job` row; raises as `run_import`."""
    job = _begin(job_id, clock())
    result = Imported()
    state, error = JobState.CANCELLED, "stopped before its end"
    try:
        files = _source(job).files()
        # Folders are sorted by what they show. Whoever labels while they come in would see one
        # class only, and split groups would take its centre for everybody's: measured on the
        # photographs, 151 near pairs ended up on both sides of the audit slice, shuffled 1.
        random.Random(job.pk).shuffle(files)  # noqa: S311 - nothing secret, and the same on resume
        result.total = len(files)
        _run(_plan(job), files, result, clock, progress)
        state, error = JobState.SUCCEEDED, ""
    except LabelingError as refusal:
        state, error = JobState.FAILED, refusal.message
        raise
    finally:
        # Also on Ctrl-C: a job that says "running" would be taken up again by the sweep.
        _mine(job).update(state=state, error=error, result=result.to_json(), finished_at=clock())
        core_time.save()
    return result


def _begin(job_id: int, now: datetime) -> Job:
    Job.objects.filter(pk=job_id).update(
        state=JobState.RUNNING,
        fencing_token=F("fencing_token") + 1,
        started_at=now,
        heartbeat_at=now,
        error="",
    )
    return Job.objects.get(pk=job_id)


def _mine(job: Job) -> Any:
    return Job.objects.filter(pk=job.pk, fencing_token=job.fencing_token)


def _source(job: Job) -> Source:
    given = job.settings
    return Source(
        path=Path(given["path"]),
        label_column=given["label_column"],
        path_column=given["path_column"],
        split_column=given["split_column"],
        splits=tuple(given["splits"]),
    )


def _plan(job: Job) -> _Plan:
    if job.project_id is None:
        raise LabelingError("This import belongs to no project.")
    given = job.settings
    origin = images.Origin(job.project_id, given["source"], given["licence"], job.created_by_id)
    label_ids: dict[str, int] = {}
    for label in Label.objects.filter(project_id=job.project_id, retired_at__isnull=True):
        label_ids[plain(label.code)] = label.pk
        label_ids[plain(label.name)] = label.pk
    use = given["labels"]
    known = {} if use == "ignore" else label_ids
    is_several = Project.objects.filter(pk=job.project_id, mode=Mode.MULTI).exists()
    return _Plan(origin, use, known, job.pk, job.fencing_token, is_several)


def _run(
    plan: _Plan, files: list[SourceFile], result: Imported, clock: Clock, progress: Progress
) -> None:
    known = image_selectors.names_of_source(
        plan.origin.project_id, plan.origin.source, trusted_only=plan.use == "trusted"
    )
    todo = []
    for file in files:
        if images.stored_name(file.name) in known:
            result.skipped += 1
        else:
            todo.append(file)
    progress(result.done, result.total)
    size = TRUSTED_BATCH if plan.use == "trusted" else BATCH
    with (
        ThreadPoolExecutor(side_by_side.THREADS, "import") as threads,
        ThreadPoolExecutor(side_by_side.THREADS) as writers,
    ):
        for batch in side_by_side.read_batches(threads, todo, size):
            _write(plan, batch, result, clock(), writers)
            progress(result.done, result.total)
            time.sleep(BREATH_S)


def _write(
    plan: _Plan,
    batch: list[side_by_side.Read],
    result: Imported,
    now: datetime,
    threads: ThreadPoolExecutor,
) -> None:
    """Store a batch: files first and side by side, then one short transaction for the rows."""
    project_id = plan.origin.project_id
    read = [(one.file, one.picture) for one in batch if one.picture is not None]
    before = images.known_among(
        project_id=project_id, sha256s=[picture.sha256 for _, picture in read]
    )
    new: dict[str, images.NewImage] = {}
    for file, picture in read:
        if picture.sha256 not in before and picture.sha256 not in new:
            new[picture.sha256] = images.NewImage(picture, file.name, plan.label_id(file))
    keys = side_by_side.stored(threads, [entry.picture for entry in new.values()])
    entries = list(zip(new.values(), keys, strict=True))
    # Counted apart and added after the commit: a batch that rolled back did nothing.
    counted = Imported(refused=[one.refusal for one in batch if one.refusal is not None])
    with _discarded_on_failure(entries), transaction.atomic():
        made = images.add_stored(origin=plan.origin, entries=entries, now=now)
        ingested = before | dict(zip(new, made, strict=True))
        for file, picture in read:
            _count(plan, file, ingested[picture.sha256], counted, now)
            # The same bytes a second time in one batch are a duplicate of the first.
            ingested[picture.sha256] = replace(ingested[picture.sha256], is_duplicate=True)
        added = [one.image_id for one in made if not one.is_duplicate]
        counted.stored = len(added)
        if added:
            images.announce(project_id=project_id, image_ids=added)
        _beat(plan, result.done + counted.done, result.total, now)
    result.stored += counted.stored
    result.duplicates += counted.duplicates
    result.refused += counted.refused
    result.unknown_labels += counted.unknown_labels


@contextmanager
def _discarded_on_failure(
    entries: Sequence[tuple[images.NewImage, images.StoredKeys]],
) -> Iterator[None]:
    """Leave no file behind whose row was rolled back."""
    try:
        yield
    except (DatabaseError, LabelingError):
        pictures.discard(*(key for _, keys in entries for key in keys))
        raise


def _count(
    plan: _Plan, file: SourceFile, ingested: images.Ingested, counted: Imported, now: datetime
) -> None:
    label_id = plan.label_id(file)
    if label_id is None and file.labels and plan.use != "ignore":
        counted.unknown_labels[file.labels[0]] += 1
    counted.duplicates += ingested.is_duplicate
    if plan.use == "trusted" and label_id is not None:
        images.trust(
            ingested=ingested,
            project_id=plan.origin.project_id,
            label_id=label_id,
            further_ids=plan.set_of(file)[1:] if plan.is_several else (),
            now=now,
        )


def _beat(plan: _Plan, done: int, total: int, now: datetime) -> None:
    """Show progress, inside the batch's transaction: who lost the job writes nothing more."""
    mine = [done, total, prepared.adapted(now), plan.job_id, plan.fencing_token]
    if not _BEAT.run(mine):
        raise TakenOverError("Another process goes on with this import; this one stops.")


_BEAT = prepared.Statement(
    "UPDATE labeling_job SET done = %s, total = %s, heartbeat_at = %s "
    "WHERE id = %s AND fencing_token = %s AND state = 'RUNNING' RETURNING id"
)
