"""The slow loop: tune the backbone where it pays, and make a challenger of the result.

Every stage that takes long leaves a row behind, so a worker that is killed is replaced by one that
goes on from there: the run, then the embedding set, then its vectors, then the version.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.db import transaction

from labeling.selectors import consensus, images, projects
from labeling.services import pictures
from ml.errors import MlError
from ml.heads import codec, ridge
from ml.models import (
    EmbeddingScope,
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
    budget,
    certification,
    embedding,
    fitting,
    gate,
    registry,
    runs,
    snapshots,
)
from ml.types import LabeledSet

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from decimal import Decimal

    from labeling.selectors.consensus import TrainingRows
    from labeling.selectors.projects import ProjectRow
    from ml.transfer.recipe import FineTuned, FineTuneSettings

    Clock = Callable[[], datetime]

BEAT_EVERY_S = 1.0


class FineTuneNotEnabledError(MlError):
    """The project does not fine-tune, or a challenger already waits for its verdict."""

    code = "finetune_not_enabled"
    status = 409


class TooFewLabelsError(MlError):
    """There is not enough to tune on."""

    code = "too_few_labels"
    status = 409


@dataclass(frozen=True, slots=True)
class FineTuneOutcome:
    """What a call did (nothing, refused, no_better, stopped, challenger) and its sentence."""

    kind: str
    sentence: str = ""
    version_id: int | None = None


def request(*, project_id: int, trigger: str, now: datetime, **overrides: Any) -> TrainingRun:
    """Queue a fine-tune, or give the active one.

    Args:
        project_id: the project.
        trigger: who or what asked.
        now: the time.
        **overrides: fields of `FineTuneSettings`, e.g. `epochs`.

    Raises:
        FineTuneNotEnabledError: switched off, or a challenger waits for its verdict.
        TooFewLabelsError: fewer than two labels or two split groups.
        BudgetExhaustedError: the month's budget is spent.
    """
    project = projects.by_id(project_id)
    if not project.finetune_enabled:
        raise FineTuneNotEnabledError("Fine-tuning is switched off in the project's settings.")
    if project.mode == "MULTI":
        raise FineTuneNotEnabledError(
            "Fine-tuning learns one label an image; this project takes several, and its classifier "
            "goes on learning with every answer."
        )
    waiting = registry_selectors.waiting_challenger(project_id)
    if waiting is not None:
        raise FineTuneNotEnabledError(
            f"v{waiting.number} is fine-tuned and waits for its verdict; answer more audit images, "
            "or let it serve or set it aside on the Versions page once it has passed."
        )
    rows = consensus.training_rows(project_id)
    n_labels = len(set(rows.posteriors.argmax(axis=1).tolist())) if len(rows.image_ids) else 0
    if min(n_labels, len(np.unique(rows.groups))) < 2:
        raise TooFewLabelsError(
            f"Labels of {n_labels} classes are too few to tune on; label images of at least two."
        )
    budget.check(project_id, now=now)
    run, _ = runs.request(
        project_id=project_id,
        kind=TrainingKind.FINETUNE,
        trigger=trigger,
        now=now,
        settings={"n_labels": len(rows.image_ids), "overrides": overrides},
    )
    return run


def run(*, project_id: int, clock: Clock) -> FineTuneOutcome:
    """Tune, embed what the verdict needs, fit a head, and open its certification.

    Safe to call at any time: nothing happens without a run that is queued or whose worker has died.

    Args:
        project_id: the project.
        clock: gives the time; a run takes minutes.
    """
    active = runs.active(project_id, TrainingKind.FINETUNE)
    claim = runs.claim(run=active, now=clock()) if active is not None else None
    if active is None or claim is None:
        return FineTuneOutcome("nothing")
    active.refresh_from_db()
    project = projects.by_id(project_id)
    with runs.Closing(claim, clock()):
        return _FineTune(project, active, claim, clock).play()


class _FineTune:
    """One fine-tune under way."""

    def __init__(
        self, project: ProjectRow, active: TrainingRun, claim: runs.Claim, clock: Clock
    ) -> None:
        self.project, self.run, self.claim, self.clock = project, active, claim, clock
        self.started = time.perf_counter()
        self.seconds_before = active.seconds
        self.last_beat = -BEAT_EVERY_S
        self.rows: TrainingRows = consensus.training_rows(project.pk)
        self.budget = budget.left(project, now=clock(), except_run=active.pk)
        self.device = active.device
        self.is_over_budget = False

    def play(self) -> FineTuneOutcome:
        """Go through the stages that have left no row yet."""
        if self._cost() >= self.budget:
            return self._end("refused", "The month's training budget is spent; nothing was run.")
        embedding_set = self._set_made_before()
        if embedding_set is None:
            tuned = self._tune()
            if tuned is None:
                return self._end("stopped", self._why_stopped())
            self._note(tuned)
            if not tuned.is_better:
                return self._end("no_better", _no_better(tuned))
            embedding_set = self._keep(tuned)
        if not self._embed(embedding_set):
            return self._end("stopped", self._why_stopped())
        version = self._challenge(embedding_set)
        certification.advance(project_id=self.project.pk, now=self.clock())
        version.refresh_from_db()
        return self._end("challenger", version.verdict, version)

    def _tune(self) -> FineTuned | None:
        from ml.transfer.finetune import FineTuneStoppedError, finetune  # noqa: PLC0415 - torch
        from ml.transfer.recipe import FineTuneData  # noqa: PLC0415

        keys = images.storage_keys(self.rows.image_ids.tolist())
        examples = FineTuneData(
            pictures=[partial(pictures.open_stored, keys[int(key)]) for key in self.rows.image_ids],
            targets=gate.unit_rows(self.rows.posteriors),
            weights=self.rows.weights,
            groups=self.rows.groups,
        )
        try:
            return finetune(
                examples,
                settings=self._settings(),
                folder=Path(settings.BACKBONE_DIR),
                name=f"{settings.BACKBONE}-{self.project.slug}-{self.run.pk}",
                progress=self._progress,
                should_stop=self._should_stop,
                seed=(self.project.seed + self.run.pk) % (1 << 31),
            )
        except FineTuneStoppedError:
            return None

    def _settings(self) -> FineTuneSettings:
        from ml.transfer.recipe import FineTuneSettings  # noqa: PLC0415
        from ml.transfer.tunable import choose_device, device_name  # noqa: PLC0415

        device = choose_device("auto")
        self.device = device_name(device)
        make = FineTuneSettings.for_gpu if device.type == "cuda" else FineTuneSettings
        return make(**{"backbone": settings.BACKBONE, **self.run.settings.get("overrides", {})})

    def _note(self, tuned: FineTuned) -> None:
        """Keep the account of the tuning, whatever comes of it."""
        self.run.settings |= {
            "n_train": tuned.n_train,
            "n_validation": tuned.n_validation,
            "epochs": [asdict(epoch) for epoch in tuned.epochs[1:]],
            "best_epoch": tuned.best_epoch,
            "log_loss_before": tuned.log_loss_before,
            "log_loss_after": tuned.log_loss_after,
        }
        self._beat(settings=self.run.settings, stages_s=tuned.stages_s)

    def _keep(self, tuned: FineTuned) -> EmbeddingSet:
        """Store the compiled backbone as a set for what the verdict needs."""
        made = embedding.ensure_set(
            project_id=self.project.pk,
            backbone=tuned.backbone,
            scope=EmbeddingScope.JUDGED,
            now=self.clock(),
        )
        self.run.settings |= {"set_id": made.pk}
        self._beat(stage="embedding", settings=self.run.settings)
        return made

    def _set_made_before(self) -> EmbeddingSet | None:
        return EmbeddingSet.objects.filter(pk=self.run.settings.get("set_id")).first()

    def _embed(self, embedding_set: EmbeddingSet) -> bool:
        """Embed labeled and measured images; give False where it had to stop."""
        while True:
            batch = embedding.embed_batch(
                project_id=self.project.pk, set_id=embedding_set.pk, now=self.clock()
            )
            self._beat(stage="embedding", progress=0.95)
            if not batch.remaining:
                return True
            if self._should_stop():
                return False
            if not batch.is_ours:
                time.sleep(BEAT_EVERY_S)

    def _challenge(self, embedding_set: EmbeddingSet) -> ModelVersion:
        """Fit the closed-form head on the new vectors and open its certification, once."""
        made = ModelVersion.objects.filter(embedding_set=embedding_set).first()
        if made is not None:
            return made
        known = embeddings.has_vector(embedding_set.pk, self.rows.image_ids)
        rows = snapshots.only(self.rows, known)
        labeled = LabeledSet(
            image_ids=rows.image_ids,
            embeddings=embeddings.load_matrix(embedding_set.pk, rows.image_ids),
            targets=gate.unit_rows(rows.posteriors),
            weights=rows.weights,
            groups=rows.groups,
            label_order=tuple(rows.codes),
        )
        fitted = ridge.fit_ridge(labeled)
        now = self.clock()
        digest = snapshots.content_hash(rows)
        snapshot = snapshots.store(project_id=self.project.pk, rows=rows, digest=digest, now=now)
        target = self.project.target_accuracy or fitting.TARGET_ACCURACY
        bar = fitting.threshold(labeled, fitted, target)
        scheme = projects.scheme_of(self.project, rows.scheme_id)
        groups = fitting.groups_said(labeled, fitted, scheme, threshold=bar, target=target)
        with transaction.atomic():
            self.claim.beat(now=now, stage="certifying", progress=0.98)
            version = registry.create_version(
                project_id=self.project.pk,
                kind=ModelKind.FINETUNE,
                state=ModelState.CHALLENGER,
                embedding_set=embedding_set,
                head=codec.to_bytes(fitted.head),
                temperature=fitted.head.temperature,
                acceptance_threshold=bar,
                scheme_id=rows.scheme_id,
                label_order=list(rows.codes),
                snapshot=snapshot,
                n_labels=len(rows.image_ids),
                is_certification_candidate=True,
                # Of vectors that were tuned on these very labels: not comparable with a head's.
                metrics={"tuned_log_loss": fitted.log_loss, **groups},
                gate={
                    "log_loss_before": self.run.settings.get("log_loss_before"),
                    "log_loss_after": self.run.settings.get("log_loss_after"),
                },
                verdict="Waits for more audit answers.",
                seed=self.project.seed + self.run.pk,
                code_version=settings.LARDER_VERSION,
                created_at=now,
            )
            certification.open_certification(version=version, now=now)
        return version

    def _progress(self, stage: str, share: float) -> None:
        elapsed = time.perf_counter() - self.started
        if elapsed - self.last_beat >= BEAT_EVERY_S:
            self.last_beat = elapsed
            self._beat(stage=stage, progress=0.9 * share)

    def _should_stop(self) -> bool:
        self.is_over_budget = self._cost() >= self.budget
        return self.is_over_budget

    def _why_stopped(self) -> str:
        return f"Stopped: the month's training budget of {self.project.monthly_budget} is spent."

    def _seconds(self) -> float:
        return self.seconds_before + time.perf_counter() - self.started

    def _cost(self) -> Decimal:
        return budget.cost(self.project, self._seconds())

    def _beat(self, **fields: Any) -> None:
        self.claim.beat(
            now=self.clock(),
            seconds=self._seconds(),
            cost=self._cost(),
            device=self.device,
            **fields,
        )

    def _end(
        self, kind: str, sentence: str, version: ModelVersion | None = None
    ) -> FineTuneOutcome:
        is_refused = kind in ("refused", "stopped")
        state = TrainingState.REFUSED if is_refused else TrainingState.SUCCEEDED
        self.claim.close(
            state=state,
            now=self.clock(),
            stage=kind,
            progress=1.0,
            seconds=self._seconds(),
            cost=self._cost(),
            device=self.device,
            data_version=self.rows.data_version,
            model_version=version,
            error=sentence if is_refused else "",
            settings={**self.run.settings, "verdict": sentence},
        )
        return FineTuneOutcome(kind, sentence, version.pk if version else None)


def _no_better(tuned: FineTuned) -> str:
    return (
        "The tuned backbone is no better on held-out labels "
        f"(log-loss {tuned.log_loss_before:.3f} before, {tuned.log_loss_after:.3f} after); "
        "it was not put to the test on the audit images."
    )
