"""Several people's answers in one transaction, by as many statements as one answer takes.

Only what is plain is stored here; whatever is not (somebody paused, a repeat, gold, a dispute, an
assignment that has run out, a label that does not exist) is left as it is, to be answered alone by
`annotations.store`, with its own words. Locks are taken in the same order as there: people,
images, skills, queue entries, the serve counter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labeling import events
from labeling.models import AnnotationKind, AssignmentState, ConsensusState, Reason
from labeling.selectors import annotators
from labeling.services import annotations as annotation_service
from labeling.services import (
    answers,
    assignments,
    consensus,
    presence,
    slots,
    standing,
    windows,
)
from labeling.services.answers import InvalidAnswerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from labeling.models import Annotation, Assignment
    from labeling.selectors.labelers import Labeler
    from labeling.services.answers import Answer
    from labeling.services.claims import Holder

JUDGED = (Reason.GOLD, Reason.DISPUTE)
"""An answer to one of these changes what is known of people, or decides alone."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer on its way in, and whose page is to be filled again."""

    labeler: Labeler
    holder: Holder
    assignment_public_id: UUID
    answer: Answer
    now: datetime


@dataclass(frozen=True, slots=True)
class _Plain:
    """An answer that can be stored together with others."""

    place: int
    asked: Asked
    assignment: Assignment
    label_ids: list[int]


def store(asked: Sequence[Asked], now: datetime) -> list[annotation_service.Submitted | None]:
    """Store the plain ones of different people's answers, as the first thing of a transaction.

    Gives None for each of the others, of which nothing is stored. All are of one project.
    """
    plain = _still_open(_new(_plain(asked)), now)
    stored: list[annotation_service.Submitted | None] = [None] * len(asked)
    if plain:
        for one, submitted in zip(plain, _store(plain, now), strict=True):
            stored[one.place] = submitted
    return stored


def _plain(asked: Sequence[Asked]) -> list[_Plain]:
    """Lock everybody and every image, and give what can go on: of each image one answer."""
    people = [one.labeler.annotator for one in asked]
    held = assignments.lock_many(people, [one.assignment_public_id for one in asked])
    scheme_id = asked[0].labeler.scheme.id
    found: dict[int, _Plain] = {}
    for place, one in enumerate(asked):
        assignment = held.get(one.assignment_public_id)
        if assignment is None or not _is_plain(one, assignment, scheme_id):
            continue
        try:
            chosen = answers.label_ids(one.labeler.project, one.labeler.scheme, one.answer)
        except InvalidAnswerError:
            continue
        assignment.annotator = one.labeler.annotator
        found.setdefault(assignment.image_id, _Plain(place, one, assignment, chosen))
    return list(found.values())


def _is_plain(asked: Asked, assignment: Assignment, scheme_id: int) -> bool:
    annotator = asked.labeler.annotator
    return (
        assignment.annotator_id == annotator.pk
        and assignment.state == AssignmentState.OPEN
        and assignment.reason not in JUDGED
        and asked.answer.kind != AnnotationKind.FLAG
        and asked.labeler.scheme.id == scheme_id
        and standing.refusal(annotator) is None
    )


def _new(plain: list[_Plain]) -> list[_Plain]:
    if not plain:
        return []
    said = answers.have_said(
        [
            (one.assignment.annotator_id, one.assignment.image_id, one.asked.answer.key)
            for one in plain
        ]
    )
    return [one for place, one in enumerate(plain) if place not in said]


def _still_open(plain: list[_Plain], now: datetime) -> list[_Plain]:
    if not plain:
        return []
    closed = assignments.close_many([one.assignment for one in plain], now)
    return [one for one in plain if one.assignment.pk in closed]


def _store(plain: list[_Plain], now: datetime) -> list[annotation_service.Submitted]:
    """Insert the answers and bring up to date what follows from them (`answers.follow`)."""
    rows = [_row(one) for one in plain]
    answers.insert_many(rows, [one.label_ids for one in plain])
    project, scheme = plain[0].asked.labeler.project, plain[0].asked.labeler.scheme
    images = [one.assignment.image for one in plain]
    found = consensus.update_few(project=project, images=images, now=now, scheme=scheme)
    slots.recount(project, images, now, n_active=annotators.active_lately(project, now))
    for image, decided in zip(images, found, strict=True):
        if decided.state == ConsensusState.DISPUTED:
            windows.open_dispute(project, image, now)
    for one, row in zip(plain, rows, strict=True):
        events.send_on_commit(
            events.annotation_submitted, project_id=project.pk, annotation_id=row.pk
        )
        presence.saw(one.asked.labeler.annotator, now)
    return [
        annotation_service.Submitted(row, is_repeat=False, decides=decided.resolved_at == now)
        for row, decided in zip(rows, found, strict=True)
    ]


def _row(one: _Plain) -> Annotation:
    asked, assignment = one.asked, one.assignment
    return answers.row_of(
        asked.labeler.annotator,
        assignment.image,
        asked.answer,
        asked.now,
        assignment=assignment,
        scheme=asked.labeler.scheme,
    )
