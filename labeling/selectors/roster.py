"""Who answers in a project, how much and how well, as the staff room shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, OuterRef, Q, Subquery

from labeling.consensus import skill as skill_math
from labeling.errors import LabelingError
from labeling.models import (
    Annotation,
    AnnotationKind,
    Annotator,
    AnnotatorKind,
    AnnotatorSkill,
    AuditEvent,
    Label,
    Membership,
    Role,
)
from labeling.selectors import jobs

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

NEWEST = 20
MOST_CONFUSED = 5
FEWEST_CONFUSED = 0.5
NONE_NAME = "None of these"
VERBS = (
    "annotator_paused",
    "annotator_pause_lifted",
    "annotator_quarantined",
    "quarantine_lifted",
    "annotator_anonymised",
)


class PersonNotFoundError(LabelingError):
    """Nobody of that id answers in this project."""

    code = "person_not_found"
    status = 404


@dataclass(frozen=True, slots=True)
class Share:
    """How often something was so, with its 95 % interval; None where nothing is known."""

    estimate: float | None
    low: float
    high: float
    n: float


@dataclass(frozen=True, slots=True)
class Gold:
    """Answers to gold images."""

    right: int
    wrong: int
    interval: Share | None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What suggestions do to somebody's answers (see `services.anchoring`).

    Attributes:
        accepted_wrong: how often they took over a suggestion that was wrong.
        same_without: how often they made the very same mistake where it was held back.
        shown: answers given beside a suggestion.
    """

    accepted_wrong: Share
    same_without: Share
    shown: int


@dataclass(frozen=True, slots=True)
class Person:
    """One row of the staff room's list of people."""

    id: UUID
    display_name: str
    role: str
    has_account: bool
    is_you: bool
    answers: int
    skips: int
    joined_at: datetime
    last_seen_at: datetime | None
    skill: Share | None
    gold: Gold
    paused: bool
    paused_reason: str
    paused_at: datetime | None
    pause_lifted_at: datetime | None
    quarantined: bool
    quarantined_at: datetime | None
    anonymised: bool
    onboarded: bool
    suggestions: Suggestions | None


@dataclass(frozen=True, slots=True)
class OfLabel:
    """How often somebody is right on images of one label."""

    code: str
    name: str
    interval: Share


@dataclass(frozen=True, slots=True)
class Confused:
    """How often, in expectation, somebody says one label for another."""

    truth: dict[str, str]
    said: dict[str, str]
    count: float


@dataclass(frozen=True, slots=True)
class Detail:
    """One person with what they know, what they mix up, and what was done about them.

    `replay` is there while their answers are being set aside or brought back.
    """

    person: Person
    by_label: list[OfLabel]
    confused: list[Confused]
    events: list[AuditEvent]
    recent: list[Annotation]
    replay: jobs.Replay | None


def share(yes: float, no: float) -> Share:
    """Give mean and 95 % interval of Beta(1 + yes, 1 + no); the mean is None without a case."""
    if yes + no == 0:
        return Share(None, 0.0, 1.0, 0)
    found = skill_math.interval(yes, no, alpha=1, beta=1, mass=skill_math.CREDIBLE)
    return Share(found.mean, found.low, found.high, yes + no)


def everybody(project_id: int, viewer_id: int | None = None) -> list[Person]:
    """Give everyone who answers in a project, most answers first, in one query."""
    return [_person(row, viewer_id) for row in _people(project_id)]


def somebody(project_id: int, public_id: UUID) -> Annotator:
    """Give a person of a project by their public id, with skill and project.

    Raises:
        PersonNotFoundError: the project has none of that id.
    """
    found = _people(project_id).filter(public_id=public_id).first()
    if found is None:
        raise PersonNotFoundError(f"Nobody of id {public_id} answers in this project.")
    return found


def detail(project_id: int, public_id: UUID, viewer_id: int | None = None) -> Detail:
    """Give one person with everything the page about them shows, in a handful of queries.

    Raises:
        PersonNotFoundError: the project has none of that id.
    """
    row = somebody(project_id, public_id)
    counts: AnnotatorSkill | None = getattr(row, "skill", None)
    names = dict(Label.objects.filter(project_id=project_id).values_list("code", "name"))
    names[""] = NONE_NAME
    return Detail(
        person=_person(row, viewer_id),
        by_label=_by_label(counts, names) if counts else [],
        confused=_confused(counts, names) if counts else [],
        events=_events(row),
        recent=_recent(row.pk),
        replay=jobs.replay_of(project_id, row.pk),
    )


