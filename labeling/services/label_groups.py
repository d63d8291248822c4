"""Groups of labels: what an answer may name where nobody can tell which label it is.

A group is the parent of its labels. It has no column of its own: an answer that names it is
evidence for all of its labels alike (`labeling.consensus.narrowing`), and where people know no
more, an image is resolved as the group.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from django.db import transaction

from labeling.errors import LabelingError
from labeling.models import Label, Mode, Project
from labeling.selectors import projects as project_selectors
from labeling.services import label_steps, schemes
from labeling.services.journal import record_event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class NoGroupsError(LabelingError):
    """Where an image has several labels, each is answered by itself: nothing is narrowed down."""

    code = "no_groups"
    status = 409


def set_groups(
    *,
    project_id: int,
    group_of: Mapping[str, str],
    now: datetime,
    user_id: int | None = None,
) -> tuple[Label, ...]:
    """Put labels into groups; one new version of the scheme. Gives the groups there are now.

    A group that has one label left, or none, is dissolved: who had named it is asked again. What
    changes nothing makes no version.

    Args:
        project_id: the project.
        group_of: code of a label to the name of its group, "" for none; others stay as they are. A
            name that is new makes a group.
        now: the time.
        user_id: who did it.

    Raises:
        LabelNotFoundError: the project has no such label.
        NoGroupsError: the project gives several labels to an image.
        LabelTakenError: a label has the name of a group.
    """
    with transaction.atomic():
        project = Project.objects.select_for_update(no_key=True).get(pk=project_id)
        if project.mode == Mode.MULTI:
            raise NoGroupsError(
                "An image of this project has several labels, and each is answered by itself. "
                "Groups are for projects with one label an image."
            )
        if not _assign(project, group_of, now):
            return _live(project)
        emptied = _without_labels(project)
        for group in emptied:
            group.retired_at = now
            group.save(update_fields=["retired_at"])
        Label.objects.filter(parent__in=emptied).update(parent=None)
        schemes.new_scheme(project, now)
        asked_again = sum(label_steps.ask_again(project, group, [group.pk], now)
                          for group in emptied)  # fmt: skip
        record_event(
            project_id=project_id,
            user_id=user_id,
            verb="labels_grouped",
            now=now,
            detail={
                "groups": dict(group_of),
                "dissolved": [group.code for group in emptied],
                "asked_again": asked_again,
            },
        )
        return _live(project)


def _assign(project: Project, group_of: Mapping[str, str], now: datetime) -> bool:
    """Give labels their groups; tell whether any has changed."""
    groups = {group.name.casefold(): group for group in _live(project)}
    has_changed = False
    for code, raw in group_of.items():
        label = project_selectors.label(project.pk, code)
        name = schemes.clean_name(raw) if raw.strip() else ""
        if name and name.casefold() not in groups:
            group = schemes.create_label(project, name, now)
            group.is_group = True
            group.save(update_fields=["is_group"])
            groups[name.casefold()] = group
        parent = groups[name.casefold()] if name else None
        if label.parent_id != (parent.pk if parent else None):
            label.parent = parent
            label.save(update_fields=["parent"])
            has_changed = True
    return has_changed


def _live(project: Project) -> tuple[Label, ...]:
    found = Label.objects.filter(project=project, is_group=True, retired_at__isnull=True)
    return tuple(found.order_by("position", "pk"))


def _without_labels(project: Project) -> list[Label]:
    """Give the groups with fewer than two labels: the label says as much."""
    labels = Label.objects.filter(project=project, retired_at__isnull=True, parent__isnull=False)
    counts = Counter(labels.values_list("parent_id", flat=True))
    return [group for group in _live(project) if counts[group.pk] < 2]
