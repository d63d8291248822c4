"""Whether somebody may answer: paused by their gold answers or by staff, lifted by staff.

A pause takes nothing back: answers stand until somebody sets them aside (`services.quarantine`).
What the person holds is given back by who called, after the commit: giving images back locks
them, and an answer's transaction holds another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from labeling.consensus import skill
from labeling.models import Annotator, AnnotatorKind, PausedReason
from labeling.selectors import annotators
from labeling.selectors import gold as gold_selectors
from labeling.services.journal import record_event

if TYPE_CHECKING:
    from datetime import datetime

PAUSED_BY_STAFF = (
    "The coordinator has paused your labeling. Your answers are kept. "
    "Write to them if you would like to know why."
)
PAUSED_BY_SKILL = (
    "Some of your recent answers differ from what our experts say, so your labeling is paused for "
    "now. It happens: some of these pictures are hard to tell apart. Your answers are kept. "
    "Write to the coordinator, who can explain and let you go on."
)


def refusal(annotator: Annotator) -> str | None:
    """Give the sentence for somebody who may not answer now, or None."""
    stops = (annotator.paused_at, annotator.quarantined_at, annotator.anonymised_at)
    if not any(stops):
        return None
    is_by_skill = annotator.paused_reason == PausedReason.SKILL and annotator.quarantined_at is None
    return PAUSED_BY_SKILL if is_by_skill else PAUSED_BY_STAFF


def check(*, annotator: Annotator, now: datetime) -> bool:
    """Pause somebody whose gold answers show a skill below the project's floor; tell whether.

    Needs `skill_min_gold` gold answers and a probability of 95 % that their skill lies below
    `skill_floor`. A pause that staff have lifted sticks: only answers given since then count.
    Experts are not paused by gold, which is their own word.
    """
    project = annotator.project
    if annotator.paused_at is not None or annotator.kind != AnnotatorKind.PERSON:
        return False
    counted = gold_selectors.tally(annotator.pk, since=annotator.pause_lifted_at)
    if counted.wrong == 0 or not skill.below_floor(
        counted.right,
        counted.wrong,
        floor=project.skill_floor,
        min_gold=project.skill_min_gold,
    ):
        return False
    if annotators.is_expert(annotator):
        return False
    detail = {
        "reason": PausedReason.SKILL.value,
        "gold_right": counted.right,
        "gold_wrong": counted.wrong,
        "floor": project.skill_floor,
    }
    _pause(annotator, PausedReason.SKILL, None, detail, now)
    return True


def set_paused(
    *, annotator_id: int, is_paused: bool, user_id: int, now: datetime, why: str = ""
) -> Annotator:
    """Pause somebody, or lift their pause, by a person's word. Twice is as once.

    `services.roster.set_paused` gives back what they hold as well.
    """
    with transaction.atomic():
        annotator = Annotator.objects.select_for_update(no_key=True).get(pk=annotator_id)
        if is_paused and annotator.paused_at is None:
            detail = {"reason": PausedReason.STAFF.value, "why": why}
            _pause(annotator, PausedReason.STAFF, user_id, detail, now)
        elif not is_paused and annotator.paused_at is not None:
            _lift(annotator, user_id, why, now)
    return annotator


def _pause(
    annotator: Annotator,
    reason: PausedReason,
    user_id: int | None,
    detail: dict[str, Any],
    now: datetime,
) -> None:
    annotator.paused_at, annotator.paused_reason = now, reason
    annotator.save(update_fields=["paused_at", "paused_reason"])
    record_event(
        project_id=annotator.project_id,
        user_id=user_id,
        annotator_id=annotator.pk,
        verb="annotator_paused",
        target=str(annotator.public_id),
        detail=detail,
        now=now,
    )


def _lift(annotator: Annotator, user_id: int, why: str, now: datetime) -> None:
    was = annotator.paused_reason
    annotator.paused_at, annotator.paused_reason, annotator.pause_lifted_at = None, "", now
    annotator.save(update_fields=["paused_at", "paused_reason", "pause_lifted_at"])
    record_event(
        project_id=annotator.project_id,
        user_id=user_id,
        annotator_id=annotator.pk,
        verb="annotator_pause_lifted",
        target=str(annotator.public_id),
        detail={"was": was, "why": why},
        now=now,
    )
