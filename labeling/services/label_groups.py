"""Groups of labels: what an answer may name where nobody can tell which label it is.

A group is the parent of its labels. It has no column of its own: an answer that names it is
evidence for all of its labels alike (`labeling.consensus.narrowing`), and where people know no
more, an image is resolved as the group.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING

from django.db import transaction

from labeling.errors import LabelingError
from labeling.models import Label, Mode, Project
from labeling.selectors import projects as project_selectors
from labeling.services import ask_again, schemes
from labeling.services.journal import record_event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


LABEL_HEADINGS = ("label", "fine_label")
GROUP_HEADINGS = ("group", "parent", "coarse_label")


class BadTableError(LabelingError):
    """The table does not say which label belongs to which group."""

    code = "bad_table"


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
    table: str = "",
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
        table: the same as CSV (`read_table`), besides `group_of`.

    Raises:
        BadTableError: the table cannot be read.
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
        group_of = {**group_of, **(read_table(project_id=project_id, text=table) if table else {})}
        if not _assign(project, group_of, now):
            return _live(project)
        emptied = _without_labels(project)
        for group in emptied:
            group.retired_at = now
            group.save(update_fields=["retired_at"])
        Label.objects.filter(parent__in=emptied).update(parent=None)
        schemes.new_scheme(project, now)
        asked_again = sum(
            ask_again.begin(project=project, label=group, named=[group.pk], now=now)
            for group in emptied
        )
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


def read_table(*, project_id: int, text: str) -> dict[str, str]:
    """Read groups from a table of labels and their groups.

    Its first column names labels and its second their groups, unless a heading says which columns
    do: `label` or `fine_label`, and `group`, `parent` or `coarse_label`. So a list of pictures with
    both labels of each will do. Labels are named or given by their code; one that comes with two
    groups is refused. What would be a group of one label is left out.

    Returns:
        code of a label to the name of its group, for `set_groups`.

    Raises:
        BadTableError: a line is too short, names no label of the project, or contradicts another.
    """
    scheme = project_selectors.current_scheme(project_id)
    code_of = {name.casefold(): code for code, name in zip(scheme.codes, scheme.names, strict=True)}
    code_of |= {code: code for code in scheme.codes}
    found: dict[str, str] = {}
    places = (0, 1)
    for number, row in enumerate(csv.reader(io.StringIO(text.lstrip("\ufeff"))), start=1):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) <= max(places):
            raise BadTableError(f"Line {number} needs two columns: a label and its group.")
        label, group = (" ".join(row[place].split()) for place in places)
        code = code_of.get(label.casefold())
        if code is None and number == 1:
            places = _columns(row)
            continue
        if code is None:
            raise BadTableError(f"Line {number}: {label!r} is no label of this project now.")
        if found.setdefault(code, group).casefold() != group.casefold():
            raise BadTableError(f"Line {number}: {label!r} is in {found[code]!r} already.")
    sizes = Counter(group.casefold() for group in found.values() if group)
    return {code: group for code, group in found.items() if sizes[group.casefold()] > 1}


def _columns(heading: Sequence[str]) -> tuple[int, int]:
    """Give the places of labels and groups in a table of this heading."""
    names = [" ".join(cell.split()).casefold() for cell in heading]
    label = next((names.index(name) for name in LABEL_HEADINGS if name in names), 0)
    group = next((names.index(name) for name in GROUP_HEADINGS if name in names), 1)
    return label, group


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
