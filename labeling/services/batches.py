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
from labeling.selectors import annotators, questions, recognition
from labeling.services import annotations as annotation_service
from labeling.services import (
    answers,
    assignments,
    consensus,
    joint_answers,
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
    from labeling.selectors.recognition import Recognised
    from labeling.services.answers import Answer
    from labeling.services.claims import Holder

JUDGED = (Reason.GOLD, Reason.DISPUTE)
"""An answer to one of these changes what is known of people, or decides alone."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer on its way in, and whose page is to be filled again.

    `proof` is what says who that is, where it has to be confirmed still.
    """

    labeler: Labeler
    holder: Holder
    assignment_public_id: UUID
    answer: Answer
    now: datetime
    proof: Recognised | None = None


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
    stored: list[annotation_service.Submitted | None] = [None] * len(asked)
    plain = _plain(asked, now)
    rows = [_row(one) for one in plain]
    chosen = [(row, one.label_ids) for row, one in zip(rows, plain, strict=True)]
    places = joint_answers.store(chosen, now) if chosen else set()
    new = [(plain[place], rows[place]) for place in sorted(places)]
    if new:
        for (one, _), submitted in zip(new, _follow(new, now), strict=True):
            stored[one.place] = submitted
    return stored


def _plain(asked: Sequence[Asked], now: datetime) -> list[_Plain]:
    """Lock everybody and every image, and give what can go on."""
    people = [one.labeler.annotator for one in asked]
    locked = assignments.lock_people(people)
    proofs = [one.proof for one in asked if one.proof is not None]
    known = recognition.confirmed(proofs, locked, now) if proofs else set()
    held = assignments.lock_held([one.assignment_public_id for one in asked])
    scheme_id = asked[0].labeler.scheme.id
    found = []
    for place, one in enumerate(asked):
        assignment = held.get(one.assignment_public_id)
        is_known = one.proof is None or one.proof.session_key in known
        if assignment is None or not is_known or not _is_plain(one, assignment, scheme_id):
            continue
        try:
            chosen = answers.label_ids(one.labeler.project, one.labeler.scheme, one.answer)
        except InvalidAnswerError:
            continue
        assignment._state.fields_cache["annotator"] = one.labeler.annotator
        found.append(_Plain(place, one, assignment, chosen))
    return found


def _is_plain(asked: Asked, assignment: Assignment, scheme_id: int) -> bool:
    annotator = asked.labeler.annotator
    return (
        assignment.annotator_id == annotator.id
        and assignment.state == AssignmentState.OPEN
        and assignment.reason not in JUDGED
        and asked.answer.kind != AnnotationKind.FLAG
        and questions.asked_code(assignment.policy) is None
        and asked.labeler.scheme.id == scheme_id
        and standing.refusal(annotator) is None
    )


def _follow(
    new: Sequence[tuple[_Plain, Annotation]], now: datetime
) -> list[annotation_service.Submitted]:
    """Bring up to date what follows from stored answers (`answers.follow`).

    Several answers to one image are counted at once; the last of them is who decided it.
    """
    labeler, last = new[0][0].asked.labeler, {one.assignment.image_id: one for one, _ in new}
    project, scheme = labeler.project, labeler.scheme
    images = [one.assignment.image for one in last.values()]
    found = consensus.update_few(project=project, images=images, now=now, scheme=scheme)
    slots.recount(project, images, now, n_active=annotators.active_lately(project, now))
    of_image = dict(zip(last, found, strict=True))
    for image, decided in zip(images, found, strict=True):
        if decided.state == ConsensusState.DISPUTED:
            windows.open_dispute(project, image, now)
    for one, row in new:
        events.send_on_commit(
            events.annotation_submitted, project_id=project.pk, annotation_id=row.pk
        )
        presence.saw(one.asked.labeler.annotator, now)
    return [
        annotation_service.Submitted(
            row,
            is_repeat=False,
            decides=of_image[row.image_id].resolved_at == now and last[row.image_id] is one,
        )
        for one, row in new
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
