"""Questions about members, annotators, invitations, tokens and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F

from labeling.errors import LabelingError
from labeling.models import (
    Annotator,
    CoordinatorMessage,
    Invitation,
    Membership,
    Role,
    Token,
    User,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet


class InvitationNotFoundError(LabelingError):
    """No such invitation in this project."""

    code = "not_found"
    status = 404


class UserNotFoundError(LabelingError):
    """No such account."""

    code = "not_found"
    status = 404


class TokenNotFoundError(LabelingError):
    """No such token of this user."""

    code = "not_found"
    status = 404


def user_named(username: str) -> User:
    """Give an account by its name.

    Raises:
        UserNotFoundError: there is none.
    """
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise UserNotFoundError(f"There is no account {username!r}.")
    return user


def first_owner() -> User:
    """Give the account that was made first of those that may do everything.

    Raises:
        UserNotFoundError: there is none yet.
    """
    owners = User.objects.filter(is_superuser=True, is_active=True)
    owner = owners.order_by("pk").first()
    if owner is None:
        raise UserNotFoundError("There is no owner yet; `make run` makes one.")
    return owner


def annotator(annotator_id: int | None, project_id: int) -> Annotator | None:
    """Give a live annotator of a project, or None."""
    if annotator_id is None:
        return None
    rows = Annotator.objects.select_related("project")
    return rows.filter(pk=annotator_id, project_id=project_id, anonymised_at__isnull=True).first()


def annotators(annotator_ids: Collection[int]) -> QuerySet[Annotator]:
    """Give live annotators with their projects."""
    rows = Annotator.objects.filter(
        pk__in=annotator_ids, anonymised_at__isnull=True, project__archived_at__isnull=True
    )
    return rows.select_related("project").order_by("pk")


def memberships(user_id: int) -> QuerySet[Membership]:
    """Give the live memberships of a user, with their projects."""
    rows = Membership.objects.filter(
        user_id=user_id, ended_at__isnull=True, project__archived_at__isnull=True
    )
    return rows.select_related("project").order_by("project__name", "pk")


def invitations(project_id: int) -> QuerySet[Invitation]:
    """Give the invitations of a project, newest first."""
    rows = Invitation.objects.filter(project_id=project_id).select_related("project")
    return rows.order_by("-created_at", "-pk")


def invitation_of(digest: str) -> Invitation:
    """Give the invitation of a link's digest, whether it still works or not, with its project.

    Raises:
        InvitationNotFoundError: there is none.
    """
    found = Invitation.objects.select_related("project").filter(digest=digest).first()
    if found is None:
        raise InvitationNotFoundError("There is no such invitation; check the link.")
    return found


def may_create_projects(user_id: int) -> bool:
    """Whether a user manages or owns any project, and so may make more."""
    rows = Membership.objects.filter(user_id=user_id, ended_at__isnull=True)
    return rows.filter(role__in=(Role.MANAGER, Role.OWNER)).exists()


def invitation(project_id: int, public_id: str) -> Invitation:
    """Give an invitation of a project.

    Raises:
        InvitationNotFoundError: the project has none of that id.
    """
    found = Invitation.objects.filter(project_id=project_id, public_id=public_id).first()
    if found is None:
        raise InvitationNotFoundError("This project has no such invitation.")
    return found


def messages(project_id: int) -> QuerySet[CoordinatorMessage]:
    """Give two hundred messages with who wrote them: the unhandled first, then the newest."""
    rows = CoordinatorMessage.objects.filter(project_id=project_id).select_related("annotator")
    return rows.order_by(F("handled_at").desc(nulls_first=True), "-created_at", "-pk")[:200]


def tokens(user_id: int) -> QuerySet[Token]:
    """Give the live tokens of a user, newest first."""
    rows = Token.objects.filter(user_id=user_id, revoked_at__isnull=True)
    return rows.select_related("project").order_by("-created_at", "-pk")


def token(user_id: int, public_id: str) -> Token:
    """Give a token of a user.

    Raises:
        TokenNotFoundError: the user has none of that id.
    """
    found = Token.objects.filter(user_id=user_id, public_id=public_id).first()
    if found is None:
        raise TokenNotFoundError("You have no such token.")
    return found
