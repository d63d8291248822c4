"""Rows of an export: one a picture, one an answer. Streamed, so memory does not grow with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.models import Prefetch

from labeling.models import Annotation, AnnotationLabel, Image, Project, SchemeLabel

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1000

IMAGE_FIELDS = (
    "image",
    "sha256",
    "original_name",
    "source",
    "licence",
    "width",
    "height",
    "captured_at",
    "capture_session",
    "perceptual_hash",
    "partition",
    "inclusion_probability",
    "split_group",
    "group_draw_order",
    "is_measured",
    "flagged_at",
    "removed_at",
    "suggested_label",
    "state",
    "label",
    "scheme_version",
    "n_votes",
    "effective_votes",
    "is_expert",
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


def _time(value: Any) -> str | None:
    return value.isoformat() if value else None


def project_record(project_id: int) -> dict[str, Any]:
    """Give what a copy of the project needs besides its images and answers.

    Secrets (invitations, tokens, the seed of the queue's permutations) stay behind.
    """
    project = Project.objects.get(pk=project_id)
    hidden = {"id", "public_id", "seed", "created_at", "archived_at"}
    settings = {
        field.name: getattr(project, field.name)
        for field in Project._meta.concrete_fields
        if field.name not in hidden and not field.name.endswith("_paused_at")
    }
    schemes = [
        {
            "version": scheme.version,
            "labels": list(
                scheme.entries.order_by("position", "pk").values_list("label__code", "name")
            ),
        }
        for scheme in project.schemes.order_by("version", "pk")
    ]
    labels = [
        {
            "code": label.code,
            "name": label.name,
            "description": label.description,
            "key": label.key,
            "colour": label.colour,
            "position": label.position,
            "retired_at": _time(label.retired_at),
        }
        for label in project.labels.order_by("position", "pk")
    ]
    mappings = list(
        project.label_mappings.order_by("pk").values(
            "kind",
            "from_scheme__version",
            "to_scheme__version",
            "from_label__code",
            "to_label__code",
            "from_name",
            "to_name",
        )
    )
    return {
        "format": "larder-export",
        "format_version": 1,
        "settings": settings,
        "schemes": schemes,
        "labels": labels,
        "mappings": mappings,
    }


def image_rows(project_id: int) -> Iterator[dict[str, Any]]:
    """Yield one row an image, oldest first, with its consensus where there is one."""
    orders = scheme_orders(project_id)
    images = (
        Image.objects.filter(project_id=project_id)
        .select_related("split_group", "consensus__label", "consensus__scheme", "suggested_label")
        .order_by("pk")
    )
    for image in images.iterator(chunk_size=CHUNK):
        yield _image_row(image, orders)


def scheme_orders(project_id: int) -> dict[int, list[str]]:
    """Give the label codes of every scheme, in order, by scheme id."""
    orders: dict[int, list[str]] = {}
    entries = SchemeLabel.objects.filter(scheme__project_id=project_id)
    for scheme_id, code in entries.order_by("scheme_id", "position", "pk").values_list(
        "scheme_id", "label__code"
    ):
        orders.setdefault(scheme_id, []).append(code)
    return orders


def _image_row(image: Image, orders: dict[int, list[str]]) -> dict[str, Any]:
    group = image.split_group
    row: dict[str, Any] = {
        "image": str(image.public_id),
        "sha256": image.sha256,
        "original_name": image.original_name,
        "source": image.source,
        "licence": image.licence,
        "width": image.width,
        "height": image.height,
        "captured_at": _time(image.captured_at),
        "capture_session": image.capture_session,
        "perceptual_hash": image.perceptual_hash,
        "partition": image.partition,
        "inclusion_probability": image.inclusion_probability,
        "split_group": group.pk if group else None,
        "group_draw_order": group.draw_order if group else None,
        "is_measured": bool(group and group.measured_image_id == image.pk),
        "flagged_at": _time(image.flagged_at),
        "removed_at": _time(image.removed_at),
        "suggested_label": image.suggested_label.code if image.suggested_label else None,
    }
    consensus = getattr(image, "consensus", None)
    if consensus is None:
        return row | dict.fromkeys(IMAGE_FIELDS[len(row) :])
    posterior = np.frombuffer(consensus.posterior, dtype=np.float32)
    codes = orders[consensus.scheme_id]
    return row | {
        "state": consensus.state,
        "label": consensus.label.code if consensus.label else None,
        "scheme_version": consensus.scheme.version,
        "n_votes": consensus.n_votes,
        "effective_votes": consensus.effective_votes,
        "is_expert": consensus.is_expert,
        # Nine digits hold a float32 exactly: reading them back gives the same bytes.
        "probabilities": {
            code: float(f"{value:.9g}")
            for code, value in zip(codes, posterior, strict=True)
            if value > 0
        },
    }


def answer_rows(project_id: int) -> Iterator[dict[str, Any]]:
    """Yield one row an answer, oldest first, withdrawn answers and undo rows included."""
    labels = AnnotationLabel.objects.select_related("label").order_by("pk")
    answers = (
        Annotation.objects.filter(project_id=project_id)
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


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
