"""The sweep: what all annotators of a project share, fitted anew from all votes.

What an answer can change, it changes at once (`services.consensus`). What only all votes together
can tell changes here, every five minutes or thousand votes: everybody's skill, the pooled
confusions, the trust in the classifier, the votes each label needs, the share of second opinions.

A sweep decides open and disputed images again, because what it has learnt may settle them. It never
touches an image that is decided: a label that people gave changes by people's answers only, not
because a number moved in the background. The exception is a replay (`services.quarantine`): with
somebody's answers set aside or taken back in, every image is decided again, as if they had never
answered, or always had.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction
from django.db.models import F, Q

from labeling import events
from labeling.consensus import em
from labeling.consensus.crowd import start_pool
from labeling.errors import LabelingError
from labeling.models import (
    Consensus,
    ConsensusState,
    CrowdModel,
    Mode,
    Project,
)
from labeling.selectors import crowd as crowd_selectors
from labeling.selectors import projects, vote_table
from labeling.selectors.consensus import data_version
from labeling.services import consensus, relabeling, skills, slots, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from labeling.consensus.em import Swept
    from labeling.models import Image
    from labeling.selectors.projects import SchemeView
    from labeling.selectors.vote_table import Told

    Clock = Callable[[], datetime]
    Progress = Callable[[int, int], None]

SILENT_AT_MOST = timedelta(seconds=60)
BATCH = 200
TOLERANCE = 0.01
"""A posterior that has moved by less than this is not written again by a sweep."""
EXACT = 1e-7
# Between batches, so that an answer that waits for SQLite's one writer gets its turn.
BREATH_S = 0.002


class TakenOverError(LabelingError):
    """Another process sweeps this project now: this one was silent for too long."""

    code = "taken_over"
    status = 409


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """What a sweep did; all zero where another process is at it.

    Attributes:
        is_ours: whether this call did it.
        n_votes: votes read.
        steps: of the fit.
        moved: images whose contribution to skills was written again.
        redecided: images whose row changed.
        relabeled: of those, the ones whose state or label is another one now.
    """

    is_ours: bool = False
    n_votes: int = 0
    steps: int = 0
    moved: int = 0
    redecided: int = 0
    relabeled: int = 0


@dataclass(slots=True)
class Claim:
    """The right to write a project's crowd model, until somebody else takes it."""

    crowd_id: int
    token: int
    clock: Clock
    written: dict[str, Any] = field(default_factory=dict)

    def beat(self, **fields: Any) -> None:
        """Write, and show that this process is alive.

        Raises:
            TakenOverError: another process has claimed it since.
        """
        mine = CrowdModel.objects.filter(pk=self.crowd_id, fencing_token=self.token)
        if not mine.update(heartbeat_at=self.clock(), **fields):
            raise TakenOverError("Another process sweeps this project; this one was too slow.")

    def end(self) -> None:
        """Let the next one begin at once."""
        CrowdModel.objects.filter(pk=self.crowd_id, fencing_token=self.token).update(
            heartbeat_at=None
        )


def claim(*, project_id: int, clock: Clock) -> Claim | None:
    """Claim a project's crowd model, or give None while a live process has it."""
    now = clock()
    row, _ = CrowdModel.objects.get_or_create(project_id=project_id, defaults={"updated_at": now})
    is_free = Q(heartbeat_at__isnull=True) | Q(heartbeat_at__lte=now - SILENT_AT_MOST)
    taken = CrowdModel.objects.filter(is_free, pk=row.pk, fencing_token=row.fencing_token).update(
        fencing_token=F("fencing_token") + 1, heartbeat_at=now
    )
    return Claim(row.pk, row.fencing_token + 1, clock) if taken else None


