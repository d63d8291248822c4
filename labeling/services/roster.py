"""What staff do about people: pause, give a role, take a name away, tick off a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from labeling.errors import LabelingError
from labeling.models import Annotator, CoordinatorMessage, Membership, Role
from labeling.services import people, queue, standing
from labeling.services.journal import record_event

if TYPE_CHECKING:
    from datetime import datetime

ANONYMOUS = "Somebody"
LEADING = (Role.MANAGER, Role.OWNER)
REMOVED_TEXT = "(Removed with the name of who wrote it.)"


class NameDoesNotMatchError(LabelingError):
    """The name typed to confirm is not the one to be removed."""

    code = "name_does_not_match"


class NoAccountError(LabelingError):
    """A role hangs on an account; whoever joined without one answers as a volunteer."""

    code = "no_account"
    status = 409


class NotYoursToGiveError(LabelingError):
    """Only an owner makes and unmakes managers and owners."""

    code = "role_too_low"
    status = 403


class MessageNotFoundError(LabelingError):
    """No such message in this project."""

    code = "not_found"
    status = 404


def set_paused(
    *, annotator_id: int, is_paused: bool, user_id: int, now: datetime, why: str = ""
) -> None:
    """Pause somebody and hand what they hold to others, or lift their pause. Twice is as once."""
    standing.set_paused(
        annotator_id=annotator_id, is_paused=is_paused, user_id=user_id, why=why, now=now
    )
    if is_paused:
        queue.release(annotator_id=annotator_id, now=now)


def give_role(
    *, annotator_id: int, role: str | None, by_id: int, is_by_owner: bool, now: datetime
) -> None:
    """Give somebody another role, or none.

    Args:
        annotator_id: who.
        role: one of `Role`, or None to end their membership.
        by_id: who does it.
        is_by_owner: whether that is an owner; a manager deals in volunteers and experts alone.
        now: the time.

    Raises:
        NoAccountError: they joined without an account.
        NotYoursToGiveError: a manager gives or takes a manager's or an owner's role.
        LastOwnerError: the project would be left without an owner.
    """
    annotator = Annotator.objects.get(pk=annotator_id)
    if annotator.user_id is None:
        raise NoAccountError(
            f"{annotator.display_name} joined without an account and answers as a volunteer. "
            "Send them an invitation as an expert instead."
        )
    held = Membership.objects.filter(
        project_id=annotator.project_id, user_id=annotator.user_id, ended_at__isnull=True
    )
    before = held.values_list("role", flat=True).first()
    if before == role:
        return
    if not is_by_owner and (role in LEADING or before in LEADING):
        raise NotYoursToGiveError("Only an owner makes or unmakes managers and owners.")
    people.set_role(
        project_id=annotator.project_id,
        user_id=annotator.user_id,
        role=role,
        by_id=by_id,
        now=now,
    )


def anonymise(
    *, annotator_id: int, display_name: str, user_id: int, is_by_owner: bool, now: datetime
) -> None:
    """Take somebody's name out for good: their answers stay, nobody can tell whose they are.

    Their resume link stops working, their membership ends, what they wrote to the coordinator is
    removed, and what they hold goes to others. Gold they have set stays theirs, without the name:
    in quarantine it still counts for nobody. Twice is as once.

    Args:
        annotator_id: who.
        display_name: their name, typed again: this cannot be undone.
        user_id: who does it.
        is_by_owner: whether that is an owner: it ends a membership, as `give_role` does.
        now: the time.

    Raises:
        NameDoesNotMatchError: the name typed is another.
        NotYoursToGiveError: a manager takes a manager's or an owner's name, and role with it.
        LastOwnerError: the project would be left without an owner.
    """
    with transaction.atomic():
        annotator = Annotator.objects.select_for_update(no_key=True).get(pk=annotator_id)
        if annotator.anonymised_at is not None:
            return
        if display_name.strip() != annotator.display_name:
            raise NameDoesNotMatchError(
                "To remove a name, type it exactly as it is shown. This cannot be undone."
            )
        _end_membership(annotator, user_id, is_by_owner, now)
        annotator.display_name = f"{ANONYMOUS} {annotator.pk}"
        annotator.user_id, annotator.resume_digest, annotator.anonymised_at = None, None, now
        annotator.save(update_fields=["display_name", "user", "resume_digest", "anonymised_at"])
        annotator.messages.update(text=REMOVED_TEXT)
        annotator.gold_references.update(set_by=None)
        record_event(
            project_id=annotator.project_id,
            user_id=user_id,
            annotator_id=annotator.pk,
            verb="annotator_anonymised",
            target=str(annotator.public_id),
            now=now,
        )
    queue.release(annotator_id=annotator_id, now=now)


def mark_handled(
    *, project_id: int, message_id: int, is_handled: bool, user_id: int, now: datetime
) -> CoordinatorMessage:
    """Tick a message to the coordinator off, or untick it; ticking twice keeps the first time.

    Raises:
        MessageNotFoundError: the project has none of that id.
    """
    with transaction.atomic():
        found = CoordinatorMessage.objects.select_for_update(no_key=True, of=("self",))
        message = (
            found.select_related("annotator").filter(project_id=project_id, pk=message_id).first()
        )
        if message is None:
            raise MessageNotFoundError(f"This project has no message {message_id}.")
        if is_handled != (message.handled_at is not None):
            message.handled_at = now if is_handled else None
            message.save(update_fields=["handled_at"])
            record_event(
                project_id=project_id,
                user_id=user_id,
                annotator_id=message.annotator_id,
                verb="message_handled" if is_handled else "message_reopened",
                target=str(message_id),
                now=now,
            )
    return message


def _end_membership(annotator: Annotator, by_id: int, is_by_owner: bool, now: datetime) -> None:
    if annotator.user_id is not None:
        give_role(
            annotator_id=annotator.pk, role=None, by_id=by_id, is_by_owner=is_by_owner, now=now
        )
