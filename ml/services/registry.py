"""The registry's writers: make a version, move the champion pointer, roll it back, prune.

The pointer moves by one conditional UPDATE; the states of the versions change in the same
transaction. Whoever loses the race changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import Max, Q

from labeling.services import journal
from ml.errors import MlError
from ml.models import (
    Champion,
    Comparison,
    ComparisonDecision,
    ComparisonKind,
    EmbeddingSet,
    EmbeddingSetState,
    Evidence,
    ModelKind,
    ModelState,
    ModelVersion,
)
from ml.selectors import registry

if TYPE_CHECKING:
    from datetime import datetime

VERSIONS_WITH_WEIGHTS = 50
NUMBER_TRIES = 5
OVERTAKEN = "Not served: another version came to serve before anybody said yes to this one."


class PointerMovedError(MlError):
    """The champion is no longer the one this promotion started from."""

    code = "pointer_moved"
    status = 409


class NothingToRollBackToError(MlError):
    """No earlier version of this project has weights."""

    code = "nothing_to_roll_back_to"
    status = 409


class NotAVersionToServeError(MlError):
    """The version asked for cannot serve: it lost its weights, or its backbone's vectors."""

    code = "version_cannot_serve"
    status = 409


def create_version(*, project_id: int, **fields: Any) -> ModelVersion:
    """Make the next version of a project as a challenger; numbers have no gaps by race."""
    for _ in range(NUMBER_TRIES):
        newest = ModelVersion.objects.filter(project_id=project_id).aggregate(n=Max("number"))["n"]
        try:
            with transaction.atomic():
                return ModelVersion.objects.create(
                    project_id=project_id, number=(newest or 0) + 1, **fields
                )
        except IntegrityError:  # the slow loop took the number; the next one is free
            continue
    raise PointerMovedError(f"No free version number after {NUMBER_TRIES} tries; try again.")


def promote(
    *, project_id: int, version_id: int, expected_id: int | None, now: datetime, verdict: str = ""
) -> None:
    """Make a version the champion, if the champion still is `expected_id` (None: there is none).

    Raises:
        PointerMovedError: it is not; nothing was changed. The newer champion stays.
    """
    with transaction.atomic():
        _move_pointer(project_id, version_id, expected_id, now)
        if expected_id is not None:
            ModelVersion.objects.filter(pk=expected_id, state=ModelState.CHAMPION).update(
                state=ModelState.RETIRED, retired_at=now
            )
        fields: dict[str, Any] = {"verdict": verdict} if verdict else {}
        ModelVersion.objects.filter(pk=version_id).update(
            state=ModelState.CHAMPION, promoted_at=now, retired_at=None, **fields
        )
        withdraw_offers(project_id=project_id, but_id=version_id, why=OVERTAKEN, now=now)


def prove(*, project_id: int, version_id: int, verdict: str, now: datetime) -> None:
    """Call a version proven; the monitor compares with it from now on, once it has served.

    A challenger that nobody has let serve is proven as well, but no head is rolled back to it.
    """
    with transaction.atomic():
        ModelVersion.objects.filter(pk=version_id).update(evidence=Evidence.PROVEN, verdict=verdict)
        version = ModelVersion.objects.defer("head").get(pk=version_id)
        if version.promoted_at is not None:
            refer_to(project_id=project_id, version_id=version_id, now=now)
        journal.record_event(
            project_id=project_id,
            verb="version_proven",
            target=f"v{version.number}",
            detail={"verdict": verdict},
            now=now,
        )


def refer_to(*, project_id: int, version_id: int, now: datetime) -> None:
    """Let a proven version that serves or served be what heads are compared with from now on.

    Comparisons with the one proven before are superseded: their questions are answered.
    """
    Champion.objects.filter(project_id=project_id).update(proven_id=version_id)
    Comparison.objects.filter(project_id=project_id, decision=ComparisonDecision.RUNNING).filter(
        Q(kind=ComparisonKind.MONITOR) | ~Q(challenger_id=version_id, kind="CERTIFICATION")
    ).update(decision=ComparisonDecision.SUPERSEDED, updated_at=now)


def withdraw_offers(*, project_id: int, but_id: int, why: str, now: datetime) -> None:
    """Retire heads that wait for a manager's yes: what they were compared with has changed."""
    waiting = ModelVersion.objects.filter(
        project_id=project_id, kind=ModelKind.HEAD, state=ModelState.CHALLENGER
    ).exclude(pk=but_id)
    ids = list(waiting.values_list("pk", flat=True))
    if not ids:
        return
    waiting.filter(pk__in=ids).update(state=ModelState.RETIRED, retired_at=now, verdict=why)
    Comparison.objects.filter(challenger_id__in=ids, decision=ComparisonDecision.RUNNING).update(
        decision=ComparisonDecision.SUPERSEDED, updated_at=now
    )


def reject(*, version_id: int, verdict: str, gate: dict[str, Any], now: datetime) -> None:
    """Refuse a version that does not serve."""
    ModelVersion.objects.filter(pk=version_id).exclude(state=ModelState.CHAMPION).update(
        state=ModelState.REJECTED, verdict=verdict, gate=gate, retired_at=now
    )