def sweep(*, project_id: int, clock: Clock) -> SweepOutcome:
    """Fit the crowd of a project, and decide what is still open again.

    Safe at any time and any number of times; answers go on meanwhile. An image that was answered
    while the sweep ran keeps what that answer wrote; the next sweep sees it.

    Raises:
        TakenOverError: this process was silent for too long and another one took over.
    """
    mine = claim(project_id=project_id, clock=clock)
    if mine is None:
        return SweepOutcome()
    try:
        outcome = fit(mine, project_id=project_id, tolerance=TOLERANCE)
        waiting = Q(state__in=(ConsensusState.OPEN, ConsensusState.DISPUTED))
        return decide_again(mine, project_id, waiting, outcome)
    finally:
        mine.end()


def fit(mine: Claim, *, project_id: int, tolerance: float) -> SweepOutcome:
    """Read all votes, fit, and write the shared model and everybody's counts.

    `tolerance` is the change of an image's posterior from which on its contribution to the counts
    is written again.
    """
    started = time.perf_counter()
    project = projects.by_id(project_id)
    if project.mode == Mode.MULTI:
        mine.beat(last_annotation_id=data_version(project_id), swept_at=mine.clock())
        return SweepOutcome(is_ours=True)
    last = data_version(project_id)
    scheme = projects.current_scheme(project_id)
    told = vote_table.read(project_id, scheme)
    mine.beat()
    n_outcomes = len(crowd_selectors.outcomes(scheme))
    swept = em.sweep(
        told.table,
        n_outcomes=n_outcomes,
        n_annotators=len(told.annotator_ids),
        start=start_pool(n_outcomes),
        risk=project.retirement_risk,
    )
    detail = {
        "version": uuid.uuid4().hex,
        "steps": swept.steps,
        "log_likelihood": swept.log_likelihood,
        "images": len(told.image_ids),
        "annotators": len(told.annotator_ids),
        "fit_s": time.perf_counter() - started,
    }
    _write_pool(mine, scheme, swept, detail, n_votes=told.n_votes, last=last)
    moved = _write_counts(mine, scheme, told, swept, tolerance)
    _drop_stale(mine, project, told)
    mine.beat(**relabeling.share(project, scheme, np.random.default_rng([project.seed, last])))
    return SweepOutcome(True, told.n_votes, swept.steps, moved)


def decide_again(
    mine: Claim,
    project_id: int,
    which: Q,
    outcome: SweepOutcome,
    progress: Progress = lambda done, total: None,
) -> SweepOutcome:
    """Decide voted images again by what was just fitted, batch by batch; count what changed.

    Experts' decisions stand whatever the fit says. Skills stay as the fit has left them.
    """
    project = projects.by_id(project_id)
    found = Consensus.objects.filter(which, project_id=project_id, is_expert=False, n_votes__gt=0)
    ids = list(found.order_by("image_id").values_list("image_id", flat=True))
    redecided = relabeled = done = 0
    for chunk in batches(ids, BATCH):
        mine.beat()
        changed, others = decide_batch(project, chunk, mine.clock(), keeps_skills=True)
        redecided, relabeled, done = redecided + changed, relabeled + others, done + len(chunk)
        progress(done, len(ids))
    if relabeled:
        announce(mine, project_id)
    return SweepOutcome(True, outcome.n_votes, outcome.steps, outcome.moved, redecided, relabeled)


@transaction.atomic
def decide_batch(
    project: Project, image_ids: Sequence[int], now: datetime, *, keeps_skills: bool
) -> tuple[int, int]:
    """Decide some images under their locks; give how many rows changed, and how many labels.

    What follows from a decision follows here too: free slots, and the experts' queue.
    """
    images = slots.lock_images(image_ids)
    rows = Consensus.objects.filter(image_id__in=image_ids)
    before = {
        image_id: (state, label_id)
        for image_id, state, label_id in rows.values_list("image_id", "state", "label_id")
    }
    changed = consensus.update_many(
        project=project, images=images, now=now, keeps_skills=keeps_skills
    )
    other = {row.image_id: row for row in changed if before.get(row.image_id) != _said(row)}
    changed_ids = {row.image_id for row in changed}
    touched = [image for image in images if image.pk in changed_ids]
    slots.recount(project, touched, now)
    _open_disputes(project, touched, other, now)
    return len(changed), len(other)


