"""The fast loop: new answers, a new head, its check, the pointer, the pool, the queue.

One refit runs a project and at most one waits: whoever comes while one runs goes home, and the one
that runs looks for newer answers when it is done. The pointer moves before the pool is rescored, so
that the answer's classifier serves as soon as it can.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.db import transaction

from labeling.selectors import consensus, projects
from ml.heads import challenger, codec, judged
from ml.models import (
    ModelKind,
    ModelState,
    ModelVersion,
    TrainingKind,
    TrainingRun,
    TrainingState,
)
from ml.services import (
    budget,
    certification,
    deployment,
    fitting,
    gate,
    refit_due,
    refit_window,
    registry,
    runs,
    snapshots,
)
from ml.services.refit_basis import Basis

if TYPE_CHECKING:
    from datetime import datetime

    from ml.heads.ridge import FittedHead
    from ml.models import EmbeddingSet
    from ml.services.gate import Verdict
    from ml.types import LabeledSet


@dataclass(frozen=True, slots=True)
class RefitOutcome:
    """What a call did.

    Attributes:
        kind: busy (another one is at it), current (nothing is new), paused, waiting (no vectors or
            too few labels for a head), deployed, offered (it waits for a manager, or is only
            measured), kept (another one waits), refused, superseded (another champion came first)
            or unchanged (no label for the head is new; the queue and the evidence were seen to).
        version: number of the version made, if any.
        has_more: whether answers came meanwhile: call again.
        rolled_back_to: id of the version that the monitor put back, if it did.
        stages_s: seconds of each stage.
    """

    kind: str
    version: int | None = None
    has_more: bool = False
    rolled_back_to: int | None = None
    stages_s: dict[str, float] = field(default_factory=dict)


def request(*, project_id: int, trigger: str, now: datetime) -> TrainingRun:
    """Queue a refit whatever is new (the staff's button), or give the one that is active."""
    run, _ = runs.request(project_id=project_id, kind=TrainingKind.HEAD, trigger=trigger, now=now)
    return run


def run(*, project_id: int, now: datetime) -> RefitOutcome:
    """Do what is new: refit, check, deploy, rescore, refill, look at the audit slice.

    Safe to call at any time and any number of times. A process killed in the middle leaves a run
    that goes stale; the next call after that fences it off and starts again from the answers.

    Raises:
        FencedOffError: this worker was too slow and another one took over.
    """
    project = projects.by_id(project_id)
    active = runs.active(project_id, TrainingKind.HEAD)
    if active is None:
        if project.training_paused_at is not None:
            return RefitOutcome("paused")
        trigger = refit_due.trigger(project_id, now=now)
        if trigger is None:
            return RefitOutcome("current")
        active = request(project_id=project_id, trigger=trigger, now=now)
    claim = runs.claim(run=active, now=now)
    if claim is None:
        return RefitOutcome("busy")
    with runs.Closing(claim, now):
        started = time.perf_counter()
        basis = Basis.read(project, trigger=active.trigger)
        refit = _Refit(basis, claim, now, started)
        refit.close_stage("read")
        outcome = refit.play()
    newest = consensus.data_version(project_id)
    ended = TrainingRun.objects.values_list("data_version", flat=True).get(pk=claim.run_id)
    return replace(outcome, has_more=newest > ended)


@dataclass(slots=True)
class _Refit:
    """One refit under way.

    Attributes:
        basis: what it goes by.
        claim: the run that it does.
        now: the time it was told.
        started: the clock when it began, in seconds.
        stages_s: seconds of each stage so far.
    """

    basis: Basis
    claim: runs.Claim
    now: datetime
    started: float
    stages_s: dict[str, float] = field(default_factory=dict)

    def play(self) -> RefitOutcome:
        """Go through the stages and close the run."""
        basis, embedding_set = self.basis, self.basis.embedding_set
        if embedding_set is None:
            return self._close(RefitOutcome("waiting"))
        labeled = basis.labeled(embedding_set.pk)
        digest = snapshots.content_hash(basis.lending.rows)
        key = [digest, embedding_set.pk]
        kind, version, fitted = "unchanged", None, None
        if key != basis.kept.get("judged") or basis.is_forced:
            kind, version, fitted = self._learn(labeled, digest, embedding_set)
        if kind != "superseded":
            # Another kind of head has judged nothing for the usual one, which may have waited.
            basis.kept["judged"] = None if basis.head_kind else key
            refit_window.fill(
                basis,
                embedding_set,
                fitted=fitted,
                version=version,
                now=self.now,
                close_stage=self.close_stage,
            )
        if fitted is not None and version is not None and version.state != ModelState.RETIRED:
            self._certify(version)
        events = certification.advance(project_id=basis.project.pk, now=self.now)
        registry.prune(project_id=basis.project.pk)
        self.close_stage("certify")
        return self._close(
            RefitOutcome(
                kind,
                version=version.number if version else None,
                rolled_back_to=events.rolled_back_to,
            ),
            version=version,
        )

    def _learn(
        self, labeled: LabeledSet, digest: str, embedding_set: EmbeddingSet
    ) -> tuple[str, ModelVersion | None, FittedHead | None]:
        """Fit, check and deploy a head."""
        if not judged.can_teach(labeled):
            return "waiting", None, None
        basis = self.basis
        labeled, fitted = self._fit(labeled, embedding_set)
        self.close_stage("fit")
        verdict = gate.check(
            basis.project.pk, labeled, fitted, must_be_better=bool(basis.head_kind)
        )
        self.close_stage("check")
        if not verdict.is_passed and basis.champion is None:
            return "waiting", None, None
        if not verdict.is_passed and "held_by" in verdict.numbers:
            return "refused", None, None
        snapshot = snapshots.store(
            project_id=basis.project.pk,
            rows=basis.lending.rows,
            digest=digest,
            now=self.now,
            lending=basis.lending.of_snapshot(),
        )
        fields = _fields(basis, embedding_set, labeled, fitted, verdict)
        fields |= {"snapshot": snapshot, "created_at": self.now}
        if not verdict.is_passed:
            return "refused", self._refuse(fields), None
        try:
            version = self._deploy(fields, fitted)
        except registry.PointerMovedError:
            return "superseded", None, None
        gate.remember(version, labeled, fitted)
        self.close_stage("deploy")
        return deployment.outcome(version), version, fitted

    def _fit(
        self, labeled: LabeledSet, embedding_set: EmbeddingSet
    ) -> tuple[LabeledSet, FittedHead]:
        """Fit a head; what labels lend each other is tried, and left out where it does harm."""
        basis = self.basis
        if basis.head_kind:
            fitted = challenger.fit(labeled, basis.head_kind, step=self._beat)
        else:
            fitted = fitting.fit(
                labeled,
                embedding_set=embedding_set,
                champion=basis.champion,
                precision=basis.precision,
            )
        basis.lending.objected(labeled, fitted, basis.kept)
        return basis.lending.own(labeled, fitted)

    def _deploy(self, fields: dict[str, Any], fitted: FittedHead) -> ModelVersion:
        """Store the version and let it serve or wait, in one transaction, if this run counts."""
        head = codec.to_bytes(fitted.head)
        with transaction.atomic():
            self.claim.beat(now=self._time(), stage="deploying", progress=0.5)
            version = registry.create_version(project_id=self.basis.project.pk, head=head, **fields)
            deployment.admit(
                project=self.basis.project,
                version=version,
                expected_id=self.basis.champion.version_id if self.basis.champion else None,
                now=self._time(),
            )
        return version

    def _refuse(self, fields: dict[str, Any]) -> ModelVersion:
        """Keep the account of a refused head; its weights serve nobody."""
        with transaction.atomic():
            self.claim.beat(now=self._time(), stage="refused")
            version = registry.create_version(project_id=self.basis.project.pk, head=None, **fields)
            registry.reject(
                version_id=version.pk, verdict=version.verdict, gate=version.gate, now=self.now
            )
        return version

    def _certify(self, version: ModelVersion) -> None:
        if not certification.is_candidate(
            self.basis.project.pk,
            n_labels=version.n_labels,
            embedding_set_id=version.embedding_set_id,
        ):
            return
        ModelVersion.objects.filter(pk=version.pk).update(is_certification_candidate=True)
        certification.open_certification(version=version, now=self.now)

    def _close(self, outcome: RefitOutcome, version: ModelVersion | None = None) -> RefitOutcome:
        seconds = time.perf_counter() - self.started
        is_seen = outcome.kind != "superseded"
        self.claim.close(
            state=TrainingState.SUCCEEDED,
            now=self._time(),
            stage=outcome.kind,
            progress=1.0,
            # A refit that lost the race has seen nothing: the next one is due at once.
            data_version=self.basis.seen if is_seen else 0,
            model_version=version,
            device="cpu",
            seconds=seconds,
            cost=budget.cost(self.basis.project, seconds),
            stages_s=self.stages_s,
            settings={
                **self.basis.kept,
                "scheme_id": self.basis.rows.scheme_id,
                "label_changes": self.basis.rows.label_changes if is_seen else -1,
            },
        )
        return replace(outcome, stages_s=self.stages_s)

    def _beat(self) -> None:
        """Stay alive: other kinds of heads take seconds a fit."""
        self.claim.beat(now=self._time(), stage="fitting")

    def _time(self) -> datetime:
        """Give the time now: the time the run was told, plus what it has taken since."""
        return self.now + timedelta(seconds=time.perf_counter() - self.started)

    def close_stage(self, stage: str) -> None:
        spent = time.perf_counter() - self.started
        self.stages_s[stage] = spent - sum(self.stages_s.values())


def _fields(
    basis: Basis,
    embedding_set: EmbeddingSet,
    labeled: LabeledSet,
    fitted: FittedHead,
    verdict: Verdict,
) -> dict[str, Any]:
    """Give the columns of the version that a head becomes."""
    threshold = fitting.threshold(labeled, fitted, basis.precision)
    scheme = projects.scheme_of(basis.project, basis.rows.scheme_id)
    return {
        "kind": ModelKind.HEAD,
        "embedding_set": embedding_set,
        "temperature": fitted.head.temperature,
        "acceptance_threshold": threshold,
        "scheme_id": basis.rows.scheme_id,
        "label_order": list(labeled.label_order),
        "n_labels": len(labeled.image_ids),
        "metrics": {
            **fitting.metrics(fitted, kind=basis.head_kind),
            "n_groups": len(np.unique(labeled.groups)),
            "lending": basis.lending.account(),
            **fitting.practice(labeled, fitted, embedding_set),
            **fitting.groups_said(
                labeled, fitted, scheme, threshold=threshold, target=basis.precision
            ),
        },
        "gate": {
            **verdict.numbers,
            "is_passed": verdict.is_passed,
            "sentence": verdict.sentence,
        },
        "verdict": verdict.sentence,
        "code_version": settings.LARDER_VERSION,
    }
