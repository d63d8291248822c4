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
    Embedding,
    EmbeddingSet,
    ModelKind,
    ModelState,
    ModelVersion,
    TrainingKind,
    TrainingRun,
    TrainingState,
)
from ml.selectors import embeddings
from ml.selectors import registry as registry_selectors
from ml.services import (
    acquisition,
    budget,
    certification,
    common_ground,
    contains,
    deployment,
    fitting,
    gate,
    lending,
    narrowed,
    priors,
    refit_due,
    registry,
    runs,
    similar,
    snapshots,
)
from ml.services.acquisition import Labeled
from ml.types import Head, LabeledSet

if TYPE_CHECKING:
    from datetime import datetime

    from labeling.selectors.consensus import TrainingRows
    from labeling.selectors.projects import ProjectRow
    from ml.heads.ridge import FittedHead
    from ml.selectors.registry import ChampionView
    from ml.services.gate import Verdict
    from ml.services.lending import Lending

FORCED = frozenset({"staff", "handover", *challenger.KINDS})
"""Triggers that refit even where no label is new."""


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
        outcome = _Refit.start(project, claim, trigger=active.trigger, now=now).play()
    newest = consensus.data_version(project_id)
    ended = TrainingRun.objects.values_list("data_version", flat=True).get(pk=claim.run_id)
    return replace(outcome, has_more=newest > ended)


