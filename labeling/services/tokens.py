"""API tokens: hashed, scoped, expiring."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from labeling.errors import LabelingError
from labeling.models import Token
from labeling.services import keys
from labeling.services.journal import record_event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

TOKEN_TTL = timedelta(days=365)
TOKEN_PREFIX = "lrd_"  # noqa: S105 - lets a secret scanner recognise one of ours
SHOWN_PREFIX_LENGTH = 8
# `last_used_at` is a hint for people; writing it on every request would cost a write each.
LAST_USED_STEP = timedelta(minutes=5)
SCOPES = ("predict", "queue", "read", "export")


class InvalidTokenRequestError(LabelingError):
    """A token with no scope, an unknown scope, or no life."""

    code = "invalid_token_request"


def create_token(
    *,
    user_id: int,
    project_id: int | None,
    name: str,
    scopes: Sequence[str],
    now: datetime,
    ttl: timedelta | None = None,
) -> tuple[Token, str]:
    """Make an API token.

    Returns:
        The row and the secret, shown once: only its digest is stored.

    Raises:
        InvalidTokenRequestError: no scope, an unknown scope, an empty name or no life.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    ttl = ttl or TOKEN_TTL
    if unknown or not scopes or not name.strip() or ttl <= timedelta(0):
        raise InvalidTokenRequestError(
            f"A token has a name, some life, and at least one scope of {', '.join(SCOPES)}; "
            f"got {name!r} with {', '.join(scopes) or 'no scope'}."
        )
    secret = keys.new_secret(TOKEN_PREFIX)
    with transaction.atomic():
        token = Token.objects.create(
            user_id=user_id,
            project_id=project_id,
            name=name.strip()[:80],
            prefix=secret[:SHOWN_PREFIX_LENGTH],
            digest=keys.digest_of(secret),
            scopes=sorted(set(scopes)),
            created_at=now,
            expires_at=now + ttl,
        )
        record_event(
            project_id=project_id,
            user_id=user_id,
            verb="token_created",
            target=str(token.public_id),
            detail={"scopes": token.scopes},
            now=now,
        )
    return token, secret


def revoke_token(*, token_id: int, user_id: int | None, now: datetime) -> None:
    """End a token at once."""
    token = Token.objects.get(pk=token_id)
    if Token.objects.filter(pk=token_id, revoked_at__isnull=True).update(revoked_at=now):
        record_event(
            project_id=token.project_id,
            user_id=user_id,
            verb="token_revoked",
            target=str(token.public_id),
            now=now,
        )


def authenticate_token(*, secret: str, now: datetime) -> Token | None:
    """Give the live token of a secret with its user, or None. Notes its use now and then."""
    rows = Token.objects.select_related("user")
    token = rows.filter(
        digest=keys.digest_of(secret),
        revoked_at__isnull=True,
        expires_at__gt=now,
        user__is_active=True,
    ).first()
    if token is None or not keys.matches(secret, token.digest):
        return None
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_STEP:
        Token.objects.filter(pk=token.pk).update(last_used_at=now)
    return token
