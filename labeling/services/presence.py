"""When an annotator was last here, written at most once a minute."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from labeling.models import Annotator

if TYPE_CHECKING:
    from datetime import datetime

SEEN_EVERY = timedelta(minutes=1)


def saw(annotator: Annotator, now: datetime) -> None:
    """Note that an annotator claims or answers; a row younger than a minute is left alone."""
    if annotator.last_seen_at is None or now - annotator.last_seen_at >= SEEN_EVERY:
        Annotator.objects.filter(pk=annotator.pk).update(last_seen_at=now)
