"""Training runs as units of work (rule 6): requested, claimed, kept alive, fenced off, closed.

One run of a kind is active a project, by a constraint. A claim raises the fencing token, so a
worker that was thought dead can no longer write anything when it wakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from ml.errors import MlError
from ml.models import TrainingKind, TrainingRun, TrainingState

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

ACTIVE = (TrainingState.QUEUED, TrainingState.RUNNING)
STALE_AFTER = {
    TrainingKind.HEAD: timedelta(seconds=30),
    TrainingKind.FINETUNE: timedelta(minutes=5),
}
"""A refit takes a second and a fine-tune beats once a batch; older claims belong to the dead."""

ERROR_LENGTH = 2000


class FencedOffError(MlError):
    """Another worker has taken this run over; whatever this one found must not be written."""

    code = "fenced_off"
    status = 409


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write a run's results, as long as the token is the newest."""

    run_id: int
    token: int

    def beat(self, *, now: datetime, **fields: Any) -> None:
        """Write a heartbeat and `fields` of the run.

        Raises:
            FencedOffError: somebody else claimed the run since; stop at once.
        """
        mine = TrainingRun.objects.filter(
            pk=self.run_id, fencing_token=self.token, state=TrainingState.RUNNING
        )
        if not mine.update(heartbeat_at=now, **fields):
            raise FencedOffError(
                f"Run {self.run_id} was taken over while this worker was at it; its result is "
                "dropped. The other worker's counts.",
                run_id=self.run_id,
            )

    def close(self, *, state: str, now: datetime, **fields: Any) -> None:
        """End the run. Raises FencedOffError as `beat` does."""
        self.beat(now=now, state=state, finished_at=now, **fields)


class Closing:
    """Close a run as FAILED, with the error, where the block it guards fails; the error rises."""

    def __init__(self, claim: Claim, now: datetime) -> None:
        """Guard the run of `claim`."""
        self.claim, self.now = claim, now

    def __enter__(self) -> Self:
        """Begin to guard."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write the failure down, unless the run belongs to somebody else by now."""
        if error is None or isinstance(error, FencedOffError):
            return
        TrainingRun.objects.filter(
            pk=self.claim.run_id, fencing_token=self.claim.token, state=TrainingState.RUNNING
        ).update(
            state=TrainingState.FAILED,
            error=f"{type(error).__name__}: {error}"[:ERROR_LENGTH],
            finished_at=self.now,
        )


def active(project_id: int, kind: str) -> TrainingRun | None:
    """Give the queued or running run of a kind."""
    return TrainingRun.objects.filter(project_id=project_id, kind=kind, state__in=ACTIVE).first()


def newest_ended(project_id: int, kind: str) -> TrainingRun | None:
    """Give the last run of a kind that came to an end."""
    ended = TrainingRun.objects.filter(project_id=project_id, kind=kind)
    return ended.exclude(state__in=ACTIVE).order_by("-pk").first()


def is_claimable(run: TrainingRun, now: datetime) -> bool:
    """Tell whether a run waits, or its worker has died."""
    if run.state == TrainingState.QUEUED or run.heartbeat_at is None:
        return True
    return run.heartbeat_at < now - STALE_AFTER[TrainingKind(run.kind)]


def request(
    *,
    project_id: int,
    kind: str,
    trigger: str,
    now: datetime,
    settings: dict[str, Any] | None = None,
) -> tuple[TrainingRun, bool]:
    """Queue a run, or give the active one; and whether it is new."""
    try:
        with transaction.atomic():
            made = TrainingRun.objects.create(
                project_id=project_id,
                kind=kind,
                trigger=trigger,
                settings=settings or {},
                created_at=now,
            )
    except IntegrityError:
        found = active(project_id, kind)
        if found is None:  # it ended between the two statements
            return request(
                project_id=project_id, kind=kind, trigger=trigger, now=now, settings=settings
            )
        return found, False
    return made, True


def claim(*, run: TrainingRun, now: datetime) -> Claim | None:
    """Take a queued run, or one whose worker has died; None where it is in living hands."""
    is_free = Q(state=TrainingState.QUEUED) | Q(
        state=TrainingState.RUNNING, heartbeat_at__lt=now - STALE_AFTER[TrainingKind(run.kind)]
    )
    row = TrainingRun.objects.filter(pk=run.pk)
    taken = row.filter(is_free, fencing_token=run.fencing_token).update(
        state=TrainingState.RUNNING,
        fencing_token=F("fencing_token") + 1,
        heartbeat_at=now,
        started_at=now,
    )
    return Claim(run.pk, run.fencing_token + 1) if taken else None
