"""The figures beside the image, without counting a table for every answer.

What one person has given is counted on from where the last look ended. How much of a project is
labeled is counted over the whole of it, and then kept for fifty times as long as that took: a small
project is counted anew at almost every answer, one of a million images once a minute. In between,
what this process decides is added. Processes differ by no more than that.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from labeling.models import AnnotationKind
from labeling.selectors import progress
from labeling.selectors.prepared import Statement
from labeling.selectors.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from labeling.models import Annotator, Project
    from labeling.selectors.labelers import Labeler

KEPT_TIMES = 50
LONGEST = timedelta(minutes=2)
KEPT_PROJECTS = 256
KEPT_PEOPLE = 10_000
RECOUNTED_AFTER = timedelta(minutes=10)
LOOKED_EVERY = timedelta(seconds=2)
SHARE_APPLIES_FROM = 100


@dataclass(slots=True)
class _Counted:
    labeled: int
    total: int
    hidden: int
    at: datetime
    until: datetime


@dataclass(slots=True)
class _Given:
    """What somebody, or all, had given up to a row; `Said` after it counts until the next look."""

    answers: int
    skips: int
    gold: int
    last_id: int
    at: datetime
    looked_at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """An answer that a request has just stored."""

    kind: str
    is_gold: bool


_projects: dict[UUID, _Counted] = {}
_people: dict[UUID, tuple[_Given, tuple[Said, ...]]] = {}
_totals: dict[UUID, _Given] = {}
_counting = threading.Lock()


def at_work(
    labeler: Labeler, now: datetime, *, decided: int = 0, stored: Sequence[Said] | None = None
) -> Progress:
    """Give the progress a labeling page shows.

    Args:
        labeler: whose page.
        now: the time.
        decided: images that have just been decided, by this request; negative where it took back.
        stored: answers of theirs that this request has stored, where that is known.
    """
    counted = _of_project(labeler, now, decided)
    mine = _given(labeler.annotator, now, stored)
    # Gold counts as labeled once this person has answered it (`progress.hidden_gold`).
    labeled = max(0, counted.labeled - max(0, counted.hidden - mine.gold))
    return Progress(labeled, counted.total, mine.answers, mine.skips)


def has_share(project: Project, annotator: Annotator, now: datetime) -> bool:
    """Tell whether one person has given their largest share; counted from 100 answers on.

    The share is that of what people answered: labels that came with an import are nobody's work,
    and what is set aside does not count. Somebody alone has no share to reach. After a quarantine
    the total follows within ten minutes.
    """
    total = _all_given(project, now)
    mine = given(annotator, now)
    if total < SHARE_APPLIES_FROM or mine >= total:
        return False
    return mine > (project.max_annotator_share or 1.0) * total


def _all_given(project: Project, now: datetime) -> int:
    known = _totals.get(project.public_id)
    if known is None or now - known.at > RECOUNTED_AFTER:
        known = _Given(0, 0, 0, 0, now, now)
    ((new, last_id),) = _NEW_OF_PROJECT.run([project.pk, known.last_id])
    found = replace(
        known,
        answers=known.answers + (new or 0),
        last_id=last_id or known.last_id,
        looked_at=now,
    )
    if len(_totals) >= KEPT_PROJECTS:
        _totals.clear()
    _totals[project.public_id] = found
    return found.answers


def given(annotator: Annotator, now: datetime) -> int:
    """Count one annotator's live answers; a skip is none."""
    return _given(annotator, now, None).answers


def _given(annotator: Annotator, now: datetime, stored: Sequence[Said] | None) -> _Given:
    """Count what one annotator has given.

    Every undo is a row of its own that takes back one answer, so the sum over rows is the count,
    and only rows that are new since the last look have to be read. For two seconds after a look,
    what this process stores is added without one; the next look reads it from the rows.
    """
    known, ahead = _people.get(annotator.public_id, (None, ()))
    is_fresh = known is not None and timedelta(0) < now - known.looked_at < LOOKED_EVERY
    if known is None or not is_fresh or stored is None:
        known, ahead = _look(annotator, known, now), ()
    else:
        ahead = (*ahead, *stored)
    if len(_people) >= KEPT_PEOPLE:
        _people.clear()
    _people[annotator.public_id] = known, ahead
    answers, skips, gold = known.answers, known.skips, known.gold
    for said in ahead:
        is_skip = said.kind == AnnotationKind.SKIP.value
        answers, skips = answers + (not is_skip), skips + is_skip
        gold += said.is_gold and said.kind in progress.MOVING
    return _Given(answers, skips, gold, known.last_id, known.at, known.looked_at)


def _look(annotator: Annotator, known: _Given | None, now: datetime) -> _Given:
    if known is None or now - known.at > RECOUNTED_AFTER:
        known = _Given(0, 0, 0, 0, now, now)
    ((answers, skips, gold, last_id),) = _NEW_ROWS.run([annotator.pk, known.last_id])
    return _Given(
        answers=known.answers + (answers or 0),
        skips=known.skips + (skips or 0),
        gold=known.gold + (gold or 0),
        last_id=last_id or known.last_id,
        at=known.at,
        looked_at=now,
    )


# An undo counts for what it takes back, the other way round.
_NEW_ROWS = Statement(
    "SELECT sum(CASE WHEN kind = 'SKIP' THEN 0 ELSE sign END), "
    "sum(CASE WHEN kind = 'SKIP' THEN sign ELSE 0 END), "
    "sum(CASE WHEN reason = 'GOLD' AND kind IN ('LABEL', 'NONE_OF_THESE', 'CANT_TELL') AND EXISTS "
    "(SELECT 1 FROM labeling_goldreference AS gold WHERE gold.image_id = given.image_id "
    "AND gold.withdrawn_at IS NULL) THEN sign ELSE 0 END), max(id) "
    "FROM (SELECT said.id, said.image_id, coalesce(undone.kind, said.kind) AS kind, "
    "CASE WHEN said.kind = 'UNDO' THEN -1 ELSE 1 END AS sign, held.reason "
    "FROM labeling_annotation AS said "
    "LEFT JOIN labeling_annotation AS undone ON undone.id = said.undoes_id "
    "LEFT JOIN labeling_assignment AS held "
    "ON held.id = coalesce(undone.assignment_id, said.assignment_id) "
    "WHERE said.annotator_id = %s AND said.id > %s) AS given"
)
# Rows that do not count are read too: the next look begins after them.
_NEW_OF_PROJECT = Statement(
    "SELECT sum(CASE WHEN who.kind <> 'PERSON' OR who.quarantined_at IS NOT NULL "
    "OR coalesce(undone.kind, said.kind) = 'SKIP' THEN 0 "
    "WHEN said.kind = 'UNDO' THEN -1 ELSE 1 END), max(said.id) "
    "FROM labeling_annotation AS said JOIN labeling_annotator AS who ON who.id = said.annotator_id "
    "LEFT JOIN labeling_annotation AS undone ON undone.id = said.undoes_id "
    "WHERE said.project_id = %s AND said.id > %s"
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
    hidden = progress.hidden_gold(labeler.project, now)
    took = timedelta(seconds=time.perf_counter() - started)
    if len(_projects) >= KEPT_PROJECTS:
        _projects.clear()
    until = now + min(KEPT_TIMES * took, LONGEST)
    counted = _projects[labeler.project.public_id] = _Counted(
        found.labeled, found.total, hidden, now, until
    )
    return counted
