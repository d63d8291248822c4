"""How far people agree, what error an export is to be expected to hold, and both over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.models import (
    AgreementSnapshot,
    Annotation,
    AnnotationKind,
    AnnotatorKind,
    Consensus,
    ConsensusState,
    LabelValue,
    Project,
    Reason,
)
from labeling.selectors import projects

if TYPE_CHECKING:
    import numpy.typing as npt

POINTS = 400
MODEL, CHECKED = "model", "checked"
"""What an expected error rests on: the model of the crowd alone, or labels experts checked too."""
CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Opinions:
    """Independent opinions on images that have two or more, (n,) each.

    Attributes:
        image: index of the image, from 0.
        annotator: index of who said it, from 0.
        label: column in `codes`; the last one, the empty code, is none of these.
        codes: outcomes.
        n_images: how many images.
    """

    image: npt.NDArray[np.int64]
    annotator: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    codes: tuple[str, ...]
    n_images: int


@dataclass(frozen=True, slots=True)
class Exported:
    """The labels of an export.

    Attributes:
        by_people: image id to label id, of the labels that people gave.
        n_sure: labels of experts and imports, taken at their word.
    """

    by_people: dict[int, int]
    n_sure: int


def opinions(project_id: int) -> Opinions:
    """Read what people said independently of each other, in a project with one label an image.

    Left out: experts' decisions, who is in quarantine, imports, and answers to gold images, which
    everybody answers and which were chosen by hand.
    """
    scheme = projects.current_scheme(project_id)
    column_of = scheme.column_of
    none = len(scheme.label_ids)
    rows = (
        Annotation.objects.filter(
            project_id=project_id,
            kind__in=(AnnotationKind.LABEL, AnnotationKind.NONE_OF_THESE),
            is_expert=False,
            withdrawn_at__isnull=True,
            annotator__quarantined_at__isnull=True,
            annotator__kind=AnnotatorKind.PERSON,
        )
        .exclude(assignment__reason=Reason.GOLD)
        .exclude(labels__value__in=(LabelValue.NO, LabelValue.UNSURE))
        .values_list("image_id", "annotator_id", "kind", "labels__label_id")
    )
    found = [
        (image_id, annotator_id, column_of[label_id] if kind == AnnotationKind.LABEL else none)
        for image_id, annotator_id, kind, label_id in rows.iterator(chunk_size=CHUNK)
        if kind == AnnotationKind.NONE_OF_THESE or label_id in column_of
    ]
    table = np.array(found, dtype=np.int64).reshape(len(found), 3)
    ids, counts = np.unique(table[:, 0], return_counts=True)
    table = table[np.isin(table[:, 0], ids[counts >= 2])]
    kept, image = np.unique(table[:, 0], return_inverse=True)
    _, annotator = np.unique(table[:, 1], return_inverse=True)
    return Opinions(image, annotator, table[:, 2], (*scheme.codes, ""), len(kept))


def exported(project_id: int) -> Exported:
    """Read the labels of an export as it would be written now: of images that are not removed."""
    rows = Consensus.objects.filter(
        project_id=project_id,
        state=ConsensusState.RESOLVED,
        label__isnull=False,
        image__removed_at__isnull=True,
    )
    by_people = rows.filter(is_expert=False).order_by("image_id")
    return Exported(
        dict(by_people.values_list("image_id", "label_id")), rows.filter(is_expert=True).count()
    )


def newest(project_id: int) -> AgreementSnapshot | None:
    """Give the newest snapshot, or None before the first."""
    return AgreementSnapshot.objects.filter(project_id=project_id).order_by("-at", "-pk").first()


def page(project_id: int) -> dict[str, Any]:
    """Give the newest snapshot in full, and the curve of the newest 400, oldest first."""
    rows = list(
        AgreementSnapshot.objects.filter(project_id=project_id).order_by("-at", "-pk")[:POINTS]
    )
    names = projects.label_names(project_id)
    return {
        "now": _full(rows[0], names) if rows else None,
        "points": [_point(row) for row in reversed(rows)],
    }


def due(project: Project) -> bool:
    """Tell whether anybody has answered since the newest snapshot."""
    last = newest(project.pk)
    newest_answer = Annotation.objects.filter(project=project).order_by("-pk")
    at = newest_answer.values_list("created_at", flat=True).first()
    return at is not None and (last is None or at > last.at)


def _full(row: AgreementSnapshot, names: dict[str, str]) -> dict[str, Any]:
    by_label = [
        {"code": code, "name": names.get(code, code or "None of these"), **found}
        for code, found in row.by_label.items()
    ]
    unknown = [one for one in by_label if one["estimate"] is None]
    known = [one for one in by_label if one["estimate"] is not None]
    return {
        "at": row.at,
        "alpha": _alpha(row),
        "by_label": sorted(known, key=lambda one: (one["estimate"], one["code"])) + unknown,
        "expected_error": row.expected_error,
        **_expected(row),
        "expected_error_checked": row.detail.get("expected", {}).get("checked", 0),
        "expected_error_by_model": row.detail.get("expected", {}).get("by_model"),
        "expected_error_means": row.detail.get("expected", {}).get("means", ""),
        "n_images": row.detail.get("n_images", 0),
        "n_answers": row.detail.get("n_answers", 0),
        "n_exported": row.detail.get("n_exported", 0),
    }


def _point(row: AgreementSnapshot) -> dict[str, Any]:
    low, high = row.interval or (None, None)
    return {
        "at": row.at,
        "alpha": row.alpha,
        "low": low,
        "high": high,
        "expected_error": row.expected_error,
        **_expected(row),
    }


def _expected(row: AgreementSnapshot) -> dict[str, Any]:
    """Give interval and basis; snapshots of before had neither, and were the model's word."""
    found = row.detail.get("expected")
    if found is None:
        basis = None if row.expected_error is None else MODEL
        return {"expected_error_interval": None, "expected_error_basis": basis}
    return {
        "expected_error_interval": [found["low"], found["high"]],
        "expected_error_basis": CHECKED if found["checked"] else MODEL,
    }


def _alpha(row: AgreementSnapshot) -> dict[str, Any] | None:
    if row.alpha is None:
        return None
    low, high = row.interval or (row.alpha, row.alpha)
    return {"estimate": row.alpha, "low": low, "high": high}
