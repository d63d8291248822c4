"""What every way of answering shares: the checks, the rows, and what follows from them.

Each function here runs in its caller's transaction; those that write need the image's lock.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labeling import events
from labeling.errors import LabelingError
from labeling.models import (
    ABOUT_ONE_LABEL,
    SETTLES_ONE_LABEL,
    Annotation,
    AnnotationKind,
    AnnotationLabel,
    Annotator,
    Assignment,
    Consensus,
    ConsensusState,
    FlagReason,
    Image,
    Mode,
    Project,
)
from labeling.selectors import annotators, projects, questions
from labeling.selectors.prepared import IS_SQLITE, Statement, adapted, instance
from labeling.selectors.queue import ImageNotFoundError
from labeling.selectors.votes import NO_VOTE, is_live
from labeling.services import adjudication, consensus, gold_scores, slots, windows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from labeling.selectors.projects import SchemeView

ANSWER_KINDS = tuple(kind for kind in AnnotationKind.values if kind != AnnotationKind.UNDO)


class InvalidAnswerError(LabelingError):
    """The answer does not say anything the project can hold."""

    code = "invalid_answer"


class KeyReusedError(LabelingError):
    """An idempotency key came again with another request: one of the two would be lost."""

    code = "key_reused"
    status = 409


@dataclass(frozen=True, slots=True)
class Answer:
    """What an annotator says, before it is a row."""

    kind: str
    label_codes: Sequence[str]
    key: uuid.UUID
    request_hash: str
    flag_reason: str = ""
    time_spent_ms: int | None = None
    shown: dict[str, Any] | None = None
    is_expert: bool = False


def hash_of(*parts: object) -> str:
    """Hash the parts of a request, so that a key that is used twice shows whether it repeats."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def repeat_of(annotator_id: int, key: uuid.UUID, request_hash: str) -> Annotation | None:
    """Give what a key has stored before, or None.

    Raises:
        KeyReusedError: it was another request; storing this one too would break its promise.
    """
    earlier = Annotation.objects.filter(annotator_id=annotator_id, key=key).first()
    if earlier is not None and earlier.request_hash != request_hash:
        raise KeyReusedError(
            "This key was used for another answer. Nothing was stored; send it with a new key.",
            key=str(key),
        )
    return earlier


def locked(project_id: int, image_id: int) -> Image:
    """Lock one image of a project.

    Raises:
        ImageNotFoundError: there is none, or it belongs to another project.
    """
    images = slots.lock_images([image_id])
    if not images or images[0].project_id != project_id:
        raise ImageNotFoundError(f"The project has no image {image_id}.")
    return images[0]


_SAID = Statement(
    "SELECT id FROM labeling_annotation WHERE annotator_id = %s AND key = %s UNION ALL "  # noqa: S608
    "SELECT id FROM labeling_annotation WHERE image_id = %s AND annotator_id = %s "
    f"AND {is_live('labeling_annotation')}"
)


def has_said(annotator_id: int, image_id: int, key: uuid.UUID) -> bool:
    """Tell whether a key was used before, or the image has a live answer of this annotator."""
    return bool(_SAID.run([annotator_id, adapted(key), image_id, annotator_id]))


def live_answer(annotator: Annotator, image: Image) -> Annotation | None:
    """Give the one live answer of an annotator to an image, or None.

    What an expert has settled of single labels stands beside it.
    """
    found = Annotation.objects.filter(annotator=annotator, image=image, withdrawn_at__isnull=True)
    return found.exclude(kind=AnnotationKind.UNDO).exclude(SETTLES_ONE_LABEL).first()


def check_asked(scheme: SchemeView, asks: int, answer: Answer) -> None:
    """Check an answer to "does it show this label?"; a picture can be skipped or flagged as well.

    Raises:
        InvalidAnswerError: it says something of the whole picture, or names another label.
    """
    code = scheme.codes[scheme.label_ids.index(asks)]
    if answer.kind not in ABOUT_ONE_LABEL:
        raise InvalidAnswerError(
            f"This picture was asked about {code} alone. Answer YES, NO or UNSURE.",
            kind=answer.kind,
        )
    if set(answer.label_codes) - {code}:
        raise InvalidAnswerError(
            f"This picture was asked about {code} alone.", labels=list(answer.label_codes)
        )


def refuse_removed(code: str | None, answer: Answer) -> None:
    """Refuse an answer about a label that the page still shows, and the project no longer has.

    Raises:
        InvalidAnswerError: the picture was asked about that label alone.
    """
    if code is not None:
        raise InvalidAnswerError(
            f"The label {code} was removed since this picture was shown. Reload the page and "
            "answer about the whole picture.",
            kind=answer.kind,
        )


