"""What people say of a prediction; it becomes an answer without spoiling the audit slice."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import TextChoices

from labeling.errors import LabelingError
from labeling.selectors import projects
from labeling.services import annotations as annotation_service
from ml.errors import MlError
from ml.models import Prediction

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

ANSWER_KIND = "LABEL"
MAY_TAKE_ANSWERS = ("POOL", "EXCLUDED")
SETTLED_AT_ONCE = 200


class Said(TextChoices):
    """Whether the likeliest label was right."""

    RIGHT = "RIGHT", "right"
    WRONG = "WRONG", "wrong"


class AnswerState(TextChoices):
    """What became of the feedback as an answer."""

    RECORDED = "recorded", "an annotation"
    WAITING = "waiting", "an annotation once the partition is decided, unless it is the audit slice"
    NOT_STORED = "not_stored", "kept beside the prediction only"


class FeedbackGivenError(MlError):
    """Another feedback was given before; the first stands."""

    code = "feedback_given"
    status = 409


class ContradictoryFeedbackError(MlError):
    """The label that feedback names and what it says of the likeliest label cannot both hold."""

    code = "invalid"
    status = 400


class UnknownLabelError(MlError):
    """Feedback names a label that the project does not have."""

    code = "unknown_label"
    status = 400


SEVERAL = "MULTI"


@dataclass(frozen=True, slots=True)
class Given:
    """Feedback as stored."""

    right: bool
    label: str | None
    at: datetime
    answer: AnswerState


def give(
    *,
    prediction_id: int,
    annotator_id: int | None,
    right: bool,
    label_code: str | None,
    now: datetime,
) -> Given:
    """Keep feedback beside the prediction; a joined annotator's becomes an answer where it may.

    It does where the picture was queued and a label is known. An image of the audit slice never
    takes such an answer (its labels are blind, rule 1), so one whose partition is not decided
    waits for it; `settle` records it then. Giving the same feedback again changes nothing.

    Args:
        annotator_id: who looked at the picture; None for an API client.
        label_code: the right label; with `right` it may be left out.

    Raises:
        ContradictoryFeedbackError: right with another label than the likeliest, or wrong with it.
        UnknownLabelError: the project has no such label now.
        FeedbackGivenError: other feedback was given before.
    """
    row = Prediction.objects.select_related("feedback_label").get(pk=prediction_id)
    likeliest = _top_code(row)
    if label_code is not None and (label_code == likeliest) != right:
        raise ContradictoryFeedbackError(
            f"The likeliest label was {likeliest!r} and you name {label_code!r}: "
            f"that is {'wrong' if right else 'right'}. Send one of the two.",
            right=right,
            label=label_code,
        )
    code = label_code or (likeliest if right else None)
    label_id = _label_id(row.project_id, code) if code else None
    said = Said.RIGHT if right else Said.WRONG
    # Of two that arrive together one writes; the other finds what it wrote.
    Prediction.objects.filter(pk=row.pk, feedback="").update(
        feedback=said,
        feedback_label_id=label_id,
        feedback_at=now,
        feedback_by_id=annotator_id,
    )
    row.refresh_from_db()
    if (row.feedback, row.feedback_label_id) != (said, label_id):
        raise FeedbackGivenError(
            f"This prediction was called {row.feedback.lower()} before; the first word stands.",
            given=row.feedback,
        )
    settle(now=now, prediction_id=row.pk)
    return Given(right, code, row.feedback_at or now, _answer_state(row))


def settle(*, now: datetime, prediction_id: int | None = None) -> int:
    """Record feedback that waited for its picture's partition; give how many answers came of it.

    Called with the feedback itself and by the sweep. What cannot become an answer (the audit
    slice, a removed image, a second answer of the same person) is left as feedback and not looked
    at again.
    """
    waiting = Prediction.objects.filter(
        queued=True,
        feedback_label__isnull=False,
        feedback_by__isnull=False,
        answer_settled_at__isnull=True,
    )
    if prediction_id is not None:
        waiting = waiting.filter(pk=prediction_id)
    return sum(_settle_one(row, now) for row in _decided(waiting)[:SETTLED_AT_ONCE])


def _decided(waiting: QuerySet[Prediction]) -> list[Prediction]:
    rows = waiting.exclude(image__partition="PENDING").exclude(image=None)
    return list(rows.select_related("image", "feedback_label").order_by("pk"))


def _settle_one(row: Prediction, now: datetime) -> bool:
    is_recorded = False
    image = row.image
    if image and image.removed_at is None and image.partition in MAY_TAKE_ANSWERS:
        is_recorded = _record(row, now)
    Prediction.objects.filter(pk=row.pk).update(answer_settled_at=now, answer_recorded=is_recorded)
    return is_recorded


def _record(row: Prediction, now: datetime) -> bool:
    if row.feedback_by_id is None or row.image_id is None or row.feedback_label is None:
        return False
    if row.mode == SEVERAL:  # One label is no answer: it would say no to all the others.
        return False
    try:
        annotation_service.record_direct(
            annotator_id=row.feedback_by_id,
            image_id=row.image_id,
            kind=ANSWER_KIND,
            label_codes=[row.feedback_label.code],
            # One prediction gives one answer however often it is settled.
            key=uuid.uuid5(row.public_id, "feedback"),
            now=now,
        )
    except LabelingError:
        # Answered already, paused, or the label was retired: it stays feedback.
        return False
    return True


def _top_code(row: Prediction) -> str | None:
    ranked = sorted(row.probabilities.items(), key=lambda entry: (-entry[1], entry[0]))
    return ranked[0][0] if ranked else None


def _label_id(project_id: int, code: str) -> int:
    scheme = projects.current_scheme(project_id)
    known = dict(zip(scheme.codes, scheme.label_ids, strict=True))
    if code not in known:
        raise UnknownLabelError(
            f"This project has no label {code!r}; GET labels lists them.", label=code
        )
    return known[code]


def _answer_state(row: Prediction) -> AnswerState:
    row.refresh_from_db()
    if row.answer_recorded:
        return AnswerState.RECORDED
    can_wait = row.queued and row.feedback_by_id is not None and row.feedback_label_id is not None
    if can_wait and row.answer_settled_at is None:
        return AnswerState.WAITING
    return AnswerState.NOT_STORED
