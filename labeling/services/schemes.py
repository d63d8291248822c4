"""The labels of a project: add, rename, retire, describe, show by example.

A scheme version is immutable: every change of the labels makes a new one, and the step from the
old to the new is kept as a `LabelMapping` where a label was renamed or retired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify

from labeling import events
from labeling.errors import LabelingError
from labeling.models import (
    Label,
    LabelExample,
    LabelMapping,
    LabelMappingKind,
    LabelScheme,
    Project,
    SchemeLabel,
)
from labeling.services import pictures, reopening
from labeling.services.journal import record_event

if TYPE_CHECKING:
    from datetime import datetime

FEWEST_LABELS = 2
# Distinguishable on white and on black; repeated after twelve.
COLOURS = (
    "#0f766e", "#b45309", "#4338ca", "#be123c", "#15803d", "#7e22ce",
    "#0369a1", "#a16207", "#c2410c", "#475569", "#86198f", "#3f6212",
)  # fmt: skip


class UnknownSettingError(LabelingError):
    """A setting that is not on the list was sent; ignoring it would hide a typing mistake."""

    code = "unknown_setting"


class InvalidProjectError(LabelingError):
    """A value that the project cannot have."""

    code = "invalid_project"


class LabelTakenError(LabelingError):
    """Two labels of one project would have the same name."""

    code = "label_taken"
    status = 409


class GroupOfLabelsError(LabelingError):
    """A group is no label: it has no images of its own, and goes when its labels leave it."""

    code = "group_of_labels"
    status = 409


class LastLabelsError(LabelingError):
    """A scheme with fewer than two labels gives nothing to choose."""

    code = "too_few_labels"
    status = 409


def add_label(
    *, project_id: int, name: str, now: datetime, user_id: int | None = None, **shown: str
) -> Label:
    """Add a label at the end of the scheme. Keyword arguments as in `describe_label`.

    Audit images that fitted no label so far are asked again: they may fit this one.

    Raises:
        LabelTakenError: a live label has that name.
    """
    with transaction.atomic():
        project = Project.objects.select_for_update(no_key=True).get(pk=project_id)
        label = create_label(project, clean_name(name), now)
        _set_shown(label, shown)
        new_scheme(project, now)
        asked_again = reopening.ask_unfitting_again(project=project, now=now)
        record_event(
            project_id=project.pk,
            user_id=user_id,
            verb="label_added",
            now=now,
            target=label.code,
            detail={"name": label.name, "audit_images_asked_again": asked_again},
        )
    return label


def rename_label(*, label_id: int, name: str, now: datetime, user_id: int | None = None) -> Label:
    """Give a label another name; its code stays, and the step is kept as a mapping.

    Raises:
        LabelTakenError: another live label has that name.
    """
    with transaction.atomic():
        label = _locked_label(label_id)
        new_name, old_name = clean_name(name), label.name
        if new_name == old_name:
            return label
        _refuse_taken(label.project, new_name, except_id=label.pk)
        label.name = new_name
        label.save(update_fields=["name"])
        _step(label, LabelMappingKind.RENAME, old_name, now)
        detail = {"from": old_name, "to": new_name}
        record_event(
            project_id=label.project_id,
            user_id=user_id,
            verb="label_renamed",
            now=now,
            target=label.code,
            detail=detail,
        )
    return label


def retire_label(*, label_id: int, now: datetime, user_id: int | None = None) -> Label:
    """Take a label out of the scheme. Its answers are kept.

    Raises:
        LastLabelsError: fewer than two labels would be left.
        GroupOfLabelsError: it is a group of labels.
    """
    with transaction.atomic():
        label = _locked_label(label_id)
        if label.is_group:
            raise GroupOfLabelsError(
                f"{label.name!r} stands for several labels. Take the group apart instead."
            )
        if label.retired_at is not None:
            return label
        live = label.project.labels.filter(retired_at__isnull=True, is_group=False)
        if live.count() <= FEWEST_LABELS:
            raise LastLabelsError(
                f"{label.name!r} cannot be retired: a scheme needs at least two labels. "
                "Add another label first."
            )
        label.retired_at = now
        label.save(update_fields=["retired_at"])
        _step(label, LabelMappingKind.RETIRE, label.name, now)
        record_event(
            project_id=label.project_id,
            user_id=user_id,
            verb="label_retired",
            now=now,
            target=label.code,
        )
    return label


def change_label(
    *, label_id: int, now: datetime, user_id: int | None = None, name: str = "", **shown: str
) -> Label:
    """Rename and describe in one transaction; raises as both."""
    with transaction.atomic():
        if name:
            rename_label(label_id=label_id, name=name, now=now, user_id=user_id)
        if shown:
            describe_label(label_id=label_id, now=now, user_id=user_id, **shown)
    return Label.objects.get(pk=label_id)


def describe_label(
    *, label_id: int, now: datetime, user_id: int | None = None, **shown: str
) -> Label:
    """Change how a label is shown: `description`, `key`, `colour`. No new scheme version.

    Raises:
        LabelTakenError: another live label has that shortcut.
        UnknownSettingError: something else was given.
    """
    with transaction.atomic():
        label = _locked_label(label_id)
        _set_shown(label, shown)
        record_event(
            project_id=label.project_id,
            user_id=user_id,
            verb="label_described",
            now=now,
            target=label.code,
            detail=dict(shown),
        )
    return label


def add_example(
    *,
    label_id: int,
    upload: BinaryIO,
    now: datetime,
    user_id: int | None = None,
    caption: str = "",
) -> LabelExample:
    """Store the picture that shows a label in the guide; it replaces the one before.

    Raises:
        ImageRefusedError: the upload is no picture that we take.
    """
    stored = pictures.store_example(upload)
    with transaction.atomic():
        label = _locked_label(label_id)
        label.examples.all().delete()
        example = LabelExample.objects.create(
            label=label, storage_key=stored, caption=caption, created_at=now
        )
        record_event(
            project_id=label.project_id,
            user_id=user_id,
            verb="label_example_set",
            now=now,
            target=label.code,
        )
    return example


def clean_name(name: str) -> str:
    """Give a name with single spaces; refuse an empty one."""
    clean = " ".join(name.split())
    if not clean:
        raise InvalidProjectError("A name is empty; give it at least one letter.")
    return clean


def refuse_unknown(settings: dict[str, Any], allowed: frozenset[str]) -> None:
    """Refuse any name that is not on the list, so that no typing mistake passes."""
    unknown = sorted(set(settings) - allowed)
    if unknown:
        raise UnknownSettingError(
            f"No setting called {', '.join(unknown)}; there are: {', '.join(sorted(allowed))}."
        )


def create_label(project: Project, name: str, now: datetime) -> Label:
    """Make a label with a free code and a colour; the caller makes the scheme."""
    _refuse_taken(project, name)
    codes = set(project.labels.values_list("code", flat=True))
    base = slugify(name)[:56] or "label"
    code, number = base, 1
    while code in codes:
        number += 1
        code = f"{base}-{number}"
    label = Label(
        project=project,
        code=code,
        name=name,
        colour=COLOURS[len(codes) % len(COLOURS)],
        position=len(codes),
        created_at=now,
    )
    _check_label(label)
    label.save()
    return label


def _check_label(label: Label) -> None:
    try:
        label.clean_fields()
    except ValidationError as error:
        raise InvalidProjectError(
            f"The label {label.name[:80]!r} cannot be so: {' '.join(error.messages)}"
        ) from None


def _refuse_taken(project: Project, name: str, except_id: int = 0) -> None:
    live = project.labels.filter(retired_at__isnull=True, name__iexact=name)
    if live.exclude(pk=except_id).exists():
        raise LabelTakenError(f"There is a label {name!r} already; choose another name.")


def _set_shown(label: Label, shown: dict[str, str]) -> None:
    refuse_unknown(shown, frozenset({"description", "key", "colour"}))
    key = shown.get("key", "").lower()
    others = label.project.labels.filter(retired_at__isnull=True).exclude(pk=label.pk)
    if key and others.filter(key=key).exists():
        raise LabelTakenError(f"Another label has the key {key!r} already; choose another.")
    for name, value in shown.items():
        setattr(label, name, value.lower() if name == "key" else value.strip())
    _check_label(label)
    if shown:
        label.save(update_fields=list(shown))


def _locked_label(label_id: int) -> Label:
    label = Label.objects.select_related("project").get(pk=label_id)
    # One change of a scheme at a time: two at once would make the same version twice.
    Project.objects.select_for_update(no_key=True).get(pk=label.project_id)
    label.refresh_from_db()
    return label


def new_scheme(project: Project, now: datetime) -> LabelScheme:
    """Make the next version out of the live labels. The caller holds the project's lock."""
    newest = project.schemes.order_by("-version", "pk").first()
    version = newest.version + 1 if newest else 1
    scheme = LabelScheme.objects.create(project=project, version=version, created_at=now)
    live = project.labels.filter(retired_at__isnull=True, is_group=False)
    SchemeLabel.objects.bulk_create(
        SchemeLabel(
            scheme=scheme,
            label=label,
            parent_id=label.parent_id,
            position=place,
            name=label.name,
        )
        for place, label in enumerate(live.order_by("position", "pk"))
    )
    events.send_on_commit(events.scheme_changed, project_id=project.pk)
    return scheme


def _step(label: Label, kind: LabelMappingKind, old_name: str, now: datetime) -> None:
    """Make the next scheme version and keep how this label went from the old to the new."""
    before = label.project.schemes.order_by("-version", "pk")[0]
    after = new_scheme(label.project, now)
    is_renamed = kind == LabelMappingKind.RENAME
    LabelMapping.objects.create(
        project=label.project,
        kind=kind,
        from_scheme=before,
        to_scheme=after,
        from_label=label,
        to_label=label if is_renamed else None,
        from_name=old_name,
        to_name=label.name if is_renamed else "",
        created_at=now,
    )
