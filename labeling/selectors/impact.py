"""What somebody's answers have done, told to them. Nothing here is an estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, F, Q

from labeling.errors import LabelingError
from labeling.models import (
    ABOUT_ONE_LABEL,
    Annotation,
    AnnotationKind,
    Annotator,
    AnnotatorKind,
    ConsensusState,
    LabelValue,
    Project,
    Reason,
)
from labeling.selectors.progress import MOVING

if TYPE_CHECKING:
    from datetime import datetime

LISTED = 20


class LeaderboardOffError(LabelingError):
    """The project wants no leaderboard."""

    code = "leaderboard_off"
    status = 404

    def __init__(self) -> None:
        super().__init__("This project keeps no leaderboard: every answer counts the same.")


@dataclass(frozen=True, slots=True)
class Impact:
    """What somebody has done so far.

    Attributes:
        answers: their live answers; a skip is none.
        skips: images they have passed over.
        images: images they have said something about: a label, none of these, can't tell.
        resolved: of those they named a label for, gold left out, how many have their label now.
        agreed: of those, how many have the label they named.
        since: when they joined.
        days: on how many days they have answered.
    """

    answers: int
    skips: int
    images: int
    resolved: int
    agreed: int
    since: datetime
    days: int

    @property
    def sentences(self) -> list[str]:
        """Say it in sentences that are true as they stand."""
        if self.answers == 0:
            return ["Your first answer starts it: every image is labeled by people like you."]
        said = [f"You have answered {_count(self.images, 'image')}."]
        if self.resolved:
            verb = "has its label" if self.resolved == 1 else "have their label"
            said.append(f"{_count(self.resolved, 'image')} {verb} with your help.")
        else:
            said.append("They get their label once enough people agree.")
        return said


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a leaderboard: how much somebody gave, never how well."""

    display_name: str
    answers: int
    is_you: bool


def of_annotator(annotator_id: int) -> Impact:
    """Count what somebody's answers have done, in four queries."""
    annotator = Annotator.objects.get(pk=annotator_id)
    mine = Annotation.objects.filter(annotator=annotator, withdrawn_at__isnull=True).exclude(
        kind=AnnotationKind.UNDO
    )
    is_said = Q(kind__in=(*MOVING, *ABOUT_ONE_LABEL))
    is_skip = Q(kind=AnnotationKind.SKIP)
    counts = mine.aggregate(
        answers=Count("pk", filter=~is_skip),
        skips=Count("pk", filter=is_skip),
        images=Count("image_id", filter=is_said, distinct=True),
    )
    # A gold image had its label before, from an expert; and counted here, it would tell at once
    # that it was gold, and whether the answer was right.
    helped = mine.exclude(assignment__reason=Reason.GOLD)
    named = helped.filter(
        kind=AnnotationKind.LABEL, image__consensus__state=ConsensusState.RESOLVED
    ).aggregate(
        resolved=Count("image_id", distinct=True),
        agreed=Count(
            "image_id",
            filter=Q(labels__value=LabelValue.YES, labels__label=F("image__consensus__label")),
            distinct=True,
        ),
    )
    days = mine.dates("created_at", "day").count()
    return Impact(**counts, **named, since=annotator.created_at, days=days)


def leaderboard(project: Project, annotator: Annotator) -> list[Line]:
    """Give the twenty who gave most, and whoever asks where they are not among them.

    Raises:
        LeaderboardOffError: the project wants none.
    """
    if not project.leaderboard_enabled:
        raise LeaderboardOffError
    live = Q(annotations__withdrawn_at__isnull=True) & ~Q(
        annotations__kind__in=(AnnotationKind.UNDO, AnnotationKind.SKIP)
    )
    rows = (
        Annotator.objects.filter(
            project=project,
            kind=AnnotatorKind.PERSON,
            quarantined_at__isnull=True,
            anonymised_at__isnull=True,
        )
        .annotate(answers=Count("annotations", filter=live))
        .filter(answers__gt=0)
        .order_by("-answers", "pk")
    )
    lines = [Line(row.display_name, row.answers, row.pk == annotator.pk) for row in rows]
    return lines[:LISTED] + [line for line in lines[LISTED:] if line.is_you]


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
