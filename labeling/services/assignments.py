"""One assignment on its way to an answer: locked with its image, and closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection

from labeling.models import Annotator, Assignment, AssignmentState, Image
from labeling.selectors.labelers import ANNOTATOR
from labeling.selectors.prepared import ANY_OF, Prepared, Statement, adapted, instance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

_LOCK_ANNOTATOR = Statement("SELECT id FROM labeling_annotator WHERE id = %s FOR NO KEY UPDATE")
# What an answer needs to know; the rest is read when it is asked for.
_ASSIGNMENT = ["id", "public_id", "project_id", "image_id", "annotator_id", "entry_id", "state"]
_ASSIGNMENT += ["reason", "policy", "model_version", "suggestion"]
_IMAGE = ["id", "public_id", "project_id", "width", "height", "partition"]
_IMAGE += ["flagged_at", "removed_at"]
# What decides whether somebody may answer; read again under their lock (`standing.refusal`).
_STANDING = ["paused_at", "paused_reason", "quarantined_at", "anonymised_at"]
_standing = Prepared(
    lambda annotator_id: Annotator.objects.filter(pk=annotator_id).values_list(*_STANDING),
    lock="FOR NO KEY UPDATE",
)
_UP_TO_DATE = [*_STANDING, "last_seen_at"]
_COLUMN = {name: place for place, name in enumerate(ANNOTATOR)}
_KEY = _COLUMN["id"]
_LOOKED_AT = [_KEY, *(_COLUMN[name] for name in _UP_TO_DATE)]
_with_image = Prepared(
    lambda public_id, annotator_id: Assignment.objects.filter(
        public_id=public_id, annotator_id=annotator_id
    ).values_list(
        *_ASSIGNMENT,
        *(f"image__{name}" for name in _IMAGE),
        *(f"annotator__{name}" for name in _STANDING),
    ),
    # In this order: whoever sends something first locks themselves, then the image.
    lock="FOR NO KEY UPDATE OF labeling_annotator, labeling_image",
)
_people = Prepared(
    lambda annotator_ids: (
        Annotator.objects.filter(pk__in=annotator_ids).order_by("pk").values_list(*ANNOTATOR)
    ),
    lock="FOR NO KEY UPDATE",
)
_with_images = Prepared(
    lambda public_ids: (
        Assignment.objects.filter(public_id__in=public_ids)
        .order_by("image_id", "pk")
        .values_list(*_ASSIGNMENT, *(f"image__{name}" for name in _IMAGE))
    ),
    lock="FOR NO KEY UPDATE OF labeling_image",
)
_CLOSE_MANY = Statement(
    "UPDATE labeling_assignment SET state = 'ANSWERED', closed_at = %s "  # noqa: S608
    f"WHERE id {ANY_OF} AND state = 'OPEN' RETURNING id"
)
_CLOSE = Statement(
    "UPDATE labeling_assignment SET state = 'ANSWERED', closed_at = %s "
    "WHERE id = %s AND state = 'OPEN' RETURNING id"
)


def lock_annotator(annotator_id: int) -> None:
    """Put what one person sends in a row, from two tabs too; inside a transaction.

    The first lock that a transaction takes, before any image's. The next statement sees all that
    was committed before the lock was granted. SQLite has one writer anyway.
    """
    if connection.vendor == "postgresql":
        _LOCK_ANNOTATOR.run([annotator_id])


def lock_labeler(annotator: Annotator) -> None:
    """Lock as `lock_annotator` does, and bring up to date whether they may answer.

    A request reads who asks before it locks them: a pause may have been committed in between.
    """
    for row in _standing.rows(annotator.pk):
        _set_standing(annotator, row)


def lock(annotator: Annotator, public_id: UUID) -> Assignment | None:
    """Lock an annotator and the image of an assignment of theirs; give it with its image, or None.

    On PostgreSQL the image is as it is under the lock, and so is the annotator's standing, which is
    brought up to date; the assignment may have been closed while we waited, so `close` looks again.
    """
    rows = _with_image.rows(public_id, annotator.pk)
    if not rows:
        return None
    image, who = len(_ASSIGNMENT), len(_ASSIGNMENT) + len(_IMAGE)
    found = instance(Assignment, _ASSIGNMENT, rows[0][:image])
    found.image = instance(Image, _IMAGE, rows[0][image:who])
    _set_standing(annotator, rows[0][who:])
    return found


def lock_people(annotators: Sequence[Annotator]) -> dict[int, tuple[Any, ...]]:
    """Lock several people in the order of their keys, before any image; bring them up to date.

    Two who lock many never wait for each other, nor does one who locks many and one who locks one.
    Gives their rows as the database has them (`labelers.ANNOTATOR`), by key.
    """
    people = {annotator.pk: annotator for annotator in annotators}
    raw = _people.raw(sorted(people))
    for key, *now in _people.pick(raw, _LOOKED_AT):
        people[key].__dict__.update(zip(_UP_TO_DATE, now, strict=True))
    return {row[_KEY]: row for row in raw}


def lock_held(public_ids: Sequence[UUID]) -> dict[UUID, Assignment]:
    """Lock the images of assignments in the order of their keys; give those there are."""
    found = {}
    end = len(_ASSIGNMENT)
    for row in _with_images.rows(list(public_ids)):
        image = instance(Image, _IMAGE, row[end:])
        assignment = instance(Assignment, _ASSIGNMENT, row[:end], image=image)
        found[assignment.public_id] = assignment
    return found


def close_many(keys: Sequence[int], now: datetime) -> set[int]:
    """Mark assignments as answered; give the keys of those that were open still."""
    return {pk for (pk,) in _CLOSE_MANY.run([adapted(now), adapted(list(keys))])}


def _set_standing(annotator: Annotator, values: Sequence[Any]) -> None:
    for name, value in zip(_STANDING, values, strict=True):
        setattr(annotator, name, value)


def close(assignment: Assignment, now: datetime) -> bool:
    """Mark an open assignment as answered; tell whether it was open still."""
    return bool(_CLOSE.run([adapted(now), assignment.pk]))


def close_late(assignment: Assignment, now: datetime) -> None:
    """Mark an assignment as answered that had run out, or been given back, before."""
    Assignment.objects.filter(pk=assignment.pk).update(
        state=AssignmentState.ANSWERED, closed_at=now
    )