def label_ids(project: Project, scheme: SchemeView, answer: Answer) -> list[int]:
    """Check an answer against a scheme version; give the labels it names."""
    if answer.kind not in ANSWER_KINDS:
        raise InvalidAnswerError(f"Unknown kind of answer: {answer.kind!r}.", kind=answer.kind)
    if answer.kind in ABOUT_ONE_LABEL:
        raise InvalidAnswerError(
            f"{answer.kind} answers a question about one label, and this one is about the picture.",
            kind=answer.kind,
        )
    if answer.kind == AnnotationKind.FLAG and answer.flag_reason not in FlagReason.values:
        raise InvalidAnswerError(
            f"A flag needs its reason, one of {', '.join(FlagReason.values)}.",
            flag_reason=answer.flag_reason,
        )
    codes = list(dict.fromkeys(answer.label_codes))
    if answer.kind != AnnotationKind.LABEL:
        if codes:
            raise InvalidAnswerError(f"{answer.kind} names no labels, got {codes}.", labels=codes)
        return []
    if not codes:
        raise InvalidAnswerError("A label is missing. Name one, or choose none of these.")
    if project.mode == Mode.SINGLE and len(codes) > 1:
        raise InvalidAnswerError(f"One label an image, got {len(codes)}.", labels=codes)
    known = dict(zip(scheme.codes, scheme.label_ids, strict=True))
    if project.mode == Mode.SINGLE:
        known |= {group.code: group.id for group in scheme.groups}
    unknown = [code for code in codes if code not in known]
    if unknown:
        raise InvalidAnswerError(
            f"Not a label of this project now: {', '.join(unknown)}. Reload the page.",
            labels=unknown,
        )
    return [known[code] for code in codes]


def write(
    annotator: Annotator,
    image: Image,
    answer: Answer,
    now: datetime,
    *,
    assignment: Assignment | None = None,
    scheme: SchemeView | None = None,
    asks: int | None = None,
) -> Annotation:
    """Check an answer and store it with its labels.

    Where the assignment, or `asks`, is about one label, the answer says yes, no or unsure of it.

    Raises:
        InvalidAnswerError: it does not fit the project's current scheme, or what was asked.
    """
    scheme = scheme or projects.current_scheme(annotator.project_id)
    asks = asks or questions.asked_label(assignment, scheme)
    if asks is None and assignment is not None and answer.kind in ABOUT_ONE_LABEL:
        refuse_removed(questions.asked_code(assignment.policy), answer)
    if asks is None or answer.kind in NO_VOTE:
        chosen = label_ids(annotator.project, scheme, answer)
        asks = None
    else:
        check_asked(scheme, asks, answer)
        chosen = []
    annotation = row_of(annotator, image, answer, now, assignment=assignment, scheme=scheme)
    _insert(annotation, chosen)
    if asks is not None:
        AnnotationLabel.objects.create(annotation=annotation, label_id=asks, value=answer.kind)
    return annotation


def row_of(
    annotator: Annotator,
    image: Image,
    answer: Answer,
    now: datetime,
    *,
    assignment: Assignment | None,
    scheme: SchemeView,
) -> Annotation:
    """Make the row of a checked answer, not stored yet."""
    row = instance(Annotation, _FIELDS, _EMPTY, image=image, annotator=annotator)
    row._state.adding, row._state.db = True, None
    if assignment is not None:
        row._state.fields_cache["assignment"] = assignment
    is_flag = answer.kind == AnnotationKind.FLAG
    row.__dict__.update(
        public_id=uuid.uuid4(),
        project_id=annotator.project_id,
        image_id=image.pk,
        annotator_id=annotator.pk,
        assignment_id=None if assignment is None else assignment.pk,
        scheme_id=scheme.id,
        kind=answer.kind,
        is_expert=answer.is_expert,
        flag_reason=answer.flag_reason if is_flag else "",
        time_spent_ms=answer.time_spent_ms,
        shown=answer.shown or {},
        key=answer.key,
        request_hash=answer.request_hash,
        created_at=now,
    )
    return row


_FIELDS = [field.attname for field in Annotation._meta.concrete_fields]
_EMPTY = [None] * len(_FIELDS)
_INSERT_LABEL = Statement(
    "INSERT INTO labeling_annotationlabel (annotation_id, label_id, value) VALUES (%s, %s, 'YES')"
)


COLUMNS = (
    "public_id, project_id, image_id, annotator_id, assignment_id, scheme_id, kind, flag_reason, "
    "is_expert, time_spent_ms, shown, key, request_hash, created_at"
)
_INSERT = (
    f"INSERT INTO labeling_annotation ({COLUMNS}) VALUES "  # noqa: S608
    "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, {shown}, %s, %s, %s) RETURNING id"
)
_INSERT_ON_SQLITE = Statement(_INSERT.format(shown="%s"))
# With its labels in one statement: each is a way to the server and back.
_INSERT_ON_POSTGRES = Statement(
    f"WITH said AS ({_INSERT.format(shown='%s::jsonb')}), named AS ("  # noqa: S608
    "INSERT INTO labeling_annotationlabel (annotation_id, label_id, value) "
    "SELECT said.id, label_id, 'YES' FROM said, unnest(%s::bigint[]) AS label_id) "
    "SELECT id FROM said"
)


