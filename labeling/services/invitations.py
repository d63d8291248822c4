"""Invitations: the only door through which people join a project."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.text import slugify

from labeling.errors import LabelingError
from labeling.models import Annotator, Invitation, Membership, Role, User
from labeling.services import keys
from labeling.services.journal import record_event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

INVITATION_TTL = timedelta(days=14)
NAME_LENGTH = 60


class InvitationNotValidError(LabelingError):
    """An invitation that is unknown, expired, revoked or used up."""

    code = "invitation_not_valid"
    status = 410


class ConsentMissingError(LabelingError):
    """Nobody joins without having agreed to what is stored."""

    code = "consent_missing"


class InvalidNameError(LabelingError):
    """A display name that is empty or too long."""

    code = "invalid_name"


class InvalidInvitationError(LabelingError):
    """An invitation for nobody, for no time, or to a role that is not given by link."""

    code = "invalid_invitation"


def invite(
    *,
    project_id: int,
    role: str,
    use_limit: int,
    now: datetime,
    ttl: timedelta | None = None,
    created_by_id: int | None = None,
) -> tuple[Invitation, str]:
    """Make an invitation.

    Returns:
        The row and the token for the link; the token is not stored and cannot be shown again.

    Raises:
        InvalidInvitationError: no uses, no time, or a role that is not given by link.
    """
    if role not in (Role.VOLUNTEER, Role.EXPERT, Role.MANAGER):
        raise InvalidInvitationError(f"Nobody becomes {role} by link; set the role of a member.")
    ttl = ttl or INVITATION_TTL
    if not 1 <= use_limit <= 100_000 or ttl <= timedelta(0):
        raise InvalidInvitationError("An invitation is for 1 to 100000 people and some time.")
    token = keys.new_secret()
    with transaction.atomic():
        invitation = Invitation.objects.create(
            project_id=project_id,
            digest=keys.digest_of(token),
            role=role,
            created_by_id=created_by_id,
            created_at=now,
            expires_at=now + ttl,
            use_limit=use_limit,
        )
        record_event(
            project_id=project_id,
            user_id=created_by_id,
            verb="invited",
            target=str(invitation.public_id),
            detail={"role": role, "use_limit": use_limit},
            now=now,
        )
    return invitation, token


def revoke_invitation(*, invitation_id: int, user_id: int | None, now: datetime) -> None:
    """Close an invitation; who joined by it stays."""
    with transaction.atomic():
        invitation = Invitation.objects.select_for_update().get(pk=invitation_id)
        if invitation.revoked_at is None:
            invitation.revoked_at = now
            invitation.save(update_fields=["revoked_at"])
            record_event(
                project_id=invitation.project_id,
                user_id=user_id,
                verb="invitation_revoked",
                target=str(invitation.public_id),
                now=now,
            )


def accept_invitation(
    *,
    token: str,
    display_name: str,
    consented: bool,
    now: datetime,
    user_id: int | None = None,
    annotator_ids: Sequence[int] = (),
) -> tuple[Annotator, str]:
    """Let somebody join; the use limit holds however many come at once.

    An expert or a manager without an account gets one that has no password. Who has joined
    this project before is not counted twice and gets a new resume link.

    Args:
        token: from the link.
        display_name: what others see.
        consented: whether the consent text was agreed to; its words are kept with the row.
        now: the time.
        user_id: the signed-in user, if any.
        annotator_ids: the annotators this browser is already, of whatever projects.

    Raises:
        ConsentMissingError, InvalidNameError, InvitationNotValidError.
    """
    if not consented:
        raise ConsentMissingError("To join, agree to what is stored and how it is used.")
    name = _clean_display_name(display_name)
    with transaction.atomic():
        invitation = live_invitation(token=token, now=now)
        annotator = _joined_before(invitation, user_id, annotator_ids, name)
        if annotator is None or invitation.role != Role.VOLUNTEER:
            _count_use(invitation, now)
        if annotator is None:
            annotator = Annotator(project=invitation.project, created_at=now)
        annotator.display_name = name
        annotator.user_id = _grant(invitation, user_id or annotator.user_id, name, now)
        annotator.invitation = invitation
        annotator.consented_at = now
        annotator.consent_text = invitation.project.consent
        secret = _new_resume_secret(annotator)
        annotator.save()
    return annotator, secret


def live_invitation(*, token: str, now: datetime) -> Invitation:
    """Give the invitation of a link, with its project.

    Raises:
        InvitationNotValidError: unknown, expired, revoked or used up; the message says which.
    """
    rows = Invitation.objects.select_related("project")
    invitation = rows.filter(digest=keys.digest_of(token)).first()
    if invitation is None or not keys.matches(token, invitation.digest):
        raise InvitationNotValidError("There is no such invitation; check the link.")
    reason = why_not_valid(invitation, now)
    if reason:
        raise InvitationNotValidError(reason)
    return invitation


def why_not_valid(invitation: Invitation, now: datetime) -> str:
    """Say why an invitation lets nobody in, or give an empty string."""
    if invitation.project.archived_at is not None:
        return "This project has ended."
    if invitation.revoked_at is not None:
        return "This invitation was withdrawn; ask the coordinator for another."
    if invitation.expires_at <= now:
        return "This invitation has expired; ask the coordinator for another."
    if invitation.uses >= invitation.use_limit:
        return "This invitation is used up; ask the coordinator for another."
    return ""


def _clean_display_name(display_name: str) -> str:
    name = " ".join("".join(c for c in display_name if c.isprintable()).split())
    if not 1 <= len(name) <= NAME_LENGTH:
        raise InvalidNameError(f"Choose a name of 1 to {NAME_LENGTH} characters.")
    return name


def _joined_before(
    invitation: Invitation, user_id: int | None, annotator_ids: Sequence[int], name: str
) -> Annotator | None:
    """Find who is joining again. On a shared tablet, another name is another person.

    But for whoever has an account and is given more: the account stays the same.
    """
    mine = Annotator.objects.filter(project_id=invitation.project_id, anonymised_at__isnull=True)
    by_user = mine.filter(user_id=user_id).first() if user_id is not None else None
    if by_user or not annotator_ids:
        return by_user
    here = mine.filter(pk__in=annotator_ids).first()
    if here is None or (here.user_id and user_id):
        return None
    is_raised = here.user_id is not None and invitation.role != Role.VOLUNTEER
    return here if is_raised or here.display_name.casefold() == name.casefold() else None


def _count_use(invitation: Invitation, now: datetime) -> None:
    live = Invitation.objects.filter(
        pk=invitation.pk,
        uses__lt=F("use_limit"),
        expires_at__gt=now,
        revoked_at__isnull=True,
    )
    if not live.update(uses=F("uses") + 1):
        raise InvitationNotValidError("This invitation is used up; ask for another.")


def _grant(invitation: Invitation, user_id: int | None, name: str, now: datetime) -> int | None:
    """Make the membership an invitation stands for. Never takes a higher role away."""
    if user_id is None and invitation.role == Role.VOLUNTEER:
        return None
    user_id = user_id or _account_without_password(name).pk
    live = Membership.objects.filter(
        project_id=invitation.project_id, user_id=user_id, ended_at__isnull=True
    )
    order = list(Role)
    held = live.values_list("role", flat=True).first()
    if held is None or order.index(Role(held)) < order.index(Role(invitation.role)):
        live.update(ended_at=now)
        Membership.objects.create(
            project_id=invitation.project_id, user_id=user_id, role=invitation.role, created_at=now
        )
    return user_id


def _account_without_password(name: str) -> User:
    username = f"{slugify(name)[:100] or 'member'}-{secrets.token_hex(3)}"
    user = User(username=username)
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        return _account_without_password(name)
    return user


def _new_resume_secret(annotator: Annotator) -> str:
    secret = keys.new_secret()
    annotator.resume_digest = keys.digest_of(secret)
    return secret
