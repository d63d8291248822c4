"""The first reply to an `Idempotency-Key`, kept for a day and given again on a retry."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from ml.errors import MlError
from ml.models import IdempotentReply

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

KEPT_FOR = timedelta(hours=24)
Body = dict[str, Any]


class KeyReusedError(MlError):
    """A key came back with another request behind it."""

    code = "key_reused"
    status = 409


def first_reply(
    *,
    principal: str,
    key: str,
    request_hash: str,
    make: Callable[[], Callable[[], Body]],
    now: datetime,
) -> Body:
    """Give the stored reply to a key, or make one and store it with its effects.

    Args:
        principal: who asks; keys of different principals never meet.
        make: does the slow, harmless part outside any transaction and returns the part that
            writes, which runs in one transaction with the stored reply. Of two requests that
            race with one key, the second writes nothing and gives the first one's reply.

    Raises:
        KeyReusedError: the key was used for a request with another hash.
    """
    if (known := _known(principal, key, request_hash, now)) is not None:
        return known
    write = make()
    try:
        with transaction.atomic():
            body = write()
            IdempotentReply.objects.create(
                principal=principal,
                key=key,
                request_hash=request_hash,
                status=200,
                body=body,
                created_at=now,
            )
    except IntegrityError:
        known = _known(principal, key, request_hash, now)
        if known is None:
            raise
        return known
    return body


def _known(principal: str, key: str, request_hash: str, now: datetime) -> Body | None:
    stored = IdempotentReply.objects.filter(principal=principal, key=key).first()
    if stored is None:
        return None
    if stored.created_at < now - KEPT_FOR:
        stored.delete()
        return None
    if stored.request_hash != request_hash:
        raise KeyReusedError(
            f"The key {key!r} was used for another request; make a new key for each new request.",
            key=key,
        )
    body: Body = stored.body
    return body
