"""Setting one person's answers aside, and taking them back in; either can be undone by the other.

The answers stay where they are. What was concluded from them is concluded again: consensus, skills
and all that annotators share become what they would be, had this person never answered; the head,
its evaluation and the gate follow, because they read consensus.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from labeling.errors import LabelingError
from labeling.models import (
    Annotation,
    AnnotationKind,
    Annotator,
    AnnotatorKind,
    AuditEvent,
    Consensus,
    CrowdModel,
    Image,
    Job,
    JobState,
    Project,
)
from labeling.selectors.votes import NO_VOTE
from labeling.services import crowd, gold_scores, slots
from labeling.services.journal import record_event

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from labeling.services.crowd import Claim, Clock

KIND = "replay"
AT_ONCE = 300
"""A project with so few answered images is replayed before the call returns."""


class NotAPersonError(LabelingError):
    """Labels that came with an import are taken back by another import."""

    code = "not_a_person"
    status = 409


def quarantine(
    *, annotator_id: int, user_id: int | None, now: datetime, clock: Clock, why: str = ""
) -> Job | None:
    """Set a person's answers aside; give the job that replays the project, None if they are.

    They cannot answer until it is lifted, and give back what they hold.

    Raises:
        NotAPersonError: the annotator stands for imported labels.
    """
    return _set(annotator_id, True, _Word(user_id, why, now), clock)


def lift(
    *, annotator_id: int, user_id: int | None, now: datetime, clock: Clock, why: str = ""
) -> Job | None:
    """Take a person's answers back in; give the job, None if they were never set aside.

    Raises:
        NotAPersonError: the annotator stands for imported labels.
    """
    return _set(annotator_id, False, _Word(user_id, why, now), clock)


def run_job(*, job_id: int, clock: Clock) -> bool:
    """Replay a project, or go on with a replay; tell whether this call did it.

    False where a sweep is at it just now, or another process replays: the job waits, and is found
    again by whoever looks for jobs that are due.

    Raises:
        TakenOverError: this process was silent for too long.
    """
    job = Job.objects.get(pk=job_id)
    if job.project_id is None or job.state not in (JobState.QUEUED, JobState.RUNNING):
        return False
    mine = crowd.claim(project_id=job.project_id, clock=clock)
    if mine is None:
        return False
    try:
        outcome = _replay(mine, job, clock)
    finally:
        mine.end()
    _jobs(job).update(
        state=JobState.SUCCEEDED,
        finished_at=clock(),
        result={"redecided": outcome.redecided, "relabeled": outcome.relabeled},
    )
    return True


@dataclass(frozen=True, slots=True)
class _Word:
    """Who of the staff said so, why and when."""

    user_id: int | None
    why: str
    now: datetime


def _set(annotator_id: int, is_aside: bool, word: _Word, clock: Clock) -> Job | None:
    with transaction.atomic():
        annotator = Annotator.objects.select_for_update(no_key=True).get(pk=annotator_id)
        if annotator.kind == AnnotatorKind.IMPORT:
            raise NotAPersonError(
                f"{annotator.display_name!r} stands for labels that came with an import."
            )
        if is_aside == (annotator.quarantined_at is not None):
            return None
        annotator.quarantined_at = word.now if is_aside else None
        annotator.save(update_fields=["quarantined_at"])
        record_event(
            project_id=annotator.project_id,
            user_id=word.user_id,
            annotator_id=annotator.pk,
            verb="annotator_quarantined" if is_aside else "quarantine_lifted",
            target=str(annotator.public_id),
            detail={"answers": _answers(annotator.pk).count(), "why": word.why},
            now=word.now,
        )
        _follow_flags(annotator, is_aside, word.now)
        job = _queue(annotator, word)
        transaction.on_commit(partial(_give_back, annotator.pk, word.now), robust=True)
    voted = Consensus.objects.filter(project_id=annotator.project_id, n_votes__gt=0)
    if voted[:AT_ONCE].count() < AT_ONCE:
        run_job(job_id=job.pk, clock=clock)
        job.refresh_from_db()
    return job


def _follow_flags(annotator: Annotator, is_aside: bool, now: datetime) -> None:
    """Put back what nobody else has flagged; lifted, flag again what staff did not keep."""
    flags = Annotation.objects.filter(kind=AnnotationKind.FLAG, withdrawn_at__isnull=True)
    mine = flags.filter(annotator=annotator).values("image_id")
    images = slots.lock_images(mine.values_list("image_id", flat=True))
    if is_aside:
        others = flags.filter(image_id__in=mine, annotator__quarantined_at__isnull=True)
        stay = set(others.values_list("image__public_id", flat=True))
    else:
        kept = AuditEvent.objects.filter(project_id=annotator.project_id, verb="image_kept")
        stay = {UUID(target) for target in kept.values_list("target", flat=True)}
    changed = [each for each in images if each.public_id not in stay]
    for image in changed:
        image.flagged_at = None if is_aside else image.flagged_at or now
    Image.objects.bulk_update(changed, ["flagged_at"], batch_size=200)


def _queue(annotator: Annotator, word: _Word) -> Job:
    """Make the job; one for each word of staff, so that none of two is lost."""
    CrowdModel.objects.update_or_create(
        project_id=annotator.project_id,
        defaults={"dirty_at": word.now},
        create_defaults={"dirty_at": word.now, "updated_at": word.now},
    )
    return Job.objects.create(
        project_id=annotator.project_id,
        kind=KIND,
        settings={"annotator": annotator.pk},
        created_by_id=word.user_id,
        created_at=word.now,
    )


def _replay(mine: Claim, job: Job, clock: Clock) -> crowd.SweepOutcome:
    """Decide what the person has touched again, fit, and decide everything else by the fit.

    Before it, whoever answered a gold image of theirs is scored with or without it. In this order:
    the first step takes their share out of everybody's counts, so that the fit finds
    the votes it reads.
    """
    now = clock()
    _jobs(job).update(
        state=JobState.RUNNING,
        started_at=job.started_at or now,
        heartbeat_at=now,
        fencing_token=F("fencing_token") + 1,
    )
    assert job.project_id is not None  # noqa: S101 - `run_job` has looked
    project = Project.objects.get(pk=job.project_id)
    aside = int(job.settings["annotator"])
    gold_scores.rescore_judged_by(aside, now)
    touched = _touched(aside)
    relabeled = 0
    for batch in crowd.batches(touched, crowd.BATCH):
        mine.beat()
        _, others = crowd.decide_batch(project, batch, clock(), keeps_skills=False)
        relabeled += others
        _jobs(job).update(heartbeat_at=clock())
    fitted = crowd.fit(mine, project_id=project.pk, tolerance=crowd.EXACT)

    def progress(done: int, total: int) -> None:
        _jobs(job).update(done=done, total=total, heartbeat_at=clock())

    outcome = crowd.decide_again(mine, project.pk, Q(), fitted, progress)
    if relabeled and not outcome.relabeled:
        crowd.announce(mine, project.pk)
    CrowdModel.objects.filter(project_id=project.pk, dirty_at__lte=now).update(dirty_at=None)
    return outcome


def _touched(annotator_id: int) -> list[int]:
    return sorted(_answers(annotator_id).values_list("image_id", flat=True).iterator())


def _answers(annotator_id: int) -> QuerySet[Annotation]:
    """Give what somebody says now; at most one answer an image."""
    live = Annotation.objects.filter(annotator_id=annotator_id, withdrawn_at__isnull=True)
    return live.exclude(kind__in=NO_VOTE)


def _jobs(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk)


def _give_back(annotator_id: int, now: datetime) -> None:
    """Hand what somebody holds to others at once."""
    from labeling.services import queue  # noqa: PLC0415 (asks who may claim; not on this path)

    queue.release(annotator_id=annotator_id, now=now)
