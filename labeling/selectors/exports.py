"""Rows of an export: one a picture, one an answer. Streamed, so memory does not grow with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.models import Max, Prefetch

from labeling.models import (
    Adjudication,
    Annotation,
    AnnotationLabel,
    GoldReference,
    Image,
    SchemeLabel,
)
from labeling.selectors import several

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

CHUNK = 1000
IMAGE_FIELDS = (
    "image",
    "sha256",
    "original_name",
    "source",
    "licence",
    "width",
    "height",
    "created_at",
    "captured_at",
    "capture_session",
    "perceptual_hash",
    "partition",
    "inclusion_probability",
    "split_group",
    "group_inclusion_probability",
    "group_draw_order",
    "group_order_weight",
    "group_reached",
    "is_measured",
    "flagged_at",
    "removed_at",
    "suggested_label",
    "state",
    "label",
    "label_set",
    "scheme_version",
    "n_votes",
    "effective_votes",
    "is_expert",
    "resolved_at",
    "probabilities",
)
ANSWER_FIELDS = (
    "annotation",
    "image",
    "sha256",
    "annotator",
    "annotator_name",
    "annotator_kind",
    "kind",
    "labels",
    "flag_reason",
    "is_expert",
    "scheme_version",
    "assignment",
    "assigned_at",
    "reason",
    "policy",
    "model_version",
    "selection_probability",
    "serve_number",
    "partition",
    "inclusion_probability",
    "time_spent_ms",
    "shown",
    "key",
    "request_hash",
    "undoes",
    "created_at",
    "withdrawn_at",
)
GOLD_FIELDS = (
    "image",
    "sha256",
    "label",
    "further",
    "annotator",
    "note",
    "created_at",
    "withdrawn_at",
)
ADJUDICATION_FIELDS = (
    "image",
    "sha256",
    "kind",
    "probability",
    "created_at",
    "settled_at",
    "annotation",
)


def _time(value: Any) -> str | None:
    return value.isoformat() if value else None


@dataclass(frozen=True, slots=True)
class Bounds:
    """The newest rows an export takes: what comes while it is written stays out of all tables."""

    image_id: int
    annotation_id: int
    gold_id: int
    adjudication_id: int


def bounds(project_id: int) -> Bounds:
    """Look up what points at others before what it points at: nothing exported points nowhere."""
    gold = GoldReference.objects.filter(image__project_id=project_id)
    newest_gold = gold.aggregate(pk=Max("pk"))["pk"] or 0
    asked = Adjudication.objects.filter(project_id=project_id)
    newest_asked = asked.aggregate(pk=Max("pk"))["pk"] or 0
    answers = Annotation.objects.filter(project_id=project_id)
    newest = answers.aggregate(pk=Max("pk"))["pk"] or 0
    images = Image.objects.filter(project_id=project_id)
    newest_image = images.aggregate(pk=Max("pk"))["pk"] or 0
    return Bounds(newest_image, newest, newest_gold, newest_asked)


def image_rows(project_id: int, upto: Bounds | None = None) -> Iterator[dict[str, Any]]:
    """Yield one row an image, oldest first, with its consensus where there is one."""
    upto = upto or bounds(project_id)
    orders = scheme_orders(project_id)
    is_several = several.is_several(project_id)
    images = (
        Image.objects.filter(project_id=project_id, pk__lte=upto.image_id)
        .select_related("split_group", "consensus__label", "consensus__scheme", "suggested_label")
        .order_by("pk")
    )
    for image in images.iterator(chunk_size=CHUNK):
        yield _image_row(image, orders, is_several=is_several)


def scheme_orders(project_id: int) -> dict[int, list[str]]:
    """Give the label codes of every scheme, in order, by scheme id."""
    orders: dict[int, list[str]] = {}
    entries = SchemeLabel.objects.filter(scheme__project_id=project_id)
    for scheme_id, code in entries.order_by("scheme_id", "position", "pk").values_list(
        "scheme_id", "label__code"
    ):
        orders.setdefault(scheme_id, []).append(code)
    return orders


def _image_row(image: Image, orders: dict[int, list[str]], *, is_several: bool) -> dict[str, Any]:
    group = image.split_group
    row: dict[str, Any] = {
        "image": str(image.public_id),
        "sha256": image.sha256,
        "original_name": image.original_name,
        "source": image.source,
        "licence": image.licence,
        "width": image.width,
        "height": image.height,
        "created_at": _time(image.created_at),
        "captured_at": _time(image.captured_at),
        "capture_session": image.capture_session,
        "perceptual_hash": image.perceptual_hash,
        "partition": image.partition,
        "inclusion_probability": image.inclusion_probability,
        "split_group": group.pk if group else None,
        "group_inclusion_probability": group.inclusion_probability if group else None,
        "group_draw_order": group.draw_order if group else None,
        "group_order_weight": group.order_weight if group else None,
        "group_reached": group.reached if group else None,
        "is_measured": bool(group and group.measured_image_id == image.pk),
        "flagged_at": _time(image.flagged_at),
        "removed_at": _time(image.removed_at),
        "suggested_label": image.suggested_label.code if image.suggested_label else None,
    }
    consensus = getattr(image, "consensus", None)
    if consensus is None:
        return row | dict.fromkeys(IMAGE_FIELDS[len(row) :])
    posterior = np.frombuffer(bytes(consensus.posterior), dtype=np.float32)
    codes = orders[consensus.scheme_id]
    return row | {
        "state": consensus.state,
        "label": consensus.label.code if consensus.label else None,
        "label_set": _set(consensus.state, codes, posterior) if is_several else None,
        "scheme_version": consensus.scheme.version,
        "n_votes": consensus.n_votes,
        "effective_votes": consensus.effective_votes,
        "is_expert": consensus.is_expert,
        "resolved_at": _time(consensus.resolved_at),
        # Nine digits hold a float32 exactly: reading them back gives the same bytes.
        "probabilities": {
            code: float(f"{value:.9g}")
            for code, value in zip(codes, posterior, strict=True)
            if value > 0
        },
    }


def _set(state: str, codes: list[str], posterior: npt.NDArray[np.float32]) -> str | None:
    """Give all labels of an image that may bear several, a|b; empty where it shows none."""
    if state not in several.SETTLED:
        return None
    return "|".join(code for code, p in zip(codes, posterior, strict=True) if p > several.UNKNOWN)


def answer_rows(project_id: int, upto: Bounds | None = None) -> Iterator[dict[str, Any]]:
    """Yield one row an answer, oldest first, withdrawn answers and undo rows included."""
    upto = upto or bounds(project_id)
    labels = AnnotationLabel.objects.select_related("label").order_by("pk")
    answers = (
        Annotation.objects.filter(project_id=project_id, pk__lte=upto.annotation_id)
        .select_related("image", "annotator", "assignment", "scheme", "undoes")
        .prefetch_related(Prefetch("labels", queryset=labels))
        .order_by("pk")
    )
    for answer in answers.iterator(chunk_size=CHUNK):
        yield _answer_row(answer)


def _answer_row(answer: Annotation) -> dict[str, Any]:
    assignment = answer.assignment
    return {
        "annotation": str(answer.public_id),
        "image": str(answer.image.public_id),
        "sha256": answer.image.sha256,
        "annotator": str(answer.annotator.public_id),
        "annotator_name": answer.annotator.display_name,
        "annotator_kind": answer.annotator.kind,
        "kind": answer.kind,
        "labels": {entry.label.code: entry.value for entry in answer.labels.all()},
        "flag_reason": answer.flag_reason,
        "is_expert": answer.is_expert,
        "scheme_version": answer.scheme.version,
        "assignment": str(assignment.public_id) if assignment else None,
        "assigned_at": _time(assignment.created_at) if assignment else None,
        "reason": assignment.reason if assignment else None,
        "policy": assignment.policy if assignment else None,
        "model_version": _text(assignment.model_version) if assignment else None,
        "selection_probability": assignment.selection_probability if assignment else None,
        "serve_number": assignment.serve_number if assignment else None,
        "partition": answer.image.partition,
        "inclusion_probability": answer.image.inclusion_probability,
        "time_spent_ms": answer.time_spent_ms,
        "shown": answer.shown,
        "key": str(answer.key),
        "request_hash": answer.request_hash,
        "undoes": str(answer.undoes.public_id) if answer.undoes else None,
        "created_at": _time(answer.created_at),
        "withdrawn_at": _time(answer.withdrawn_at),
    }


def gold_rows(project_id: int, upto: Bounds | None = None) -> Iterator[dict[str, Any]]:
    """Yield one row a gold reference, oldest first, withdrawn ones included."""
    upto = upto or bounds(project_id)
    rows = (
        GoldReference.objects.filter(image__project_id=project_id, pk__lte=upto.gold_id)
        .select_related("image", "label", "annotator")
        .prefetch_related("further")
        .order_by("pk")
    )
    for row in rows.iterator(chunk_size=CHUNK):
        yield {
            "image": str(row.image.public_id),
            "sha256": row.image.sha256,
            "label": row.label.code,
            "further": "|".join(sorted(label.code for label in row.further.all())) or None,
            "annotator": str(row.annotator.public_id) if row.annotator else None,
            "note": row.note,
            "created_at": _time(row.created_at),
            "withdrawn_at": _time(row.withdrawn_at),
        }


def adjudication_rows(project_id: int, upto: Bounds | None = None) -> Iterator[dict[str, Any]]:
    """Yield one row a question put to the experts, oldest first.

    One that an answer has settled which came while the export was written is open in it.
    """
    upto = upto or bounds(project_id)
    rows = (
        Adjudication.objects.filter(project_id=project_id, pk__lte=upto.adjudication_id)
        .select_related("image", "annotation")
        .order_by("pk")
    )
    for row in rows.iterator(chunk_size=CHUNK):
        is_later = row.annotation_id is not None and row.annotation_id > upto.annotation_id
        answer = None if is_later else row.annotation
        yield {
            "image": str(row.image.public_id),
            "sha256": row.image.sha256,
            "kind": row.kind,
            "probability": row.probability,
            "created_at": _time(row.created_at),
            "settled_at": None if is_later else _time(row.settled_at),
            "annotation": str(answer.public_id) if answer else None,
        }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
