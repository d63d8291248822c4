"""The figures beside the image, without counting a table for every answer.

What one person has given is counted on from where the last look ended. How much of a project is
labeled is counted over the whole of it, and then kept for fifty times as long as that took: a small
project is counted anew at almost every answer, one of a million images once a minute. In between,
what this process decides is added. Processes differ by no more than that.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from labeling.selectors import progress
from labeling.selectors.prepared import Statement
from labeling.selectors.progress import Progress

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from labeling.selectors.labelers import Labeler

KEPT_TIMES = 50
LONGEST = timedelta(minutes=2)
KEPT_PROJECTS = 256
KEPT_PEOPLE = 10_000
RECOUNTED_AFTER = timedelta(minutes=10)


@dataclass(slots=True)
class _Counted:
    labeled: int
    total: int
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class _Given:
    answers: int
    last_id: int
    at: datetime


_projects: dict[UUID, _Counted] = {}
_people: dict[UUID, _Given] = {}
_counting = threading.Lock()


def at_work(labeler: Labeler, now: datetime, *, decided: int = 0) -> Progress:
    """Give the progress a labeling page shows.

    Args:
        labeler: whose page.
        now: the time.
        decided: images that have just been decided, by this request; negative where it took back.
    """
    counted = _of_project(labeler, now, decided)
    return Progress(counted.labeled, counted.total, given(labeler, now))


def given(labeler: Labeler, now: datetime) -> int:
    """Count one annotator's live answers.

    Every undo is a row of its own that takes back one answer, so the sum over rows is the count,
    and only rows that are new since the last look have to be read.
    """
    known = _people.get(labeler.annotator.public_id)
    if known is None or now - known.at > RECOUNTED_AFTER:
        known = _Given(0, 0, now)
    ((new, last_id),) = _NEW_ROWS.run([labeler.annotator.pk, known.last_id])
    found = _Given(known.answers + (new or 0), last_id or known.last_id, known.at)
    if len(_people) >= KEPT_PEOPLE:
        _people.clear()
    _people[labeler.annotator.public_id] = found
    return found.answers


_NEW_ROWS = Statement(
    "SELECT sum(CASE WHEN kind = 'UNDO' THEN -1 ELSE 1 END), max(id) FROM labeling_annotation "
    "WHERE annotator_id = %s AND id > %s"
)


def _of_project(labeler: Labeler, now: datetime, decided: int) -> _Counted:
    key = labeler.project.public_id
    kept = _projects.get(key)
    if kept is not None and now < kept.until:
        kept.labeled = max(0, min(kept.labeled + decided, kept.total))
        return kept
    # One request counts; the others go on with what there was.
    if not _counting.acquire(blocking=kept is None):
        return kept or _count(labeler, now)
    try:
        return _count(labeler, now)
    finally:
        _counting.release()


def _count(labeler: Labeler, now: datetime) -> _Counted:
    started = time.perf_counter()
    found = progress.for_project(labeler.project.pk)
    took = timedelta(seconds=time.perf_counter() - started)
    if len(_projects) >= KEPT_PROJECTS:
        _projects.clear()
    until = now + min(KEPT_TIMES * took, LONGEST)
    counted = _projects[labeler.project.public_id] = _Counted(
        found.labeled, found.total, now, until
    )
    return counted