def announce(mine: Claim, project_id: int) -> None:
    """Say that labels have changed without an answer: head and evaluation follow."""
    with transaction.atomic():
        mine.beat(label_changes=F("label_changes") + 1)
        events.send_on_commit(events.labels_changed, project_id=project_id)


def batches(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Cut ids into batches, with a breath between them."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
        time.sleep(BREATH_S)


def _said(row: Consensus) -> tuple[str, int | None]:
    return row.state, row.label_id


def _open_disputes(
    project: Project, images: Sequence[Image], other: dict[int, Consensus], now: datetime
) -> None:
    for image in images:
        row = other.get(image.pk)
        if row is not None and row.state == ConsensusState.DISPUTED:
            windows.open_dispute(project, image, now)


def _write_pool(
    mine: Claim,
    scheme: SchemeView,
    swept: Swept,
    detail: dict[str, Any],
    *,
    n_votes: int,
    last: int,
) -> None:
    codes = crowd_selectors.outcomes(scheme)
    now = mine.clock()
    mine.beat(
        scheme_id=scheme.id,
        alpha=swept.pool.alpha,
        beta=swept.pool.beta,
        confusion=np.ascontiguousarray(swept.pool.confusion, dtype=np.float64).tobytes(),
        prior_weight=swept.pool.prior_weight,
        minimum_votes=dict(zip(codes, swept.pool.minimum_votes.tolist(), strict=True)),
        frequency=dict(zip(codes, swept.pool.shares.tolist(), strict=True)),
        n_votes=n_votes,
        last_annotation_id=last,
        detail=detail,
        swept_at=now,
        updated_at=now,
    )


def _write_counts(
    mine: Claim,
    scheme: SchemeView,
    told: Told,
    swept: Swept,
    tolerance: float,
) -> int:
    """Bring every image's contribution to skills up to the fit; give how many were written."""
    codes = crowd_selectors.outcomes(scheme)
    moved = 0
    for places in batches(range(len(told.image_ids)), BATCH):
        fresh = {
            int(told.image_ids[place]): skills.record(
                told.votes_of(place), swept.posteriors[place].astype(np.float64), codes
            )
            for place in places
        }
        stale = _stale(fresh, tolerance)
        if stale:
            mine.beat()
            moved += _move(stale, scheme, mine.clock())
    return moved


def _drop_stale(mine: Claim, project: Project, told: Told) -> None:
    """Take back what images have added that tell nothing any more, as where a label was retired."""
    counted = Consensus.objects.filter(project=project, counted__isnull=False).order_by("image_id")
    ids = np.fromiter(counted.values_list("image_id", flat=True).iterator(), dtype=np.int64)
    for gone in batches(np.setdiff1d(ids, told.image_ids).tolist(), BATCH):
        mine.beat()
        decide_batch(project, gone, mine.clock(), keeps_skills=True)


def _stale(fresh: dict[int, dict[str, Any]], tolerance: float) -> dict[int, dict[str, Any]]:
    """Give the records that differ from the stored ones by more than the tolerance."""
    stored = dict(
        Consensus.objects.filter(image_id__in=list(fresh)).values_list("image_id", "counted")
    )
    return {
        image_id: record
        for image_id, record in fresh.items()
        if image_id in stored and skills.distance(stored[image_id], record) > tolerance
    }


@transaction.atomic
def _move(records: dict[int, dict[str, Any]], scheme: SchemeView, now: datetime) -> int:
    """Write records of images whose votes are still those that the fit has seen."""
    slots.lock_images(records)
    return consensus.recount_skills(records, scheme=scheme, now=now)
