"""Audit truth: experts look, blind, at every disagreement and at a random share of agreements.

Looking at disagreements alone would flatter whatever is measured (Lancet 1996;348:592). So a share
of the agreements, drawn by the project's secret seed, is looked at as well, and its probability is
stored: what is found there stands for those nobody looked at.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction
from django.db.models import Q

from labeling.models import Adjudication, AdjudicationKind, AnnotationKind, Project
from labeling.selectors import adjudication as selectors
from labeling.selectors import consensus as consensus_selectors
from labeling.services import doubts

if TYPE_CHECKING:
    from labeling.models import Annotation

SALT = 0x5EED_AD
"""Keeps this draw apart from the project's other draws from the same seed."""
LOOK_AGAIN = timedelta(minutes=10)
_seen: dict[int, tuple[tuple[int, int], datetime]] = {}
"""Project to the version of its answers and labels, and when this process has last looked."""


def open_due(*, project_id: int, now: datetime) -> int:
    """Bring the open questions in line with what people have said; give how many changed.

    Of the measured audit images that people have decided:
    - where they did not all say the same, or could not say, an expert is asked for certain;
    - of the others a share is asked about, the same images however often this runs;
    - where only experts have answered, with one voice, nobody is asked.

    A question whose reason is gone (an answer withdrawn, somebody put in quarantine) is taken
    back; what an expert has settled stays.
    """
    project = Project.objects.get(pk=project_id)
    with transaction.atomic():
        # One sweep at a time; claims and answers do not wait for this lock.
        Project.objects.select_for_update(no_key=True).get(pk=project_id)
        _follow_settlers(project_id, now)
        due = _due(project)
        rows = {
            row.image_id: row
            for row in Adjudication.objects.filter(project_id=project_id).order_by("pk")
        }
        return _open_new(project, due, rows, now) + _bring_in_line(due, rows)


def sweep(*, now: datetime) -> int:
    """Do `open_due` for every live project in which somebody has answered; give how many changed.

    Reading a big audit slice takes a second, so a project without new answers is looked at every
    ten minutes only: decisions change without an answer as well, when people leave. What a process
    has seen is a hint; forgetting it costs one look.
    """
    changed = 0
    live = Project.objects.filter(archived_at__isnull=True).order_by("pk")
    for project_id in live.values_list("pk", flat=True):
        newest = (
            consensus_selectors.data_version(project_id),
            consensus_selectors.label_changes(project_id),
        )
        seen, at = _seen.get(project_id, (None, now))
        if newest != seen or now - at >= LOOK_AGAIN:
            changed += open_due(project_id=project_id, now=now)
            _seen[project_id] = (newest, now)
    return changed


def follow(annotation: Annotation, now: datetime) -> None:
    """Settle the question of an image with an expert's answer, and open it again with an undo.

    And so the doubt about its label. Inside the transaction that stores the answer; no query for
    any other answer.
    """
    answer = annotation.undoes or annotation
    if not answer.is_expert:
        return
    doubts.follow(annotation, now)
    if annotation.kind == AnnotationKind.UNDO:
        Adjudication.objects.filter(annotation=answer).update(settled_at=None, annotation=None)
        return
    open_ones = Adjudication.objects.filter(image_id=answer.image_id, settled_at__isnull=True)
    if not open_ones.update(settled_at=now, annotation=answer):
        # An expert decides again what one had settled: the newest word is the truth.
        Adjudication.objects.filter(image_id=answer.image_id).update(
            settled_at=now, annotation=answer
        )


def is_drawn(project: Project, image_id: int) -> bool:
    """Draw whether an agreement is looked at; the same answer every time."""
    rng = np.random.default_rng([project.seed, SALT, image_id])
    return bool(rng.random() < selectors.share_of(project))


def _due(project: Project) -> dict[int, tuple[str, float]]:
    """Give kind and probability of every question there is to ask, by image."""
    decided = selectors.decided_by_people(project.pk)
    said = selectors.opinions(project.pk, decided)
    due: dict[int, tuple[str, float]] = {}
    for image_id in decided:
        found = said.get(image_id)
        leader = found.leader if found else None
        could_not_tell = leader is None or leader[0] == AnnotationKind.CANT_TELL
        if found is None or found.differ or could_not_tell:
            due[image_id] = (AdjudicationKind.DISAGREEMENT, 1.0)
        elif not found.only_experts and is_drawn(project, image_id):
            due[image_id] = (AdjudicationKind.AGREEMENT_SAMPLE, selectors.share_of(project))
    return due


def _open_new(
    project: Project,
    due: dict[int, tuple[str, float]],
    rows: dict[int, Adjudication],
    now: datetime,
) -> int:
    new = [
        Adjudication(
            project=project, image_id=image_id, kind=kind, probability=probability, created_at=now
        )
        for image_id, (kind, probability) in due.items()
        if image_id not in rows
    ]
    Adjudication.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def _bring_in_line(due: dict[int, tuple[str, float]], rows: dict[int, Adjudication]) -> int:
    """Change or take back open questions whose reason has changed."""
    waiting = {key: row for key, row in rows.items() if row.settled_at is None}
    gone = [row.pk for key, row in waiting.items() if key not in due]
    # A question somebody settles at this moment is not deleted.
    changed, _ = Adjudication.objects.filter(pk__in=gone, settled_at__isnull=True).delete()
    for key, row in waiting.items():
        if key in due and (row.kind, row.probability) != due[key]:
            kind, probability = due[key]
            changed += Adjudication.objects.filter(pk=row.pk, settled_at__isnull=True).update(
                kind=kind, probability=probability
            )
    return changed


def _follow_settlers(project_id: int, now: datetime) -> None:
    """Open again what was settled by an answer that does not stand, or not while set aside."""
    rows = Adjudication.objects.filter(project_id=project_id, annotation__isnull=False)
    rows.filter(annotation__withdrawn_at__isnull=False).update(settled_at=None, annotation=None)
    is_aside = Q(annotation__annotator__quarantined_at__isnull=False)
    rows.filter(is_aside, settled_at__isnull=False).update(settled_at=None)
    rows.filter(~is_aside, settled_at__isnull=True).update(settled_at=now)
