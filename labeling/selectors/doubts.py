"""Labels that may be wrong: which to look at next, and how often the doubt was right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, F, OuterRef, Q

from labeling.consensus import shares
from labeling.models import (
    ABOUT_ONE_LABEL,
    Annotation,
    AnnotationKind,
    AnnotationLabel,
    Assignment,
    AssignmentState,
    ConsensusState,
    LabelDoubt,
    LabelDoubtState,
    Partition,
    QueueEntry,
    QueueEntryState,
    Reason,
)
from labeling.selectors import projects, questions, roster, several, votes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.db.models import QuerySet

DOUBTED = "label errors 1"
"""Policy of queue entries that ask for a second opinion of a doubted label."""
WRONG = (LabelDoubtState.CHANGED, LabelDoubtState.NONE_OF_THESE)


@dataclass(frozen=True, slots=True)
class Found:
    """What became of the doubts of a project.

    Attributes:
        open: labels that wait for somebody to look.
        wrong: of those an expert has judged, how many were wrong; who could not tell is left out.
        cant_tell: where the expert could not tell.
        asked: second opinions that people were asked for through the queue.
        answered: of those, the ones given.
        otherwise: of those, the ones after which another label, or none, stood; with several labels
            an image, the ones that contradict who had said all labels.
        is_several: several labels an image: single labels of a picture are doubted, and settled
            with yes or no.
    """

    open: int
    wrong: roster.Share
    n_wrong: int
    n_judged: int
    cant_tell: int
    asked: int
    answered: int
    otherwise: int
    is_several: bool = False


def waiting(project_id: int) -> QuerySet[LabelDoubt]:
    """Give the open doubts about usable pool images, the worst first."""
    rows = LabelDoubt.objects.filter(
        project_id=project_id,
        state=LabelDoubtState.OPEN,
        image__partition=Partition.POOL,
        image__flagged_at__isnull=True,
        image__removed_at__isnull=True,
    ).exclude(is_shown__isnull=False, label__retired_at__isnull=False)
    return rows.select_related("image", "label", "suggested", "alike").order_by("-score", "pk")


def upcoming(
    project_id: int, *, after: UUID | None, count: int, after_label: str | None = None
) -> list[LabelDoubt]:
    """Give up to `count` open doubts behind an image, which may be settled by now; then round.

    `after_label` is the label it was doubted for, where images may bear several.
    """
    rows = waiting(project_id)
    if after is None:
        return [*rows[:count]]
    last = LabelDoubt.objects.filter(project_id=project_id, image__public_id=after)
    if after_label is not None:
        last = last.filter(label__code=after_label)
    place = last.order_by("-updated_at", "-pk").values_list("score", "pk").first()
    if place is None:
        return [*rows[:count]]
    score, key = place
    behind = Q(score__lt=score) | Q(score=score, pk__gt=key)
    found = [*rows.filter(behind)[:count]]
    return [*found, *rows.filter(~behind).exclude(pk=key)[: count - len(found)]]


def left(project_id: int) -> int:
    """Count the labels that wait for somebody to look."""
    return waiting(project_id).count()


def open_of(image_id: int, label_code: str | None = None) -> LabelDoubt | None:
    """Give the open doubt about an image, or that about one label of it; None where none is."""
    rows = LabelDoubt.objects.filter(image_id=image_id, state=LabelDoubtState.OPEN)
    if label_code is not None:
        rows = rows.filter(label__code=label_code)
    return rows.select_related("label", "suggested", "alike").order_by("-updated_at", "pk").first()


def to_ask(project_id: int, *, share: float, n_settled: int) -> list[int]:
    """Give the images to ask for a second opinion now, the worst first.

    So many that all asked so far and these are at most `share` of the `n_settled` pool labels;
    each of those has one answer at least. Only what one person alone has decided, is in nobody's
    hands and waits in no stream but the acquired one.
    """
    room = int(share * n_settled) - asked(project_id)
    if room <= 0:
        return []
    held = Assignment.objects.filter(image=OuterRef("image"), state=AssignmentState.OPEN)
    entries = QueueEntry.objects.filter(image=OuterRef("image"), state=QueueEntryState.OPEN)
    rows = waiting(project_id).filter(
        ~Exists(held),
        ~Exists(entries.exclude(reason=Reason.ACQUIRED)),
        is_shown__isnull=True,  # Several labels: `ml` asks about one of them, by another policy.
        image__consensus__state=ConsensusState.RESOLVED,
        image__consensus__label_id=F("label_id"),
        image__consensus__is_expert=False,
        image__consensus__n_votes=1,
    )
    return list(rows.values_list("image_id", flat=True)[:room])


def asked(project_id: int) -> int:
    """Count the second opinions of doubted labels that somebody holds or has given."""
    return _asked(project_id).count()


def decided_by_experts(project_id: int) -> set[int]:
    """Give the pool images that an expert has decided; nobody is asked about those again."""
    rows = Annotation.objects.filter(
        project_id=project_id, is_expert=True, withdrawn_at__isnull=True
    ).exclude(kind__in=ABOUT_ONE_LABEL)
    return set(rows.values_list("image_id", flat=True))


def settled_by_experts(project_id: int) -> set[tuple[int, int]]:
    """Give image and label of what an expert has said of one label alone."""
    rows = AnnotationLabel.objects.filter(
        annotation__project_id=project_id,
        annotation__is_expert=True,
        annotation__kind__in=ABOUT_ONE_LABEL,
        annotation__withdrawn_at__isnull=True,
    )
    return set(rows.order_by("pk").values_list("annotation__image_id", "label_id"))


def found(project_id: int) -> Found:
    """Count what became of the doubts of a project."""
    is_several = several.is_several(project_id)
    rows = LabelDoubt.objects.filter(project_id=project_id)
    by_expert = rows.filter(annotation__isnull=False).aggregate(
        wrong=Count("pk", filter=Q(state__in=WRONG)),
        kept=Count("pk", filter=Q(state=LabelDoubtState.KEPT)),
        cant_tell=Count("pk", filter=Q(state=LabelDoubtState.CANT_TELL)),
    )
    wrong, kept = by_expert["wrong"], by_expert["kept"]
    n_asked, again = _asked_again(project_id, is_several=is_several)
    return Found(
        open=left(project_id),
        wrong=_share(wrong, wrong + kept),
        n_wrong=wrong,
        n_judged=wrong + kept,
        cant_tell=by_expert["cant_tell"],
        asked=n_asked,
        answered=again.answered,
        otherwise=again.otherwise,
        is_several=is_several,
    )


def _asked_again(project_id: int, *, is_several: bool) -> tuple[int, questions.Again]:
    """Count the second opinions that were asked of people, and what came of them."""
    if is_several:
        return questions.asked_again(project_id), questions.answers_again(project_id)
    answered = _asked(project_id, AssignmentState.ANSWERED)
    otherwise = answered.filter(annotation__isnull=True, state__in=WRONG)
    return asked(project_id), questions.Again(answered.count(), otherwise.count())


def _share(k: int, n: int) -> roster.Share:
    low, high = shares.wilson(k, n)
    return roster.Share(k / n if n else None, low, high, n)


@dataclass(frozen=True, slots=True)
class Said:
    """How many people said that an image shows a label and how many that it does not.

    `is_import`: no person did; it came with the picture.
    """

    yes: int
    no: int
    is_import: bool


def said_of(project_id: int, doubts: Sequence[LabelDoubt]) -> dict[int, Said]:
    """Give what people said of the doubted labels, by doubt, where images may bear several."""
    about = [row for row in doubts if row.is_shown is not None]
    if not about:
        return {}
    scheme = projects.current_scheme(project_id)
    answers = votes.of_images([row.image_id for row in about])
    asked = several.asked([one for said in answers.values() for one in said], scheme)
    found = {}
    for row in about:
        column = scheme.column_of.get(row.label_id)
        given = [
            (answer, several.vote(answer, scheme, asked))
            for answer in answers[row.image_id]
            if answer.is_opinion
        ]
        people = [vote for answer, vote in given if not answer.is_import]
        told = [column in vote.yes for vote in people if column in vote.asked]
        found[row.pk] = Said(sum(told), len(told) - sum(told), is_import=not people)
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """An open doubt whose label people have confirmed or changed.

    Attributes:
        doubt_id: the doubt.
        state: of its image now.
        is_same: whether the label it was doubted for, or its yes or no, still stands.
        was_asked: whether somebody has answered because of the doubt.
    """

    doubt_id: int
    state: str
    is_same: bool
    was_asked: bool


def outcomes(project_id: int) -> list[Outcome]:
    """Give the open doubts that need no expert any more.

    Those whose label was changed, and those that the person asked has confirmed; what is disputed
    still needs one.
    """
    if several.is_several(project_id):
        return _outcomes_of_labels(project_id)
    rows = LabelDoubt.objects.filter(
        project_id=project_id,
        state=LabelDoubtState.OPEN,
        image__consensus__state__in=(ConsensusState.RESOLVED, ConsensusState.NONE_OF_THESE),
    ).annotate(was_asked=Exists(_given(AssignmentState.ANSWERED)))
    is_other = Q(image__consensus__state=ConsensusState.NONE_OF_THESE) | ~Q(
        image__consensus__label_id=F("label_id")
    )
    is_confirmed = Q(was_asked=True, image__consensus__n_votes__gte=2)
    found = rows.filter(is_other | is_confirmed).order_by("pk")
    return [
        Outcome(key, state, has == label_id, bool(was_asked))
        for key, state, has, label_id, was_asked in found.values_list(
            "pk", "image__consensus__state", "image__consensus__label_id", "label_id", "was_asked"
        )
    ]


def _outcomes_of_labels(project_id: int) -> list[Outcome]:
    """As `outcomes`, of single labels: those that people say otherwise now, or were asked again."""
    again = AnnotationLabel.objects.filter(
        annotation__image=OuterRef("image"),
        annotation__kind__in=(AnnotationKind.YES, AnnotationKind.NO),
        annotation__is_expert=False,
        annotation__withdrawn_at__isnull=True,
        label=OuterRef("label"),
    )
    rows = LabelDoubt.objects.filter(
        project_id=project_id,
        state=LabelDoubtState.OPEN,
        is_shown__isnull=False,
        image__consensus__state__in=several.SETTLED,
    ).annotate(was_asked=Exists(again))
    doubts = list(rows.order_by("pk"))
    known = several.of_images([row.image_id for row in doubts], projects.current_scheme(project_id))
    found = []
    for row in doubts:
        is_shown = known[row.image_id].get(row.label_id)
        is_same = is_shown == row.is_shown
        if is_shown is not None and (not is_same or row.was_asked):
            found.append(Outcome(row.pk, ConsensusState.RESOLVED, is_same, row.was_asked))
    return found


def _given(*states: str) -> QuerySet[Assignment]:
    return Assignment.objects.filter(image=OuterRef("image"), policy=DOUBTED, state__in=states)


def _asked(project_id: int, *states: str) -> QuerySet[LabelDoubt]:
    """Give the doubts that were handed out; by default those held or answered."""
    given = _given(*(states or (AssignmentState.OPEN, AssignmentState.ANSWERED)))
    return LabelDoubt.objects.filter(Exists(given), project_id=project_id)
