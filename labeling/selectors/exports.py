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
    Annotator,
    GoldReference,
    Image,
    Label,
    LabelMapping,
    LabelScheme,
    Project,
    SchemeLabel,
)
from labeling.selectors import several

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from django.db.models import QuerySet

CHUNK = 1000
FORMAT = "larder-export"
FORMAT_VERSION = 2
READABLE = (1, 2)
"""Version 1 had neither gold references nor experts' questions."""

_LEFT_OUT = {"id", "public_id", "seed", "created_at", "archived_at"}
_LEFT_OUT |= {"labeling_paused_at", "training_paused_at"}
SETTINGS = tuple(
    field.name for field in Project._meta.concrete_fields if field.name not in _LEFT_OUT
)
ANNOTATOR_TIMES = (
    "created_at",
    "consented_at",
    "last_seen_at",
    "paused_at",
    "pause_lifted_at",
    "onboarded_at",
    "quarantined_at",
    "anonymised_at",
)

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


def settings_of(project: Project) -> dict[str, Any]:
    """Give the columns of a project that an export carries.

    Secrets (invitations, tokens, the seed of the queue's permutations) stay behind.
    """
    return {name: getattr(project, name) for name in SETTINGS}


def project_record(project_id: int) -> dict[str, Any]:
    """Give what a copy of the project needs besides its images and answers."""
    project = Project.objects.get(pk=project_id)
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "settings": settings_of(project),
        "schemes": [_scheme(scheme) for scheme in project.schemes.order_by("version", "pk")],
        "labels": [_label(label) for label in _labels(project)],
        "mappings": [_mapping(step) for step in _steps(project)],
        "annotators": [_annotator(who) for who in project.annotators.order_by("pk")],
    }


def _scheme(scheme: LabelScheme) -> dict[str, Any]:
    entries = scheme.entries.order_by("position", "pk")
    return {
        "version": scheme.version,
        "created_at": _time(scheme.created_at),
        "labels": [list(entry) for entry in entries.values_list("label__code", "name")],
        "groups": {
            code: group
            for code, group in entries.values_list("label__code", "parent__code")
            if group is not None
        },
    }


def _labels(project: Project) -> QuerySet[Label]:
    return project.labels.select_related("parent").order_by("position", "pk")


def _label(label: Label) -> dict[str, Any]:
    return {
        "code": label.code,
        "name": label.name,
        "description": label.description,
        "key": label.key,
        "colour": label.colour,
        "position": label.position,
        "group": label.parent.code if label.parent else None,
        "is_group": label.is_group,
        "created_at": _time(label.created_at),
        "retired_at": _time(label.retired_at),
    }


def _steps(project: Project) -> QuerySet[LabelMapping]:
    links = ("from_scheme", "to_scheme", "from_label", "to_label")
    return project.label_mappings.select_related(*links).order_by("pk")


def _mapping(step: LabelMapping) -> dict[str, Any]:
    return {
        "kind": step.kind,
        "from_version": step.from_scheme.version,
        "to_version": step.to_scheme.version,
        "from_label": step.from_label.code,
        "to_label": step.to_label.code if step.to_label else None,
        "from_name": step.from_name,
        "to_name": step.to_name,
        "created_at": _time(step.created_at),
    }


def _annotator(who: Annotator) -> dict[str, Any]:
    return {
        "annotator": str(who.public_id),
        "name": who.display_name,
        "kind": who.kind,
        "consent_text": who.consent_text,
        "paused_reason": who.paused_reason,
        **{column: _time(getattr(who, column)) for column in ANNOTATOR_TIMES},
    }


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
        .order_by("pk")
    )
    for row in rows.iterator(chunk_size=CHUNK):
        yield {
            "image": str(row.image.public_id),
            "sha256": row.image.sha256,
            "label": row.label.code,
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
