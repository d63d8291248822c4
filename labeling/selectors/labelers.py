"""Who labels where: a project, one of its annotators and the current scheme, by one query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, QuerySet, Subquery

from labeling.models import Annotator, LabelScheme, Project
from labeling.selectors import projects
from labeling.selectors.prepared import Prepared, instance

if TYPE_CHECKING:
    from labeling.selectors.projects import SchemeView

_PROJECT = [field.attname for field in Project._meta.concrete_fields]
_ANNOTATOR = [field.attname for field in Annotator._meta.concrete_fields]
_CACHED = 64
_projects: dict[int, tuple[tuple[Any, ...], Project]] = {}


@dataclass(frozen=True, slots=True)
class Labeler:
    """One annotator at work. The rows are shared by requests: nobody changes or saves them."""

    project: Project
    annotator: Annotator
    scheme: SchemeView


def _query(annotator_id: int, **where: Any) -> QuerySet[Annotator, tuple[Any, ...]]:
    newest = LabelScheme.objects.filter(project=OuterRef("project")).order_by("-version", "pk")
    return (
        Annotator.objects.filter(pk=annotator_id, **where)
        .annotate(current_scheme=Subquery(newest.values("pk")[:1]))
        .values_list(*_ANNOTATOR, *(f"project__{name}" for name in _PROJECT), "current_scheme")
    )


_joined = Prepared(
    lambda annotator_id, slug: _query(
        annotator_id,
        project__slug=slug,
        project__archived_at__isnull=True,
        anonymised_at__isnull=True,
    )
)
_known = Prepared(_query)


def joined(slug: str, annotator_id: int) -> Labeler | None:
    """Give a live annotator at work in the project of that address; None where it is not theirs."""
    return _labeler(_joined, annotator_id, slug)


def known(annotator_id: int) -> Labeler:
    """Give an annotator who is known to exist."""
    found = _labeler(_known, annotator_id)
    if found is None:
        raise Annotator.DoesNotExist(f"There is no annotator {annotator_id}.")
    return found


def _labeler(query: Prepared, *values: Any) -> Labeler | None:
    raw = query.raw(*values)
    if not raw:
        return None
    end = len(_ANNOTATOR)
    project = _project(query, raw[0])
    # Reading only the annotator's columns: the project is there already.
    (row,) = query.read(raw)
    annotator = instance(Annotator, _ANNOTATOR, row[:end])
    annotator.project = project
    return Labeler(project, annotator, projects.scheme_of(project, row[-1]))


def _project(query: Prepared, raw: tuple[Any, ...]) -> Project:
    """Give the project of a row; the same object as long as every column is as it was."""
    start = len(_ANNOTATOR)
    columns = raw[start:-1]
    cached = _projects.get(columns[0])
    if cached is not None and cached[0] == columns:
        return cached[1]
    (row,) = query.read([raw])
    project = instance(Project, _PROJECT, row[start:-1])
    if len(_projects) >= _CACHED:
        _projects.clear()
    _projects[columns[0]] = (columns, project)
    return project
