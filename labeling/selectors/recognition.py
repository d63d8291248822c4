"""Whoever answers again and again is looked up from memory, and confirmed where it is stored.

An answer needs to know whose browser asks, as whom it joined, and how the project and its scheme
stand: two reads a request. So what was read is kept with the rows it came from, and the
transaction that stores the answers of several people asks for all of them at once whether every
one of these rows is as it was. Where one is not, nothing is stored, and the request begins again
without its memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.sessions.models import Session

from labeling.errors import LabelingError
from labeling.selectors import labelers
from labeling.selectors.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from labeling.selectors.labelers import Labeler

KEPT = 10_000


class ForgottenError(LabelingError):
    """A browser is no longer who it was. Never shown: the request is answered the usual way."""

    code = "forgotten"
    status = 403

    def __init__(self) -> None:
        super().__init__("This browser is not known as before. Reload the page.")


@dataclass(frozen=True, slots=True)
class Recognised:
    """Who a browser was, and the rows that said so.

    Attributes:
        session_key: of the browser's session.
        signed: that session as it was stored.
        slug: of the project.
        raw: the annotator, the project and its current scheme, as the database has them.
        known: the same as objects.
    """

    session_key: str
    signed: str
    slug: str
    raw: tuple[Any, ...]
    known: Labeler

    def labeler(self) -> Labeler:
        """Give the labeler with an annotator of its own, to be brought up to date."""
        return labelers.copy_of(self.known)


_known: dict[tuple[str, str], Recognised] = {}


def recall(session_key: str | None, slug: str) -> Recognised | None:
    """Give who a browser was when it was last looked up, without asking the database."""
    return _known.get((session_key, slug)) if session_key else None


def forget() -> None:
    """Forget everybody, as a process that begins has."""
    _known.clear()


def remember(session_key: str, signed: str, slug: str, annotator_id: int) -> Labeler | None:
    """Look up who a browser joined a project as, and keep it; None where it is not theirs."""
    raw = labelers.raw_joined(slug, annotator_id)
    if raw is None:
        return None
    found = Recognised(session_key, signed, slug, raw, labelers.of_raw(raw))
    if len(_known) >= KEPT:
        _known.clear()
    _known[session_key, slug] = found
    return found.labeler()


def look_again(one: Recognised, now: datetime) -> Labeler:
    """Look somebody up anew, where their session says what it said.

    Raises:
        ForgottenError: it does not, or they are not of this project any more.
    """
    if _sessions([one.session_key], now).get(one.session_key) == one.signed:
        annotator_id = one.known.annotator.pk
        found = remember(one.session_key, one.signed, one.slug, annotator_id)
        if found is not None:
            return found
    _known.pop((one.session_key, one.slug), None)
    raise ForgottenError


def confirmed(
    asked: Sequence[Recognised], locked: Mapping[int, tuple[Any, ...]], now: datetime
) -> set[str]:
    """Give the keys of the sessions that stand for the same as before, in two statements.

    Args:
        asked: of one project; at least one.
        locked: the rows of their annotators as they are now, by key (`labelers.ANNOTATOR`).
        now: the time.
    """
    signed = _sessions([one.session_key for one in asked], now)
    project = labelers.raw_project(asked[0].slug)
    found = set()
    for one in asked:
        is_same = signed.get(one.session_key) == one.signed and labelers.is_as_before(
            one.raw, locked.get(one.known.annotator.pk), project
        )
        if is_same:
            found.add(one.session_key)
        else:
            _known.pop((one.session_key, one.slug), None)
    return found


_live = Prepared(
    lambda keys, now: Session.objects.filter(session_key__in=keys, expire_date__gt=now).values_list(
        "session_key", "session_data"
    )
)


def _sessions(keys: list[str], now: datetime) -> dict[str, str]:
    return dict(_live.raw(keys, now))
