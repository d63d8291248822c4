"""Answers of the prediction API: what is in these pictures, how sure, and may they be queued."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

from django.db import transaction
from django.db.models import Min, TextChoices

from labeling.errors import LabelingError
from labeling.services import images
from ml.errors import MlError
from ml.models import Prediction
from ml.services import classify, idempotency, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    import numpy as np
    import numpy.typing as npt
    from django.db.models import QuerySet

    from ml.services.serving import ServedModel

MAX_IMAGES = 32
QUEUE_SOURCE = "predict"
HASH_BLOCK_BYTES = 1 << 20
HOUR = timedelta(hours=1)


class Queueing(TextChoices):
    """Which pictures of a request may be stored and queued for labeling."""

    NO = "false", "none"
    ALL = "true", "all"
    UNSURE = "unsure", "those that were not accepted"


class QueueingNotAllowedError(MlError):
    """Uploads are private unless the project and the token both allow queueing (rule 9)."""

    code = "queueing_not_allowed"
    status = 403


@dataclass(frozen=True, slots=True)
class Upload:
    """One picture of a request: its file name and its bytes."""

    name: str
    stream: BinaryIO


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: ids of the rows behind the request, None where there is none.

    Attributes:
        principal: one word for the asker, the space of its idempotency keys.
        may_queue: a token with the scope `queue`, or a person in the browser.
    """

    principal: str
    token_id: int | None = None
    user_id: int | None = None
    annotator_id: int | None = None
    may_queue: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """The project as a prediction needs it."""

    project_id: int
    mode: str
    licence: str
    may_queue_uploads: bool
    queued_uploads_per_hour: int


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every picture of a request."""

    top_k: int = 3
    version: int | None = None
    queue: Queueing = Queueing.NO
    key: str = ""


@dataclass(slots=True)
class _Seen:
    """One picture on its way to an answer."""

    upload: Upload
    sha256: str
    probabilities: npt.NDArray[np.float64] | None = None  # (k,)
    error: LabelingError | None = None
    image_id: int | None = None
    queue_note: dict[str, Any] | None = None


def answer(
    *, target: Target, uploads: Sequence[Upload], question: Question, asker: Asker, now: datetime
) -> dict[str, Any]:
    """Classify pictures; a bad one gets its own error while the others get their answers.

    Without queueing nothing of a picture is stored: the `Prediction` row keeps its SHA-256.

    Args:
        uploads: 1 to `MAX_IMAGES`, streams at their start.

    Returns:
        `{"results": [...]}` in the order of `uploads`, as `docs/api.md` describes it.

    Raises:
        NoChampionError, NoSuchVersionError, VersionPrunedError: nothing can answer.
        QueueingNotAllowedError: queueing was asked for where it is off.
        KeyReusedError: the idempotency key belongs to another request.
    """
    if question.queue != Queueing.NO:
        _check_may_queue(target, asker)
    seen = [_Seen(upload, _sha256(upload.stream)) for upload in uploads]

    def make() -> Callable[[], dict[str, Any]]:
        served = _served(target.project_id, question.version)
        _look(seen, served)
        if question.queue != Queueing.NO:
            _queue(seen, served, target=target, question=question, asker=asker, now=now)
        return lambda: _store(seen, served, target=target, question=question, asker=asker, now=now)

    if not question.key:
        write = make()
        with transaction.atomic():
            return write()
    return idempotency.first_reply(
        principal=asker.principal,
        key=question.key,
        request_hash=_request_hash(target, seen, question),
        make=make,
        now=now,
    )


def _served(project_id: int, version: int | None) -> ServedModel:
    return serving.champion(project_id) if version is None else serving.pinned(project_id, version)


def _check_may_queue(target: Target, asker: Asker) -> None:
    if not target.may_queue_uploads:
        raise QueueingNotAllowedError(
            "This project does not take uploads into its queue; ask without `queue`, "
            "or have a manager allow it on the Settings page of the staff room."
        )
    if not asker.may_queue:
        raise QueueingNotAllowedError(
            'This token lacks the scope "queue"; ask without `queue`, or make a token that has it.'
        )


def _sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := stream.read(HASH_BLOCK_BYTES):
        digest.update(block)
    stream.seek(0)
    return digest.hexdigest()


def _request_hash(target: Target, seen: Sequence[_Seen], question: Question) -> str:
    parts = [
        target.project_id,
        question.top_k,
        question.version,
        question.queue.value,
        [one.sha256 for one in seen],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _look(seen: Sequence[_Seen], served: ServedModel) -> None:
    found = classify.probabilities_of(served, [one.upload.stream for one in seen])
    for one, result in zip(seen, found, strict=True):
        if isinstance(result, LabelingError):
            one.error = result
        else:
            one.probabilities = result


def _is_accepted(one: _Seen, served: ServedModel) -> bool:
    return one.probabilities is not None and bool(served.accepted(one.probabilities))


def _queue(
    seen: Sequence[_Seen],
    served: ServedModel,
    *,
    target: Target,
    question: Question,
    asker: Asker,
    now: datetime,
) -> None:
    """Store what may be stored, up to the project's limit an hour; duplicates count nothing."""
    recent = _stored_lately(target.project_id, now)
    taken = recent.count()
    for one in seen:
        if one.error or (question.queue == Queueing.UNSURE and _is_accepted(one, served)):
            continue
        known = images.known(project_id=target.project_id, sha256=one.sha256)
        if known is None and taken >= target.queued_uploads_per_hour:
            oldest = recent.aggregate(at=Min("image__created_at"))["at"]
            one.queue_note = _limit_note(target, oldest, now)
            continue
        one.upload.stream.seek(0)
        stored = known or images.ingest(
            project_id=target.project_id,
            upload=one.upload.stream,
            original_name=one.upload.name,
            source=QUEUE_SOURCE,
            licence=target.licence,
            uploaded_by_id=asker.user_id,
            now=now,
        )
        one.image_id = stored.image_id
        if stored.is_duplicate:
            one.queue_note = {
                "code": "duplicate",
                "message": "The project has this picture already; it was not stored again.",
            }
        else:
            taken += 1