def roll_back(
    *,
    project_id: int,
    to_version_id: int | None,
    user_id: int | None,
    reason: str,
    now: datetime,
    expected_id: int | None = None,
) -> ModelVersion:
    """Move the champion pointer back, and reject the version that served.

    Args:
        project_id: the project.
        to_version_id: what shall serve; None takes the last proven version, or where that is the
            champion itself (or there is none) the one that served before.
        user_id: who asked; None where the monitor did.
        reason: the rejected version's verdict, one plain sentence.
        now: the time.
        expected_id: the champion this was decided about; None takes the present one.

    Raises:
        NothingToRollBackToError: there is no champion, or nothing before it.
        NotAVersionToServeError: that version has no weights any more.
        PointerMovedError: another champion serves by now.
    """
    current = registry.champion(project_id)
    if current is None:
        raise NothingToRollBackToError("This project has no classifier to roll back.")
    if expected_id is not None and current.version_id != expected_id:
        raise PointerMovedError("Another version serves by now; look again before rolling back.")
    target = _target(project_id, current, to_version_id)
    with transaction.atomic():
        _move_pointer(project_id, target.pk, current.version_id, now)
        ModelVersion.objects.filter(pk=current.version_id).update(
            state=ModelState.REJECTED, verdict=reason, retired_at=now
        )
        ModelVersion.objects.filter(pk=target.pk).update(state=ModelState.CHAMPION, retired_at=None)
        # Its backbone may have been retired since: images that came later get their vectors.
        EmbeddingSet.objects.filter(
            pk=target.embedding_set_id, state=EmbeddingSetState.RETIRED
        ).update(state=EmbeddingSetState.BUILDING)
        if current.proven_id == current.version_id:
            proven_id = target.pk if registry.is_proven(target) else None
            Champion.objects.filter(project_id=project_id).update(proven_id=proven_id)
        Comparison.objects.filter(
            project_id=project_id,
            challenger_id=current.version_id,
            decision=ComparisonDecision.RUNNING,
        ).update(decision=ComparisonDecision.SUPERSEDED, updated_at=now)
        withdraw_offers(project_id=project_id, but_id=target.pk, why=OVERTAKEN, now=now)
        journal.record_event(
            project_id=project_id,
            verb="version_rolled_back",
            user_id=user_id,
            target=f"v{target.number}",
            detail={"from": current.number, "to": target.number, "reason": reason},
            now=now,
        )
    target.refresh_from_db()
    return target


def prune(*, project_id: int) -> int:
    """Drop the weights of superseded unproven versions but the newest 50; give how many."""
    newest = ModelVersion.objects.filter(project_id=project_id).order_by("-number", "-pk")
    kept = list(newest.values_list("number", flat=True)[:VERSIONS_WITH_WEIGHTS])
    if len(kept) < VERSIONS_WITH_WEIGHTS:
        return 0
    running = Comparison.objects.filter(project_id=project_id, decision=ComparisonDecision.RUNNING)
    needed = [pk for pair in running.values_list("challenger_id", "reference_id") for pk in pair]
    pointers = Champion.objects.filter(project_id=project_id)
    needed += [pk for pair in pointers.values_list("model_version_id", "proven_id") for pk in pair]
    return (
        ModelVersion.objects.filter(project_id=project_id, number__lt=min(kept))
        .filter(head__isnull=False, evidence=Evidence.PROVISIONAL)
        .exclude(state__in=(ModelState.CHAMPION, ModelState.CHALLENGER))
        .exclude(pk__in=[pk for pk in needed if pk is not None])
        .update(head=None)
    )


def _move_pointer(project_id: int, version_id: int, expected_id: int | None, now: datetime) -> None:
    """Point at a version by one statement; inside the caller's transaction."""
    if expected_id is None:
        _, moved = Champion.objects.get_or_create(
            project_id=project_id, defaults={"model_version_id": version_id, "moved_at": now}
        )
    else:
        moved = bool(
            Champion.objects.filter(project_id=project_id, model_version_id=expected_id).update(
                model_version_id=version_id, moved_at=now
            )
        )
    if not moved:
        raise PointerMovedError(
            "Another version became the champion meanwhile; this one was not deployed.",
            project_id=project_id,
        )


def _target(
    project_id: int, current: registry.ChampionView, to_version_id: int | None
) -> ModelVersion:
    if to_version_id is not None:
        wanted = ModelVersion.objects.get(pk=to_version_id, project_id=project_id)
    elif current.proven_id is not None and current.proven_id != current.version_id:
        wanted = ModelVersion.objects.get(pk=current.proven_id)
    else:
        found = registry.previous(project_id, current.number)
        if found is None:
            raise NothingToRollBackToError(
                f"v{current.number} is the only version with weights; there is nothing before it."
            )
        wanted = found
    if wanted.head is None or wanted.pk == current.version_id:
        why = "serves already" if wanted.pk == current.version_id else "lost its weights"
        raise NotAVersionToServeError(
            f"v{wanted.number} {why}; choose another version.", version=wanted.number
        )
    return wanted
