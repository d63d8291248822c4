"""Questions about projects, their schemes and their settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from django.db import connection
from django.db.models import F, Prefetch

from labeling.consensus import lineage
from labeling.consensus.lineage import Lineage, Step
from labeling.errors import LabelingError
from labeling.models import (
    Label,
    LabelExample,
    LabelMapping,
    LabelMappingKind,
    LabelScheme,
    Membership,
    Project,
    SchemeLabel,
)
from labeling.selectors.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from django.db.models import QuerySet

    from labeling.models import User


ProjectRow: TypeAlias = Project
"""What `by_slug` and `by_id` give: apps above name it by this, not by the table."""


class ProjectNotFoundError(LabelingError):
    """No such project, or not for whoever asks: both look the same from outside."""

    code = "not_found"
    status = 404

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no project {slug!r}, or it is not yours to see.")


class LabelNotFoundError(LabelingError):
    """No such label in this project."""

    code = "not_found"
    status = 404


@dataclass(frozen=True, slots=True)
class Group:
    """Labels that people may name together where they cannot tell which.

    Attributes:
        id: key of the label that stands for the group; no column of its own.
        code: of it.
        name: what it is called.
        columns: its labels, one or more.
    """

    id: int
    code: str
    name: str
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SchemeView:
    """One scheme version; position in the tuples is the column of every posterior.

    `lineage` says what labels of before, and groups of labels, mean in these columns.
    """

    id: int
    version: int
    codes: tuple[str, ...]
    names: tuple[str, ...]
    label_ids: tuple[int, ...]
    lineage: Lineage = field(default_factory=Lineage, compare=False)
    groups: tuple[Group, ...] = ()

    @property
    def column_of(self) -> dict[int, int]:
        """Give the column of every label that has one, labels merged into another too."""
        columns = {label_id: column for column, label_id in enumerate(self.label_ids)}
        columns.update(self.lineage.merged)
        return columns

    @property
    def standing(self) -> dict[int, int]:
        """Give, for every label that was merged into another, the one that it is now."""
        return {old: self.label_ids[column] for old, column in self.lineage.merged.items()}


def by_slug(slug: str) -> Project:
    """Give the project of that address.

    Raises:
        ProjectNotFoundError: there is none, or it was archived.
    """
    project = Project.objects.filter(slug=slug, archived_at__isnull=True).first()
    if project is None:
        raise ProjectNotFoundError(slug)
    return project


def by_id(project_id: int) -> Project:
    """Give a project that is known to exist; archived ones too."""
    return Project.objects.get(pk=project_id)


_newest = Prepared(
    lambda project_id: (
        LabelScheme.objects.filter(project_id=project_id)
        .order_by("-version", "pk")
        .values_list("pk", "project__public_id")[:1]
    )
)
_schemes: dict[tuple[UUID, int], SchemeView] = {}
_SCHEMES_KEPT = 256


def current_scheme(project_id: int) -> SchemeView:
    """Give the newest scheme version of a project, in one query."""
    (scheme_id, public_id), *_ = _newest.rows(project_id)
    return _kept(public_id, scheme_id)


def scheme_of(project: Project, scheme_id: int) -> SchemeView:
    """Give one scheme version of a project; none is ever changed, so it is read once a process."""
    return _kept(project.public_id, scheme_id)


def _kept(project: UUID, scheme_id: int) -> SchemeView:
    # By the project's public id too, and never what is not committed yet: a key that was rolled
    # back comes again.
    found = _schemes.get((project, scheme_id))
    if found is not None:
        return found
    found = scheme(scheme_id)
    if not connection.in_atomic_block:
        if len(_schemes) >= _SCHEMES_KEPT:
            _schemes.clear()
        _schemes[project, scheme_id] = found
    return found


_version = Prepared(
    lambda scheme_id: LabelScheme.objects.filter(pk=scheme_id).values_list("version", "project_id")
)
_entries = Prepared(
    lambda scheme_id: (
        SchemeLabel.objects.filter(scheme_id=scheme_id)
        .order_by("position", "pk")
        .values_list("label__code", "name", "label_id", "parent_id", "parent__code", "parent__name")
    )
)


def scheme(scheme_id: int) -> SchemeView:
    """Give one scheme version by its id."""
    ((version, project_id),) = _version.rows(scheme_id)
    entries = _entries.rows(scheme_id)
    codes = tuple(entry[0] for entry in entries)
    names = tuple(entry[1] for entry in entries)
    label_ids = tuple(entry[2] for entry in entries)
    members: dict[tuple[int, str, str], list[int]] = {}
    for column, (*_, parent_id, code, name) in enumerate(entries):
        if parent_id is not None:
            members.setdefault((parent_id, code, name), []).append(column)
    groups = tuple(Group(*who, tuple(columns)) for who, columns in members.items())
    steps = _steps(project_id, version)
    found = lineage.follow(label_ids, steps, {one.id: one.columns for one in groups})
    return SchemeView(scheme_id, version, codes, names, label_ids, found, groups)


def _steps(project_id: int, version: int) -> list[Step]:
    """Read what labels became until a scheme version, oldest first; retired ones are nothing."""
    if version == 1:
        return []
    rows = LabelMapping.objects.filter(
        project_id=project_id,
        to_scheme__version__lte=version,
        kind__in=(LabelMappingKind.MERGE, LabelMappingKind.SPLIT),
        to_label__isnull=False,
    )
    return [
        Step(label, heir, kind == LabelMappingKind.SPLIT, at)
        for label, heir, kind, at in rows.order_by("pk").values_list(
            "from_label_id", "to_label_id", "kind", "created_at"
        )
    ]


def heirs(project_id: int, codes: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Give what became of labels that left the scheme by a merge (one) or a split (several).

    By code; those alone whose heirs are all among `codes`, the labels of whoever asks.
    """
    return heirs_of(current_scheme(project_id), codes)


