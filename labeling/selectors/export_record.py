"""The account of a project that an export carries: settings, labels, annotators; no picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labeling.models import Annotator, Label, LabelMapping, LabelScheme, Project

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

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


def _time(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
