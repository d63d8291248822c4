"""Questions about annotators that the queue and consensus ask."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q

from labeling.consensus import policy
from labeling.models import (
    Annotation,
    Annotator,
    AnnotatorKind,
    Membership,
    Project,
    Role,
)
from labeling.selectors.prepared import Prepared

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


def active_count(project: Project, now: datetime) -> int:
    """Count who answers these days: seen within the project's window, with an answer to show.

    At least 1, so that a project without anyone still asks for one vote. One who joined and never
    answered does not count: an audit image would wait for a vote that nobody gives. Counted no
    further than any policy of the project asks: more people change nothing.
    """
    most = max(
        project.votes_pool, project.votes_audit, project.vote_cap_pool, project.vote_cap_audit
    )
    since = now - timedelta(days=project.active_annotator_days)
    return max(1, len(_active(most).rows(project.pk, since)))


COUNTED_EVERY = timedelta(seconds=1)
KEPT = 256
_counted: dict[UUID, tuple[datetime, int]] = {}


def active_lately(project: Project, now: datetime) -> int:
    """As `active_count`, up to a second old: for one answer among many.

    Whoever decides again because somebody has left, or was set aside, counts anew.
    """
    known = _counted.get(project.public_id)
    # Never for the same moment: a test may change people within it.
    if known is not None and timedelta(0) < now - known[0] < COUNTED_EVERY:
        return known[1]
    found = active_count(project, now)
    if len(_counted) >= KEPT:
        _counted.clear()
    _counted[project.public_id] = (now, found)
    return found


@cache
def _active(most: int) -> Prepared:
    answers = Annotation.objects.filter(annotator=OuterRef("pk"))
    return Prepared(
        lambda project_id, since: Annotator.objects.filter(
            ~Q(kind=AnnotatorKind.IMPORT),
            Exists(answers),
            project_id=project_id,
            last_seen_at__gte=since,
            paused_at__isnull=True,
            quarantined_at__isnull=True,
            anonymised_at__isnull=True,
        ).values_list("pk")[:most]
    )


MANY = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """How many answers an audit image is asked for, and by whom that is decided (rule 2).

    Attributes:
        answers: effective votes of the audit slice.
        people: who count as active, ten at most.
        days: for how long somebody counts after they were here.
    """

    answers: int
    people: int
    days: int


def audit_asked(project: Project, now: datetime) -> Asked:
    """Give what `effective_votes` makes of the audit policy now, and why."""
    days = project.active_annotator_days
    people = len(_active(MANY).rows(project.pk, now - timedelta(days=days)))
    return Asked(policy.effective_votes(project.votes_audit, people), people, days)


def is_expert(annotator: Annotator) -> bool:
    """Tell whether the annotator's answers to disputes decide alone."""
    if annotator.user_id is None:
        return False
    return Membership.objects.filter(
        project_id=annotator.project_id,
        user_id=annotator.user_id,
        ended_at__isnull=True,
        role__in=(Role.EXPERT, Role.MANAGER, Role.OWNER),
    ).exists()
