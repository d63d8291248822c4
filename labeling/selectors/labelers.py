"""Who labels where: a project, one of its annotators and the current scheme, by one query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, QuerySet, Subquery

from labeling.models import Annotator, LabelScheme, Project
from labeling.selectors import projects
from labeling.selectors.combining import Shared
from labeling.selectors.prepared import Prepared, instance

if TYPE_CHECKING:
    from labeling.selectors.projects import SchemeView

_PROJECT = [field.attname for field in Project._meta.concrete_fields]
ANNOTATOR = [field.attname for field in Annotator._meta.concrete_fields]
_CACHED = 64
_projects: dict[int, tuple[tuple[Any, ...], Project]] = {}


@dataclass(frozen=True, slots=True)
class Labeler:
    """One annotator at work. The rows are shared by requests: nobody changes or saves them."""

    project: Project
    annotator: Annotator
    scheme: SchemeView


def _newest(project: str) -> QuerySet[LabelScheme]:
    return LabelScheme.objects.filter(project=OuterRef(project)).order_by("-version", "pk")


def _query(**where: Any) -> QuerySet[Annotator, tuple[Any, ...]]:
    return (
        Annotator.objects.filter(**where)
        .annotate(current_scheme=Subquery(_newest("project").values("pk")[:1]))
        .values_list(*ANNOTATOR, *(f"project__{name}" for name in _PROJECT), "current_scheme")
    )


_joined = Prepared(
    lambda annotator_ids, slug: _query(
        pk__in=annotator_ids,
        project__slug=slug,
        project__archived_at__isnull=True,
        anonymised_at__isnull=True,
    )
)
_known = Prepared(lambda annotator_id: _query(pk=annotator_id))
_of_project = Prepared(
    lambda slug: (
        Project.objects.filter(slug=slug, archived_at__isnull=True)
        .annotate(current_scheme=Subquery(_newest("pk").values("pk")[:1]))
        .values_list(*_PROJECT, "current_scheme")
    )
)


def _raw_joined(asked: list[tuple[str, int]]) -> dict[tuple[str, int], tuple[Any, ...]]:
    """Give the rows of annotators at work, by the address of the project and their key."""
    by_slug: dict[str, list[int]] = {}
    for slug, annotator_id in asked:
        by_slug.setdefault(slug, []).append(annotator_id)
    return {
        (slug, row[_KEY]): row for slug, ids in by_slug.items() for row in _joined.raw(ids, slug)
    }


_KEY, _SEEN = ANNOTATOR.index("id"), ANNOTATOR.index("last_seen_at")
_shared = Shared(_raw_joined)


def joined(slug: str, annotator_id: int) -> Labeler | None:
    """Give a live annotator at work in the project of that address; None where it is not theirs."""
    raw = raw_joined(slug, annotator_id)
    return None if raw is None else of_raw(raw)


def raw_joined(slug: str, annotator_id: int) -> tuple[Any, ...] | None:
    """As `joined`, as the database has it: annotator, project, key of the current scheme."""
    return _shared.get((slug, annotator_id))


def of_raw(raw: tuple[Any, ...]) -> Labeler:
    """Give the labeler of a row of `raw_joined`."""
    return _labeler(_joined, raw)


def raw_project(slug: str) -> tuple[Any, ...] | None:
    """Give the end of what `raw_joined` gives: the live project and the key of its scheme."""
    rows = _of_project.raw(slug)
    return rows[0] if rows else None


def is_as_before(
    raw: tuple[Any, ...], annotator: tuple[Any, ...] | None, project: tuple[Any, ...] | None
) -> bool:
    """Tell whether a row of `raw_joined` would be the same now, but for when somebody was seen."""
    end = len(ANNOTATOR)
    return (
        annotator is not None
        and raw[:_SEEN] == annotator[:_SEEN]
        and raw[_SEEN + 1 : end] == annotator[_SEEN + 1 :]
        and raw[end:] == project
    )


def copy_of(labeler: Labeler) -> Labeler:
    """Give the same labeler with an annotator of its own, which may be changed."""
    columns = labeler.annotator.__dict__
    values = [columns[name] for name in ANNOTATOR]
    annotator = instance(Annotator, ANNOTATOR, values, project=labeler.project)
    return Labeler(labeler.project, annotator, labeler.scheme)


def known(annotator_id: int) -> Labeler:
    """Give an annotator who is known to exist."""
    raw = _known.raw(annotator_id)
    if not raw:
        raise Annotator.DoesNotExist(f"There is no annotator {annotator_id}.")
    return _labeler(_known, raw[0])


def _labeler(query: Prepared, raw: tuple[Any, ...]) -> Labeler:
    end = len(ANNOTATOR)
    project = _project(query, raw)
    # Reading only the annotator's columns: the project is there already.
    (row,) = query.read([raw])
    annotator = instance(Annotator, ANNOTATOR, row[:end])
    annotator.project = project
    return Labeler(project, annotator, projects.scheme_of(project, row[-1]))


def _project(query: Prepared, raw: tuple[Any, ...]) -> Project:
    """Give the project of a row; the same object as long as every column is as it was."""
    start = len(ANNOTATOR)
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