@dataclass(slots=True)
class _Refit:
    """One refit under way."""

    project: ProjectRow
    claim: runs.Claim
    is_forced: bool
    now: datetime
    rows: TrainingRows
    champion: ChampionView | None
    embedding_set: EmbeddingSet | None
    stages_s: dict[str, float]
    kept: dict[str, Any]
    started: float
    lending: Lending
    head_kind: str = ""
    last_seen: int = 0

    @classmethod
    def start(
        cls, project: ProjectRow, claim: runs.Claim, *, trigger: str, now: datetime
    ) -> _Refit:
        """Read what there is to learn from."""
        started = time.perf_counter()
        last = runs.newest_ended(project.pk, TrainingKind.HEAD)
        rows = consensus.training_rows(project.pk)
        champion = registry_selectors.champion(project.pk)
        embedding_set = embeddings.serving_set(project.pk)
        kept = dict(last.settings) if last else {}
        if embedding_set is not None:
            known = embeddings.has_vector(embedding_set.pk, rows.image_ids)
            rows = snapshots.only(rows, known)
        refit = cls(
            project, claim, trigger in FORCED, now,
            rows, champion, embedding_set, {}, kept, started,
            narrowed.joined(
                lending.plan(project, rows, embedding_set, kept), project, embedding_set, champion
            ),
            trigger if trigger in challenger.KINDS else "",
            last.data_version if last else 0,
        )  # fmt: skip
        refit._close_stage("read")
        return refit

    def play(self) -> RefitOutcome:
        """Go through the stages and close the run."""
        if self.embedding_set is None:
            return self._close(RefitOutcome("waiting"))
        labeled = self._labeled(self.embedding_set.pk)
        digest = snapshots.content_hash(self.lending.rows)
        judged = [digest, self.embedding_set.pk]
        is_new = judged != self.kept.get("judged") or self.is_forced
        kind, version, fitted = "unchanged", None, None
        if is_new:
            kind, version, fitted = self._learn(labeled, digest)
        if kind != "superseded":
            # Another kind of head has judged nothing for the usual one, which may have waited.
            self.kept["judged"] = None if self.head_kind else judged
            self._feed_queue(fitted, version)
        if fitted is not None and version is not None and version.state != ModelState.RETIRED:
            self._certify(version)
        events = certification.advance(project_id=self.project.pk, now=self.now)
        registry.prune(project_id=self.project.pk)
        self._close_stage("certify")
        return self._close(
            RefitOutcome(
                kind,
                version=version.number if version else None,
                rolled_back_to=events.rolled_back_to,
            ),
            version=version,
        )

    def _learn(
        self, labeled: LabeledSet, digest: str
    ) -> tuple[str, ModelVersion | None, FittedHead | None]:
        """Fit, check and deploy a head."""
        if not judged.can_teach(labeled):
            return "waiting", None, None
        assert self.embedding_set is not None  # noqa: S101 - `play` has looked
        if self.head_kind:
            fitted = challenger.fit(labeled, self.head_kind, step=self._beat)
        else:
            fitted = fitting.fit(
                labeled,
                embedding_set=self.embedding_set,
                champion=self.champion,
                precision=self._precision,
            )
        self.lending.objected(labeled, fitted, self.kept)
        labeled, fitted = self.lending.own(labeled, fitted)
        self._close_stage("fit")
        verdict = gate.check(self.project.pk, labeled, fitted, must_be_better=bool(self.head_kind))
        self._close_stage("check")
        if not verdict.is_passed and self.champion is None:
            return "waiting", None, None
        if not verdict.is_passed and "held_by" in verdict.numbers:
            return "refused", None, None
        snapshot = snapshots.store(
            project_id=self.project.pk,
            rows=self.lending.rows,
            digest=digest,
            now=self.now,
            lending=self.lending.of_snapshot(),
        )
        fields = self._fields(labeled, fitted, verdict) | {"snapshot": snapshot}
        if not verdict.is_passed:
            return "refused", self._refuse(fields), None
        try:
            version = self._deploy(fields, fitted, verdict)
        except registry.PointerMovedError:
            return "superseded", None, None
        gate.remember(version, labeled, fitted)
        self._close_stage("deploy")
        return deployment.outcome(version), version, fitted

    def _deploy(self, fields: dict[str, Any], fitted: FittedHead, verdict: Verdict) -> ModelVersion:
        """Store the version and let it serve or wait, in one transaction, if this run counts."""
        head = codec.to_bytes(fitted.head)
        with transaction.atomic():
            self.claim.beat(now=self._time(), stage="deploying", progress=0.5)
            version = registry.create_version(project_id=self.project.pk, head=head, **fields)
            deployment.admit(
                project=self.project,
                version=version,
                expected_id=self.champion.version_id if self.champion else None,
                now=self._time(),
            )
        return version

    def _refuse(self, fields: dict[str, Any]) -> ModelVersion:
        """Keep the account of a refused head; its weights serve nobody."""
        with transaction.atomic():
            self.claim.beat(now=self._time(), stage="refused")
            version = registry.create_version(project_id=self.project.pk, head=None, **fields)
            registry.reject(
                version_id=version.pk, verdict=version.verdict, gate=version.gate, now=self.now
            )
        return version

    def _fields(self, labeled: LabeledSet, fitted: FittedHead, verdict: Verdict) -> dict[str, Any]:
        assert self.embedding_set is not None  # noqa: S101 - `play` has looked
        threshold = fitting.threshold(labeled, fitted, self._precision)
        scheme = projects.scheme_of(self.project, self.rows.scheme_id)
        return {
            "kind": ModelKind.HEAD,
            "embedding_set": self.embedding_set,
            "temperature": fitted.head.temperature,
            "acceptance_threshold": threshold,
            "scheme_id": self.rows.scheme_id,
            "label_order": list(labeled.label_order),
            "n_labels": len(labeled.image_ids),
            "metrics": {
                **fitting.metrics(fitted, kind=self.head_kind),
                "n_groups": len(np.unique(labeled.groups)),
                "lending": self.lending.account(),
                **fitting.practice(labeled, fitted, self.embedding_set),
                **fitting.groups_said(
                    labeled, fitted, scheme, threshold=threshold, target=self._precision
                ),
            },
            "gate": {
                **verdict.numbers,
                "is_passed": verdict.is_passed,
                "sentence": verdict.sentence,
            },
            "verdict": verdict.sentence,
            "code_version": settings.LARDER_VERSION,
            "created_at": self.now,
        }

    def _feed_queue(self, fitted: FittedHead | None, version: ModelVersion | None) -> None:
        """Rescore the pool, fill the window, write priors; certify where it is time."""
        assert self.embedding_set is not None  # noqa: S101 - `play` has looked
        seen = Labeled.of(self.rows)
        head = fitted.head if fitted else self._serving_head()
        is_fresh = fitted is not None and not seen.is_cold
        if not (is_fresh or self._is_window_due()):
            return
        scored = acquisition.score_candidates(
            project_id=self.project.pk, set_id=self.embedding_set.pk, head=head, labeled=seen
        )
        scored = self.lending.narrow(scored)
        self._close_stage("rescore")
        public_id = version.public_id if fitted and version else None
        if public_id is None and self.champion is not None:
            public_id = self.champion.public_id
        rng = np.random.default_rng([self.project.seed, len(seen.image_ids)])
        again = []
        if fitted is not None and self.rows.is_several:
            again = contains.doubted(self.project, self.rows, fitted.out_of_group, rng)
        chosen = acquisition.refill(
            project=self.project,
            scored=scored,
            labeled=seen,
            model_version=public_id,
            rng=rng,
            now=self.now,
            again=again,
        )
        self.kept["n_vectors"] = Embedding.objects.filter(set=self.embedding_set).count()
        self.kept["n_chosen"] = len(chosen)
        self._close_stage("refill")
        # With several labels an image no prior enters consensus.
        if fitted is not None and version is not None and not self.rows.is_several:
            self._write_priors(fitted, version, scored, chosen)

    def _is_window_due(self) -> bool:
        """Herding has ordered its window already; it is filled again when half of it is gone."""
        n_chosen = int(self.kept.get("n_chosen", 0))
        if self.is_forced or n_chosen == 0 or similar.is_waiting(self.project.pk):
            return True
        has_grown = refit_due.has_pool_grown(self.embedding_set, self.kept)
        return has_grown or acquisition.is_low(self.project, n_chosen)

    def _write_priors(
        self,
        fitted: FittedHead,
        version: ModelVersion,
        scored: acquisition.Scored,
        chosen: Any,
    ) -> None:
        n_labels = len(self.rows.image_ids)
        set_id = self.embedding_set.pk if self.embedding_set else 0
        # After a replay no image keeps a prior that answers set aside have shaped.
        key = [self.rows.scheme_id, set_id, self.rows.label_changes]
        is_full = self.kept.get("priors_of") != key or priors.is_full_due(
            n_labels, int(self.kept.get("priors_at", 0))
        )
        priors.write(
            project_id=self.project.pk,
            scheme_id=self.rows.scheme_id,
            model_version=version.public_id,
            scored=scored,
            labeled_ids=self.rows.image_ids,
            out_of_group=fitted.out_of_group,
            chosen=chosen,
            is_full=is_full,
            now=self.now,
        )
        if is_full:
            self.kept |= {"priors_of": key, "priors_at": n_labels}
        self._close_stage("priors")

    def _certify(self, version: ModelVersion) -> None:
        if not certification.is_candidate(
            self.project.pk,
            n_labels=version.n_labels,
            embedding_set_id=version.embedding_set_id,
        ):
            return
        ModelVersion.objects.filter(pk=version.pk).update(is_certification_candidate=True)
        certification.open_certification(version=version, now=self.now)

    def _serving_head(self) -> Head | None:
        """Give the champion's head in the order of the labels as they are now."""
        if self.champion is None:
            return None
        head = replace(codec.from_bytes(self.champion.head), temperature=self.champion.temperature)
        steps = projects.heirs(self.project.pk, self.rows.codes)
        return fitting.for_labels(head, tuple(self.rows.codes), steps)

    @property
    def _precision(self) -> float:
        return self.project.target_accuracy or fitting.TARGET_ACCURACY

    def _labeled(self, set_id: int) -> LabeledSet:
        rows = self.lending.rows
        return LabeledSet(
            image_ids=rows.image_ids,
            embeddings=embeddings.load_matrix(set_id, rows.image_ids),
            targets=common_ground.targets_of(rows),
            weights=rows.weights,
            groups=rows.groups,
            label_order=tuple(rows.codes),
            is_several=rows.is_several,
        )

    def _close(self, outcome: RefitOutcome, version: ModelVersion | None = None) -> RefitOutcome:
        seconds = time.perf_counter() - self.started
        is_seen = outcome.kind != "superseded"
        self.claim.close(
            state=TrainingState.SUCCEEDED,
            now=self._time(),
            stage=outcome.kind,
            progress=1.0,
            # A refit that lost the race has seen nothing: the next one is due at once.
            data_version=self._seen_answers() if is_seen else 0,
            model_version=version,
            device="cpu",
            seconds=seconds,
            cost=budget.cost(self.project, seconds),
            stages_s=self.stages_s,
            settings={
                **self.kept,
                "scheme_id": self.rows.scheme_id,
                "label_changes": self.rows.label_changes if is_seen else -1,
            },
        )
        return replace(outcome, stages_s=self.stages_s)

    def _seen_answers(self) -> int:
        """Give the last answer that the usual kind of head has seen."""
        return self.last_seen if self.head_kind else self.rows.data_version

    def _beat(self) -> None:
        """Stay alive: other kinds of heads take seconds a fit."""
        self.claim.beat(now=self._time(), stage="fitting")

    def _time(self) -> datetime:
        """Give the time now: the time the run was told, plus what it has taken since."""
        return self.now + timedelta(seconds=time.perf_counter() - self.started)

    def _close_stage(self, stage: str) -> None:
        spent = time.perf_counter() - self.started
        self.stages_s[stage] = spent - sum(self.stages_s.values())
