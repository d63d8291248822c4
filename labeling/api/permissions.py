"""What a request may do in a project. From outside, a project that is not yours does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.permissions import SAFE_METHODS, BasePermission

from labeling.api import principals
from labeling.errors import LabelingError
from labeling.models import Role, Token
from labeling.selectors import labelers, projects
from labeling.selectors import people as people_selectors

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

    from labeling.models import Project
    from labeling.selectors.labelers import Labeler

__all__ = [
    "IsUser",
    "Role",
    "check_project",
    "holds_role",
    "project_for",
    "require_role",
    "require_scope",
]

RANK = {role: rank for rank, role in enumerate(Role)}


class RoleTooLowError(LabelingError):
    """A member asks for what only a higher role may do."""

    code = "role_too_low"
    status = 403


class ScopeMissingError(LabelingError):
    """A token without the scope that this needs."""

    code = "scope_missing"
    status = 403


def project_for(
    request: Request, slug: str, role: Role = Role.VOLUNTEER, *, scope: str | None = None
) -> Project:
    """Give the project of a slug to who may act in it with a role.

    Args:
        request: authenticated by session or token.
        slug: from the address.
        role: the least role; annotators without a login count as volunteers.
        scope: what a token needs; without it tokens may read with "read" and nothing else.

    Raises:
        ProjectNotFoundError: no such project, or the request has no part in it (404).
        RoleTooLowError: a member of a lower role (403).
        ScopeMissingError: a token without the scope (403).
    """
    return check_project(request, projects.by_slug(slug), role, scope=scope)


def labeler_for(request: Request, slug: str) -> Labeler:
    """Give who labels in the project of an address, as `project_for` and `labels_as` would.

    Raises:
        ProjectNotFoundError: no such project, or the request has no part in it (404).
        NotAnAnnotatorError: it may see the project and has not joined (403).
    """
    found = principals.joined_labeler(request, slug) if request.auth is None else None
    if found is not None:
        return found
    project = project_for(request, slug)
    return labelers.known(principals.labels_as(request, project).pk)


def check_project(
    request: Request, project: Project, role: Role = Role.VOLUNTEER, *, scope: str | None = None
) -> Project:
    """As `project_for`, for a project that is known already."""
    held = _role_in(request, project)
    if held is None:
        raise projects.ProjectNotFoundError(project.slug)
    # Only now: to an outsider a missing scope would tell that the project exists.
    if request.auth is not None:
        _check_scope(request, scope)
    if RANK[held] < RANK[role]:
        raise RoleTooLowError(f"This is for {role.label}s and above; you are {held.label} here.")
    return project


def holds_role(request: Request, project: Project, role: Role) -> bool:
    """Tell whether a request holds a role, or one above it, in a project."""
    held = _role_in(request, project)
    return held is not None and RANK[held] >= RANK[role]


def require_role(role: Role = Role.VOLUNTEER, *, scope: str | None = None) -> type[BasePermission]:
    """Make a permission that holds `project_for` for the view's `slug`."""

    class IsMember(BasePermission):
        """Reads `view.kwargs["slug"]`."""

        def has_permission(self, request: Request, view: APIView) -> bool:
            if not request.user.is_authenticated:
                return False
            project_for(request, view.kwargs["slug"], role, scope=scope)
            return True

    return IsMember


def require_scope(request: Request, scope: str) -> None:
    """Refuse a token that lacks a scope; a browser session has none and needs none.

    Raises:
        ScopeMissingError: it does.
    """
    token: Any = request.auth
    if isinstance(token, Token) and scope not in token.scopes:
        raise ScopeMissingError(
            f'This token lacks the scope "{scope}"; it has {", ".join(token.scopes)}.'
        )


class IsUser(BasePermission):
    """Somebody with a login, in a browser: no token, no annotator without a login."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Read the principal."""
        return bool(request.user.is_authenticated and request.user.pk and request.auth is None)


def _check_scope(request: Request, scope: str | None) -> None:
    if scope is None and request.method not in SAFE_METHODS:
        raise ScopeMissingError("Tokens cannot do this; sign in with a browser.")
    require_scope(request, scope or "read")


def _role_in(request: Request, project: Project) -> Role | None:
    token: Any = request.auth
    if isinstance(token, Token) and token.project_id not in (None, project.pk):
        return None
    if request.user.is_superuser:
        return Role.OWNER
    held = None
    if request.user.pk is not None:
        held = projects.role_of(request.user.pk, project.pk)
    if held is None:
        annotator = people_selectors.annotator(principals.joined(request, project.pk), project.pk)
        return Role.VOLUNTEER if annotator is not None else None
    return Role(held)