def _people(project_id: int) -> QuerySet[Annotator]:
    role = Membership.objects.filter(
        project_id=project_id, user_id=OuterRef("user_id"), ended_at__isnull=True
    )
    live = Q(annotations__withdrawn_at__isnull=True) & ~Q(annotations__kind=AnnotationKind.UNDO)
    is_skip = Q(annotations__kind=AnnotationKind.SKIP)
    newest = Annotation.objects.filter(annotator_id=OuterRef("pk")).order_by("-pk")
    return (
        Annotator.objects.filter(project_id=project_id, kind=AnnotatorKind.PERSON)
        .select_related("skill", "project")
        .annotate(
            role=Subquery(role.values("role")[:1]),
            answers=Count("annotations", filter=live & ~is_skip),
            skips=Count("annotations", filter=live & is_skip),
            answered_at=Subquery(newest.values("created_at")[:1]),
        )
        .order_by("-answers", "pk")
    )


def _person(row: Any, viewer_id: int | None) -> Person:
    counts: AnnotatorSkill | None = getattr(row, "skill", None)
    return Person(
        id=row.public_id,
        display_name=row.display_name,
        role=row.role or Role.VOLUNTEER,
        has_account=row.user_id is not None,
        is_you=row.user_id is not None and row.user_id == viewer_id,
        answers=row.answers,
        skips=row.skips,
        joined_at=row.created_at,
        last_seen_at=max(filter(None, (row.last_seen_at, row.answered_at)), default=None),
        skill=_known(counts.n_right, counts.n_wrong) if counts else None,
        gold=_gold(counts),
        paused=row.paused_at is not None,
        paused_reason=row.paused_reason if row.paused_at else "",
        paused_at=row.paused_at,
        pause_lifted_at=row.pause_lifted_at,
        quarantined=row.quarantined_at is not None,
        quarantined_at=row.quarantined_at,
        anonymised=row.anonymised_at is not None,
        onboarded=row.onboarded_at is not None or row.project.onboarding_images == 0,
        suggestions=_suggestions(counts),
    )


def _known(yes: float, no: float) -> Share | None:
    return share(yes, no) if yes + no else None


def _gold(counts: AnnotatorSkill | None) -> Gold:
    if counts is None:
        return Gold(0, 0, None)
    right, wrong = counts.n_gold_right, counts.n_gold_wrong
    return Gold(right, wrong, _known(right, wrong))


def _suggestions(counts: AnnotatorSkill | None) -> Suggestions | None:
    if counts is None or counts.n_shown + counts.n_hidden_wrong == 0:
        return None
    accepted, same = counts.n_suggested_wrong_accepted, counts.n_hidden_wrong_same
    return Suggestions(
        accepted_wrong=share(accepted, counts.n_suggested_wrong - accepted),
        same_without=share(same, counts.n_hidden_wrong - same),
        shown=counts.n_shown,
    )


def _by_label(counts: AnnotatorSkill, names: dict[str, str]) -> list[OfLabel]:
    rows = [
        OfLabel(code, names[code], share(right, wrong))
        for code, (right, wrong) in counts.by_label.items()
        if code in names and right + wrong > 0
    ]
    return sorted(rows, key=lambda row: (row.interval.low, row.code))


def _confused(counts: AnnotatorSkill, names: dict[str, str]) -> list[Confused]:
    pairs = [(*key.split(">"), count) for key, count in counts.confusions.items()]
    wrong = [
        Confused({"code": truth, "name": names[truth]}, {"code": said, "name": names[said]}, count)
        for truth, said, count in pairs
        if truth != said and count >= FEWEST_CONFUSED and truth in names and said in names
    ]
    return sorted(wrong, key=lambda one: -one.count)[:MOST_CONFUSED]


def _events(row: Annotator) -> list[AuditEvent]:
    about = Q(annotator=row, verb__in=VERBS)
    if row.user_id is not None:
        about |= Q(project_id=row.project_id, verb="role_set", target=str(row.user_id))
    events = AuditEvent.objects.filter(about).select_related("user")
    return list(events.order_by("-at", "-pk")[:NEWEST])


def _recent(annotator_id: int) -> list[Annotation]:
    rows = Annotation.objects.filter(annotator_id=annotator_id, withdrawn_at__isnull=True)
    return list(
        rows.exclude(kind=AnnotationKind.UNDO)
        .select_related("image__consensus__label")
        .prefetch_related("labels__label")
        .order_by("-pk")[:NEWEST]
    )
