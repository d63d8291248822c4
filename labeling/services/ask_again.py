"""Asking about images again whose label says too little now: it was split, or its group dissolved.

Answers that named it are withdrawn by compensating rows, and their images decided anew. Of many
images that takes longer than anybody waits for a page (3 s for 4,000, the others held up), so what
is measured and a first part are done at once and the rest is a job. Until the job comes to an image
its answers are read through the kept step: it is held to be each of the new labels alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q

from labeling import events
from labeling.models import (
    Annotation,
    AnnotationLabel,
    Consensus,
    CrowdModel,
    GoldReference,
    Image,
    Job,
    JobState,
    Partition,
    Project,
)
from labeling.services import crowd, gold_stream, reopening

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from labeling.models import Label
    from labeling.services.crowd import Clock

KIND = "ask_again"
AT_ONCE = 1000
"""So many images of the pool are asked about again before the call returns."""
BATCH = 500


def begin(*, project: Project, label: Label, named: Collection[int], now: datetime) -> int:
    """Ask again about the images of a label that has left the scheme; count the answers.

    Inside the transaction in which it leaves. Audit images are all done when it returns: they count
    neither as right nor as wrong from then on.

    Args:
        project: its row is locked.
        label: what left.
        named: it, and the labels that were merged into it before.
        now: the time.
    """
    n_answers = _said(named).count()
    is_measured = Q(partition=Partition.AUDIT)
    measured = _touched(label, named).filter(is_measured)
    others = _touched(label, named).exclude(is_measured).order_by("pk")
    first = list(others.values_list("pk", flat=True)[:AT_ONCE])
    _withdraw_gold(named, now)
    _ask(project, named, [*measured.values_list("pk", flat=True), *first], now)
    if len(first) == AT_ONCE:
        given = {"label": label.pk, "named": sorted(named), "after": first[-1]}
        Job.objects.create(project=project, kind=KIND, settings=given, created_at=now)
    return n_answers


def run_job(*, job_id: int, clock: Clock) -> None:
    """Ask about the images that are left, a batch a transaction; go on where it was left.

    Twice at the same time does no harm: an answer is withdrawn once, under the lock of its image.
    """
    job = Job.objects.select_related("project").get(pk=job_id)
    project = job.project
    if project is None or job.state not in (JobState.QUEUED, JobState.RUNNING):
        return
    rows = Job.objects.filter(pk=job_id)
    started = job.started_at or clock()
    rows.update(state=JobState.RUNNING, started_at=started, heartbeat_at=clock())
    label, named = project.labels.get(pk=job.settings["label"]), job.settings["named"]
    later = _touched(label, named).filter(pk__gt=job.settings["after"])
    later = later.exclude(partition=Partition.AUDIT).order_by("pk")
    left = list(later.values_list("pk", flat=True))
    rows.update(total=job.done + len(left))
    for batch in crowd.batches(left, BATCH):
        with transaction.atomic():
            _ask(project, named, batch, clock())
            rows.update(
                settings={**job.settings, "after": batch[-1]},
                done=F("done") + len(batch),
                heartbeat_at=clock(),
            )
    with transaction.atomic():
        tell(project, clock())
        rows.update(state=JobState.SUCCEEDED, finished_at=clock())


def tell(project: Project, now: datetime) -> None:
    """Let head, evaluation and gate see that labels have changed without an answer."""
    CrowdModel.objects.get_or_create(project=project, defaults={"updated_at": now})
    CrowdModel.objects.filter(project=project).update(label_changes=F("label_changes") + 1)
    events.send_on_commit(events.labels_changed, project_id=project.pk)


def _said(named: Collection[int]) -> QuerySet[Annotation]:
    """Give the live answers that named one of the labels."""
    rows = AnnotationLabel.objects.filter(label_id__in=named).values("annotation_id")
    return Annotation.objects.filter(pk__in=rows, withdrawn_at__isnull=True)


def _touched(label: Label, named: Collection[int]) -> QuerySet[Image]:
    """Give the images whose answers named it, or that have it."""
    has_it = Consensus.objects.filter(label=label).values("image_id")
    rows = Image.objects.filter(project_id=label.project_id)
    return rows.filter(pk__in=_said(named).values("image_id").union(has_it))


def _withdraw_gold(named: Collection[int], now: datetime) -> None:
    also = GoldReference.further.through.objects.filter(label_id__in=named)
    references = GoldReference.objects.filter(
        Q(label_id__in=named) | Q(pk__in=also.values("goldreference_id")),
        withdrawn_at__isnull=True,
    )
    gold = list(references.values_list("image_id", flat=True))
    if references.update(withdrawn_at=now):
        gold_stream.close_entries(gold, now)


def _ask(project: Project, named: Collection[int], image_ids: Sequence[int], now: datetime) -> None:
    for start in range(0, len(image_ids), BATCH):
        batch = image_ids[start : start + BATCH]
        said = _said(named).filter(image_id__in=batch)
        reopening.withdraw(project=project, said=said, now=now, also=batch)