def heirs_of(scheme: SchemeView, codes: Collection[str]) -> dict[str, tuple[str, ...]]:
    """As `heirs`, for a scheme version that is known; no query where nothing has become another."""
    lineage = scheme.lineage
    columns: dict[int, tuple[int, ...]] = {}
    columns |= {label: (column,) for label, column in lineage.merged.items()}
    columns |= {label: lineage.several[label] for label in lineage.split_at}
    if not columns:
        return {}
    gone = Label.objects.filter(pk__in=list(columns)).order_by("pk").values_list("pk", "code")
    found = {code: tuple(scheme.codes[at] for at in columns[label]) for label, code in gone}
    return {code: into for code, into in found.items() if set(into) <= set(codes)}


def former_names(project_id: int) -> dict[str, list[str]]:
    """Give what the labels of the scheme were called before renames, merges and splits, by code.

    So that whoever looks for a label of before finds what it is a part of now, or became.
    """
    kinds = (LabelMappingKind.RENAME, LabelMappingKind.MERGE, LabelMappingKind.SPLIT)
    rows = LabelMapping.objects.filter(project_id=project_id, kind__in=kinds).order_by("pk")
    said = dict.fromkeys(rows.values_list("from_label_id", "from_name"))
    if not said:
        return {}
    scheme = current_scheme(project_id)
    columns: dict[int, tuple[int, ...]] = {}
    columns |= {label_id: (column,) for label_id, column in scheme.column_of.items()}
    columns |= {label_id: scheme.lineage.several[label_id] for label_id in scheme.lineage.split_at}
    found: dict[str, list[str]] = {}
    for label_id, name in said:
        for column in columns.get(label_id, ()):
            names = found.setdefault(scheme.codes[column], [])
            if name not in (scheme.names[column], *names):
                names.append(name)
    return {code: names for code, names in found.items() if names}


def merged_into(label_ids: Collection[int]) -> dict[int, int]:
    """Give, for labels of any project that were merged into others, what each is now."""
    theirs = Label.objects.filter(pk__in=label_ids).values("project")
    steps = LabelMapping.objects.filter(
        project__in=theirs, kind=LabelMappingKind.MERGE, to_label__isnull=False
    ).exclude(from_label=F("to_label"))
    found: dict[int, int] = {}
    # The newest first: what a label went into has been followed before the label itself.
    for label, heir in steps.order_by("-pk").values_list("from_label_id", "to_label_id"):
        found[label] = found.get(heir, heir)
    return found


def labels(project_id: int) -> QuerySet[Label]:
    """Give every label of a project, retired ones last, each with its examples; no groups."""
    examples = Prefetch("examples", LabelExample.objects.order_by("-pk"))
    rows = Label.objects.filter(project_id=project_id, is_group=False)
    rows = rows.select_related("parent").prefetch_related(examples)
    return rows.order_by(F("retired_at").asc(nulls_first=True), "position", "pk")


def label(project_id: int, code: str) -> Label:
    """Give a label of a project by its code.

    Raises:
        LabelNotFoundError: the project has none of that code.
    """
    found = Label.objects.filter(project_id=project_id, code=code).first()
    if found is None:
        raise LabelNotFoundError(f"This project has no label {code!r}.")
    return found


def label_names(project_id: int) -> dict[str, str]:
    """Give what every label of a project is called now, retired ones too, by code."""
    rows = Label.objects.filter(project_id=project_id)
    return dict(rows.order_by("pk").values_list("code", "name"))


def example(project_id: int, code: str) -> LabelExample | None:
    """Give the newest example picture of a label, or None."""
    rows = LabelExample.objects.filter(label__project_id=project_id, label__code=code)
    return rows.order_by("-pk").first()


def accessible_to(user: User) -> QuerySet[Project]:
    """Give the projects a user is a live member of; a superuser sees all."""
    live = Project.objects.filter(archived_at__isnull=True)
    if not user.is_superuser:
        mine = Membership.objects.filter(user_id=user.pk, ended_at__isnull=True)
        live = live.filter(pk__in=mine.values("project_id"))
    return live.order_by("name", "pk")


def role_of(user_id: int, project_id: int) -> str | None:
    """Give the live role of a user in a project, or None."""
    rows = Membership.objects.filter(user_id=user_id, project_id=project_id, ended_at__isnull=True)
    return rows.values_list("role", flat=True).first()


def ids() -> list[int]:
    """Give the ids of all projects that are not archived."""
    live = Project.objects.filter(archived_at__isnull=True)
    return list(live.order_by("pk").values_list("pk", flat=True))
