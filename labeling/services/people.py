"""Accounts, sign-in and resume links, roles, and messages to the coordinator.

Registration is closed: an account or an annotator comes only from an owner's command or from an
invitation (`labeling.services.invitations`). API tokens live in `labeling.services.tokens`; what
both offer can be reached from here too.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from labeling.errors import LabelingError
from labeling.models import (
    Annotator,
    CoordinatorMessage,
    LoginLink,
    Membership,
    Project,
    Role,
    User,
)
from labeling.services import keys
from labeling.services.invitations import (
    NAME_LENGTH,
    accept_invitation,
    invite,
    live_invitation,
    revoke_invitation,
    why_not_valid,
)
from labeling.services.journal import record_event
from labeling.services.tokens import authenticate_token, create_token, revoke_token

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "accept_invitation",
    "annotator_of_user",
    "authenticate_token",
    "create_owner",
    "create_token",
    "invite",
    "live_invitation",
    "make_login_link",
    "may_resume_as_user",
    "message_coordinator",
    "resume",
    "revoke_invitation",
    "revoke_token",
    "set_password",
    "set_role",
    "use_login_link",
    "why_not_valid",
]

LOGIN_LINK_TTL = timedelta(hours=1)
MESSAGE_LENGTH = 2000
# Who comes back by a resume link is signed in up to this role; managers sign in properly.
RESUMABLE_ROLES = (Role.VOLUNTEER, Role.EXPERT)


class LinkNotValidError(LabelingError):
    """A link that was used, has expired, or never was. Which of them is not told."""

    code = "link_not_valid"
    status = 404


class InvalidMessageError(LabelingError):
    """A message that is empty or too long."""

    code = "invalid_message"


class UsernameTakenError(LabelingError):
    """There is an account of that name."""

    code = "username_taken"
    status = 409


class WeakPasswordError(LabelingError):
    """A password that is easy to guess."""

    code = "weak_password"


class LastOwnerError(LabelingError):
    """A project without an owner could be given back to nobody."""

    code = "last_owner"
    status = 409


def create_owner(*, username: str, password: str | None = None) -> tuple[User, str]:
    """Make the account that may do everything; draws a password where none is given.

    Returns:
        The user and the password in clear, to be shown once: only its hash is stored.

    Raises:
        UsernameTakenError: there is such an account.
        WeakPasswordError: the password given is easy to guess.
    """
    if User.objects.filter(username=username).exists():
        raise UsernameTakenError(f"There is an account {username!r} already.")
    password = password or secrets.token_urlsafe(12)
    user = User(username=username, is_staff=True, is_superuser=True)
    _check_password(password, user)
    user.set_password(password)
    user.save()
    return user, password


def set_password(*, user_id: int, password: str, now: datetime) -> User:
    """Give a user a password to sign in with.

    Raises:
        WeakPasswordError: it is easy to guess.
    """
    user = User.objects.get(pk=user_id)
    _check_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    record_event(project_id=None, user_id=user_id, verb="password_set", now=now)
    return user


def make_login_link(*, user_id: int, now: datetime, ttl: timedelta = LOGIN_LINK_TTL) -> str:
    """Make a token that signs a user in once, and store its digest."""
    token = keys.new_secret()
    LoginLink.objects.create(
        user_id=user_id, digest=keys.digest_of(token), created_at=now, expires_at=now + ttl
    )
    return token


def use_login_link(*, token: str, now: datetime) -> User:
    """Use up a login link; of two requests at once, one wins.

    Raises:
        LinkNotValidError: used, expired or unknown, or the account is closed.
    """
    digest = keys.digest_of(token)
    live = LoginLink.objects.filter(
        digest=digest, used_at__isnull=True, expires_at__gt=now, user__is_active=True
    )
    if not live.update(used_at=now):
        raise LinkNotValidError("This sign-in link was used or has expired; ask for a new one.")
    return LoginLink.objects.select_related("user").get(digest=digest).user


def resume(*, token: str, now: datetime) -> Annotator:
    """Find the annotator of a personal resume link.

    Raises:
        LinkNotValidError: unknown, or the annotator asked to be forgotten.
    """
    rows = Annotator.objects.select_related("project", "user")
    annotator = rows.filter(
        resume_digest=keys.digest_of(token),
        anonymised_at__isnull=True,
        project__archived_at__isnull=True,
    ).first()
    if annotator is None:
        raise LinkNotValidError("This personal link is not valid; ask for a new invitation.")
    Annotator.objects.filter(pk=annotator.pk).update(last_seen_at=now)
    return annotator


def may_resume_as_user(annotator: Annotator) -> bool:
    """Whether a resume link may also sign in the login behind the annotator.

    A link that lies about in a chat must not open the staff room.
    """
    user = annotator.user
    if user is None or not user.is_active or user.is_staff or user.is_superuser:
        return False
    if user.last_login is None and not user.has_usable_password():
        return True  # made a moment ago, by accepting an invitation
    roles = Membership.objects.filter(user=user, ended_at__isnull=True).values_list("role")
    return all(role in RESUMABLE_ROLES for (role,) in roles)


def annotator_of_user(*, project_id: int, user_id: int, now: datetime) -> Annotator:
    """Give a member's annotator row, made on first use. The caller has checked the membership."""
    found = Annotator.objects.filter(project_id=project_id, user_id=user_id).first()
    if found is not None:
        return found
    username = User.objects.values_list("username", flat=True).get(pk=user_id)
    annotator, _ = Annotator.objects.get_or_create(
        project_id=project_id,
        user_id=user_id,
        defaults={"display_name": username[:NAME_LENGTH], "created_at": now},
    )
    return annotator


def message_coordinator(*, annotator_id: int, text: str, now: datetime) -> CoordinatorMessage:
    """Keep what an annotator wrote; nobody can write back.

    Raises:
        InvalidMessageError: empty or longer than 2,000 characters.
    """
    text = text.strip()
    if not 1 <= len(text) <= MESSAGE_LENGTH:
        raise InvalidMessageError(f"A message has 1 to {MESSAGE_LENGTH} characters.")
    annotator = Annotator.objects.get(pk=annotator_id)
    return CoordinatorMessage.objects.create(
        project_id=annotator.project_id, annotator=annotator, text=text, created_at=now
    )


def set_role(
    *, project_id: int, user_id: int, role: str | None, now: datetime, by_id: int | None = None
) -> None:
    """Give a user another role, or none. The row before is ended, not deleted.

    Raises:
        LastOwnerError: the project would be left without an owner.
    """
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project_id)
        live = Membership.objects.filter(project_id=project_id, ended_at__isnull=True)
        owners = set(live.filter(role=Role.OWNER).values_list("user_id", flat=True))
        if owners == {user_id} and role != Role.OWNER:
            raise LastOwnerError("This is the only owner; make somebody else an owner first.")
        live.filter(user_id=user_id).update(ended_at=now)
        if role is not None:
            Membership.objects.create(
                project_id=project_id, user_id=user_id, role=role, created_at=now
            )
        record_event(
            project_id=project_id,
            user_id=by_id,
            verb="role_set",
            target=str(user_id),
            detail={"role": role},
            now=now,
        )


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPasswordError(" ".join(error.messages)) from None