def _stored_lately(project_id: int, now: datetime) -> QuerySet[Prediction, int]:
    """Give the pictures that predictions stored within the hour: an id each."""
    return (
        Prediction.objects.filter(
            project_id=project_id,
            queued=True,
            image__source=QUEUE_SOURCE,
            image__created_at__gt=now - HOUR,
        )
        .values_list("image_id", flat=True)
        .distinct()
    )


def _limit_note(target: Target, oldest: datetime | None, now: datetime) -> dict[str, Any]:
    wait = (oldest + HOUR - now) if oldest else HOUR
    return {
        "code": "queue_limit",
        "message": f"This project takes {target.queued_uploads_per_hour} uploads an hour into "
        "its queue; the picture was answered but not stored.",
        "retry_after_s": max(1, math.ceil(wait.total_seconds())),
    }


def _store(
    seen: Sequence[_Seen],
    served: ServedModel,
    *,
    target: Target,
    question: Question,
    asker: Asker,
    now: datetime,
) -> dict[str, Any]:
    """Write one `Prediction` a picture and give the reply."""
    rows: list[Prediction] = []
    results: list[dict[str, Any]] = []
    for one in seen:
        if one.error is not None or one.probabilities is None:
            results.append(_refused(one))
            continue
        best = classify.top(served, one.probabilities, question.top_k)
        row = Prediction(
            project_id=target.project_id,
            token_id=asker.token_id,
            user_id=asker.user_id,
            annotator_id=asker.annotator_id,
            image_id=one.image_id,
            sha256=one.sha256,
            model_version_id=served.version_id,
            mode=target.mode,
            probabilities={entry["label"]: entry["probability"] for entry in best},
            uncertainty=served.uncertainty(one.probabilities),
            accepted=_is_accepted(one, served),
            answer=None if served.is_several else classify.sure_of(served, one.probabilities),
            queued=one.image_id is not None,
            created_at=now,
        )
        rows.append(row)
        results.append(_answered(one, row, served, best))
    Prediction.objects.bulk_create(rows)
    return {"results": results}


def _refused(one: _Seen) -> dict[str, Any]:
    error = one.error
    message = error.message if error else "This picture could not be read."
    code = error.code if error else "unreadable"
    return {"name": one.upload.name, "error": {"code": code, "message": message}}


def _answered(
    one: _Seen, row: Prediction, served: ServedModel, best: list[dict[str, Any]]
) -> dict[str, Any]:
    # With several labels an image: those it is sure of, however many were asked for.
    sure = {"labels": [each["label"] for each in best if each.get("accepted")]}
    return {
        "name": one.upload.name,
        "id": str(row.public_id),
        "mode": row.mode,
        "top": best,
        **(sure if served.is_several else {"answer": row.answer}),
        "accepted": row.accepted,
        "uncertainty": row.uncertainty,
        "model_version": {
            "id": str(served.public_id),
            "number": served.number,
            "evidence": served.evidence,
        },
        "queued": row.queued,
        "queue_note": one.queue_note,
    }
