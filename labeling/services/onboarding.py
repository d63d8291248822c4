"""A newcomer's first round: gold images, each explained after the answer.

The images come from the gold stream and look like all others before the answer. They take no
serve number: the blocks of 100 keep their shares.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from labeling.models import (
    Annotation,
    AnnotationKind,
    Annotator,
    Assignment,
    AssignmentState,
    QueueEntry,
    QueueEntryState,
    Reason,
)
from labeling.selectors import gold as gold_selectors
from labeling.selectors import onboarding as selectors
from labeling.services import standing

if TYPE_CHECKING:
    from datetime import datetime

    from labeling.models import Project

NO_NUMBER = -1
"""The serve number of images outside the blocks; they come before all numbered ones."""


def hand_out(
    *, project: Project, annotator: Annotator, client: str, size: int, now: datetime
) -> bool:
    """Give a newcomer's tab the images of their first round; tell whether more are to be opened.

    Two attributes are all it looks at for everybody else. True: references wait outside the
    queue's window and the round needs them; top up and call again.

    Args:
        size: how many images the tab is to hold in all.
    """
    if not selectors.may_be_newcomer(project, annotator):
        return False
    return _hand_out(project, annotator, client, size, now)


@transaction.atomic
def _hand_out(
    project: Project, annotator: Annotator, client: str, size: int, now: datetime
) -> bool:
    # Two tabs of one person come one after the other.
    annotator = Annotator.objects.select_for_update(no_key=True).get(pk=annotator.pk)
    if standing.refusal(annotator) is not None:
        return False
    if not selectors.is_newcomer(project, annotator):
        _finish(annotator, now)
        return False
    done = selectors.answered(annotator.pk)
    if done >= project.onboarding_images:
        _finish(annotator, now)
        return False
    in_tab = Assignment.objects.filter(
        annotator=annotator, client=client, state=AssignmentState.OPEN, expires_at__gt=now
    ).count()
    missing = project.onboarding_images - done - selectors.held(annotator.pk, now)
    wanted = min(missing, size - in_tab)
    entries = _pick(project.pk, annotator.pk, wanted) if wanted > 0 else []
    Assignment.objects.bulk_create(
        _assignment(project, annotator, client, entry, now) for entry in entries
    )
    if len(entries) >= wanted:
        return False
    if gold_selectors.waiting(project.pk).exists():
        return True
    if missing == project.onboarding_images - done and not entries:
        _finish_where_nothing_is_left(project.pk, annotator, now)
    return False


def follow(annotation: Annotation, now: datetime) -> None:
    """End a round with the answer to its last image; inside the transaction that stores it."""
    assignment = annotation.assignment
    if assignment is None or assignment.policy != gold_selectors.ONBOARDING:
        return
    if selectors.answered(annotation.annotator_id) >= annotation.project.onboarding_images:
        _finish(annotation.annotator, now)


def _pick(project_id: int, annotator_id: int, count: int) -> list[QueueEntry]:
    """Take gold entries that this person has neither answered nor holds, the most urgent first.

    An entry that another transaction is busy with is passed over: this one never waits.
    """
    answered = Annotation.objects.filter(
        image=OuterRef("image"), annotator_id=annotator_id, withdrawn_at__isnull=True
    ).exclude(kind=AnnotationKind.UNDO)
    held = Assignment.objects.filter(
        image=OuterRef("image"), annotator_id=annotator_id, state=AssignmentState.OPEN
    )
    entries = list(
        QueueEntry.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .filter(
            ~Exists(answered),
            ~Exists(held),
            project_id=project_id,
            reason=Reason.GOLD,
            state=QueueEntryState.OPEN,
            open_slots__gt=0,
            image__flagged_at__isnull=True,
            image__removed_at__isnull=True,
        )
        .order_by("-priority", "pk")[:count]
    )
    QueueEntry.objects.filter(pk__in=[entry.pk for entry in entries]).update(
        open_slots=F("open_slots") - 1
    )
    return entries


def _assignment(
    project: Project, annotator: Annotator, client: str, entry: QueueEntry, now: datetime
) -> Assignment:
    return Assignment(
        project=project,
        annotator=annotator,
        client=client,
        image_id=entry.image_id,
        entry=entry,
        reason=Reason.GOLD,
        policy=gold_selectors.ONBOARDING,
        selection_probability=entry.selection_probability,
        serve_number=NO_NUMBER,
        created_at=now,
        expires_at=now + timedelta(seconds=project.assignment_ttl_s),
    )


def _finish(annotator: Annotator, now: datetime) -> None:
    Annotator.objects.filter(pk=annotator.pk, onboarded_at__isnull=True).update(onboarded_at=now)


def _finish_where_nothing_is_left(project_id: int, annotator: Annotator, now: datetime) -> None:
    """Let somebody go on who has seen every reference there is."""
    if not selectors.unseen(project_id, annotator.pk):
        _finish(annotator, now)
