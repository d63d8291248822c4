"""Labels that may be wrong: which to look at next, and how often the doubt was right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, F, OuterRef, Q

from labeling.consensus import shares
from labeling.errors import LabelingError
from labeling.models import (
    Annotation,
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
from labeling.selectors import questions, roster, several

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

DOUBTED = "label errors 1"
"""Policy of queue entries that ask for a second opinion of a doubted label."""
WRONG = (LabelDoubtState.CHANGED, LabelDoubtState.NONE_OF_THESE)


class DoubtNotFoundError(LabelingError):
    """No label of that image is doubted."""

    code = "doubt_not_found"
    status = 404


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
        is_several: several labels an image: single labels of a picture are doubted, and others are
            asked about them while they label; nothing waits for an expert here.
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
    )
    return rows.select_related("image", "label", "suggested", "alike").order_by("-score", "pk")


def upcoming(project_id: int, *, after: UUID | None, count: int) -> list[LabelDoubt]:
    """Give up to `count` open doubts behind an image, which may be settled by now; then round."""
    rows = waiting(project_id)
    if after is None:
        return [*rows[:count]]
    last = LabelDoubt.objects.filter(project_id=project_id, image__public_id=after)
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


def open_of(image_id: int) -> LabelDoubt | None:
    """Give the open doubt about an image, or None."""
    rows = LabelDoubt.objects.filter(image_id=image_id, state=LabelDoubtState.OPEN)
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
    )
    return set(rows.values_list("image_id", flat=True))


def found(project_id: int) -> Found:
    """Count what became of the doubts of a project."""
    if several.is_several(project_id):
        return _found_among_sets(project_id)
    rows = LabelDoubt.objects.filter(project_id=project_id)
    by_expert = rows.filter(annotation__isnull=False).aggregate(
        wrong=Count("pk", filter=Q(state__in=WRONG)),
        kept=Count("pk", filter=Q(state=LabelDoubtState.KEPT)),
        cant_tell=Count("pk", filter=Q(state=LabelDoubtState.CANT_TELL)),
    )
    answered = _asked(project_id, AssignmentState.ANSWERED)
    wrong, kept = by_expert["wrong"], by_expert["kept"]
    return Found(
        open=left(project_id),
        wrong=_share(wrong, wrong + kept),
        n_wrong=wrong,
        n_judged=wrong + kept,
        cant_tell=by_expert["cant_tell"],
        asked=asked(project_id),
        answered=answered.count(),
        otherwise=answered.filter(annotation__isnull=True, state__in=WRONG).count(),
    )


def _found_among_sets(project_id: int) -> Found:
    again = questions.answers_again(project_id)
    return Found(
        open=0,
        wrong=_share(0, 0),
        n_wrong=0,
        n_judged=0,
        cant_tell=0,
        asked=questions.asked_again(project_id),
        answered=again.answered,
        otherwise=again.otherwise,
        is_several=True,
    )


def _share(k: int, n: int) -> roster.Share:
    low, high = shares.wilson(k, n)
    return roster.Share(k / n if n else None, low, high, n)


@dataclass(frozen=True, slots=True)
class Outcome:
    """An open doubt whose label people have confirmed or changed.

    Attributes:
        doubt_id: the doubt.
        state: of its image now.
        is_same: whether the label it was doubted for still stands.
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


def _given(*states: str) -> QuerySet[Assignment]:
    return Assignment.objects.filter(image=OuterRef("image"), policy=DOUBTED, state__in=states)


def _asked(project_id: int, *states: str) -> QuerySet[LabelDoubt]:
    """Give the doubts that were handed out; by default those held or answered."""
    given = _given(*(states or (AssignmentState.OPEN, AssignmentState.ANSWERED)))
    return LabelDoubt.objects.filter(Exists(given), project_id=project_id)