def values_of(row: Annotation) -> list[Any]:
    """Give the values of a new row in the order of `COLUMNS`."""
    values = [row.public_id, row.project_id, row.image_id, row.annotator_id, row.assignment_id]
    values += [row.scheme_id, row.kind, row.flag_reason, row.is_expert, row.time_spent_ms]
    return [*values, json.dumps(row.shown), row.key, row.request_hash, row.created_at]


def _insert(row: Annotation, label_ids: list[int]) -> None:
    """Insert an answer and its labels as `save()` would, past the building of SQL."""
    values = values_of(row)
    if IS_SQLITE:
        ((row.pk,),) = _INSERT_ON_SQLITE.run([adapted(value) for value in values])
        for label_id in label_ids:
            _INSERT_LABEL.run([row.pk, label_id])
    else:
        ((row.pk,),) = _INSERT_ON_POSTGRES.run([*values, label_ids])
    row._state.adding = False
    row._state.db = "default"


def follow(
    project: Project,
    image: Image,
    annotation: Annotation,
    now: datetime,
    scheme: SchemeView | None = None,
) -> Consensus:
    """Bring flag, consensus and queue up to date with a new row, and tell who listens."""
    _flag(image, annotation, now)
    found = consensus.update_locked(project=project, image=image, now=now, scheme=scheme)
    slots.recount(project, [image], now, n_active=annotators.active_lately(project, now))
    if found.state == ConsensusState.DISPUTED:
        windows.open_dispute(project, image, now)
    gold_scores.follow(annotation, now)
    adjudication.follow(annotation, now)
    events.send_on_commit(
        events.annotation_submitted, project_id=project.pk, annotation_id=annotation.pk
    )
    return found


def _flag(image: Image, annotation: Annotation, now: datetime) -> None:
    """Take a flagged image out of the queue, and put it back when its last flag is undone.

    Nothing else touches `flagged_at`: an image that staff chose to keep stays kept.
    """
    if annotation.kind == AnnotationKind.FLAG and image.flagged_at is None:
        image.flagged_at = now
        image.save(update_fields=["flagged_at"])
    undone = annotation.undoes
    if undone is None or undone.kind != AnnotationKind.FLAG:
        return
    flags = Annotation.objects.filter(image=image, kind=AnnotationKind.FLAG)
    if not flags.filter(withdrawn_at__isnull=True).exists():
        image.flagged_at = None
        image.save(update_fields=["flagged_at"])


_CLOSE_HELD = Statement(
    "UPDATE labeling_assignment SET state = 'RELEASED', closed_at = %s "
    "WHERE annotator_id = %s AND image_id = %s AND state = 'OPEN'"
)


def close_held(annotator: Annotator, image: Image, now: datetime) -> None:
    """Close what the annotator holds of an image that they answered on another page."""
    _CLOSE_HELD.run([adapted(now), annotator.pk, image.pk])


def withdraw(answer: Annotation, key: uuid.UUID, request_hash: str, now: datetime) -> Annotation:
    """Withdraw an answer by a compensating row, which is given back."""
    Annotation.objects.filter(pk=answer.pk).update(withdrawn_at=now)
    undone = undo_of(answer, key, request_hash, now)
    undone.save(force_insert=True)
    return undone


def undo_of(answer: Annotation, key: uuid.UUID, request_hash: str, now: datetime) -> Annotation:
    """Give the row that withdraws an answer, not stored yet."""
    return Annotation(
        project_id=answer.project_id,
        image_id=answer.image_id,
        annotator_id=answer.annotator_id,
        scheme_id=answer.scheme_id,
        kind=AnnotationKind.UNDO,
        undoes=answer,
        key=key,
        request_hash=request_hash,
        created_at=now,
    )


def withdraw_earlier(annotator: Annotator, image: Image, now: datetime) -> None:
    """Make room for an answer that replaces an earlier one of the same annotator."""
    earlier = live_answer(annotator, image)
    if earlier is not None:
        withdraw(earlier, uuid.uuid4(), hash_of("undo", earlier.public_id), now)


def withdraw_settled(annotator: Annotator, image: Image, label_id: int, now: datetime) -> None:
    """Make room for an expert's word on one label that replaces their earlier one on it."""
    earlier = Annotation.objects.filter(
        SETTLES_ONE_LABEL,
        annotator=annotator,
        image=image,
        withdrawn_at__isnull=True,
        labels__label_id=label_id,
    )
    for answer in earlier.order_by("pk"):
        withdraw(answer, uuid.uuid4(), hash_of("undo", answer.public_id), now)
