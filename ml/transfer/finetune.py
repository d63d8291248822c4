"""The slow loop's pure part: tune the last stages of a backbone on the labels there are.

LP-FT (Kumar et al. 2022): the head is fitted first, in closed form, and tuning starts from it, so
that the first gradients do not wreck what pretraining learned. Whether the result may serve is
not decided here: that is the gate's, on the audit slice.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ml.errors import MlError
from ml.evaluation.metrics import log_loss
from ml.heads.calibration import decided
from ml.heads.ridge import FittedHead, balanced, fit_ridge, predict
from ml.inference.preprocess import to_input
from ml.transfer.augment import augmentation, in_order
from ml.transfer.backbones import load_backbone, spec
from ml.transfer.export import export_onnx
from ml.transfer.recipe import Epoch, FineTuned, FineTuneData, FineTuneSettings, split_rows
from ml.transfer.tunable import LinearHead, Tunable, batches_of, choose_device, device_name
from ml.types import Embeddings, Indices, LabeledSet, Probabilities, Weights

# Shares of the whole run's progress at which its stages end.
PROBED, TUNED = 0.25, 0.95
STAGES = ("reading", "tuning", "exporting")
# Training rows on which the closed-form head is refitted after each epoch to judge it.
PROBE_ROWS = 2000


class FineTuneStoppedError(MlError):
    """Somebody asked the run to stop; nothing was kept."""

    code = "finetune_stopped"
    status = 409


class FineTuneDivergedError(MlError):
    """The embeddings became infinite or undefined."""

    code = "finetune_diverged"
    status = 500


Progress = Callable[[str, float], None]


def finetune(
    examples: FineTuneData,
    *,
    settings: FineTuneSettings,
    folder: Path,
    name: str,
    progress: Progress,
    should_stop: Callable[[], bool],
    seed: int,
) -> FineTuned:
    """Tune the last stages of a backbone and compile the result.

    The closed-form head is fitted on training rows only, so validation rows (a random share of
    whole groups) judge both it and every epoch. On one CPU with one number of threads, one seed
    gives one result, bit by bit.

    Args:
        examples: at least two split groups.
        settings: how to tune.
        folder: where the compiled backbone goes.
        name: what it is called, e.g. `efficientnet-lite0-pantry-7`.
        progress: told the stage (one of `STAGES`) and the share of the whole run done, 0 to 1.
        should_stop: asked before every batch.
        seed: of the split, thinning, order and augmentation.

    Raises:
        TooFewGroupsError: nothing can be held out.
        FineTuneStoppedError: `should_stop` said yes.
        FineTuneDivergedError: a learning rate was far too high.
        WeightsMissingError, DeviceMissingError: see there.
        Whatever a picture's callable raises.
    """
    with _seeded(seed), ThreadPoolExecutor(settings.decode_threads) as pool:
        run = _Run.prepare(
            examples, settings, pool, progress=progress, should_stop=should_stop, seed=seed
        )
        before = run.read()
        run.tune(before)
        return run.finish(folder, name)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed torch's generators and give them back afterwards as they were."""
    devices = range(torch.cuda.device_count())
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


@dataclass(slots=True)
class _Run:
    """The state of one fine-tune."""

    data: FineTuneData
    settings: FineTuneSettings
    pool: ThreadPoolExecutor
    progress: Progress
    should_stop: Callable[[], bool]
    rng: np.random.Generator
    model: Tunable
    train: Indices
    probe: Indices
    validation: Indices
    started: float
    cached: dict[int, Tensor] = field(default_factory=dict)
    epochs: list[Epoch] = field(default_factory=list)
    best: tuple[int, dict[str, Tensor]] | None = None
    stages_s: dict[str, float] = field(default_factory=dict)

    @classmethod
    def prepare(
        cls, data: FineTuneData, settings: FineTuneSettings, pool: ThreadPoolExecutor, *,
        progress: Progress, should_stop: Callable[[], bool], seed: int,
    ) -> _Run:  # fmt: skip
        """Check the data, split it, and load the backbone."""
        started = time.perf_counter()
        progress(STAGES[0], 0.0)
        rng = np.random.default_rng(seed)
        train, validation = split_rows(data, settings, rng)
        backbone = load_backbone(settings.backbone, weights_path=settings.weights_path)
        model = Tunable(backbone, settings.tuned_stages, choose_device(settings.device))
        probe = np.sort(rng.permutation(train)[:PROBE_ROWS])
        return cls(
            data, settings, pool, progress, should_stop, rng, model, train, probe, validation,
            started,
        )  # fmt: skip

    def read(self) -> FittedHead:
        """Run the trunk once over all rows that are looked at again; fit the first head."""
        looked_at = self.probe if self.settings.augment else self.train
        rows = np.concatenate([looked_at, self.validation])
        preprocessing = spec(self.settings.backbone).preprocessing
        inputs = in_order(
            self.pool,
            lambda row: torch.from_numpy(to_input(self.data.pictures[row](), preprocessing)),
            rows.tolist(),
            ahead=2 * self.settings.batch_size,
        )
        for done, batch in enumerate(batches_of(rows, self.settings.batch_size), start=1):
            self._ask()
            activations = self.model.activations(torch.stack([next(inputs) for _ in batch]))
            self.cached.update(zip(batch.tolist(), activations.cpu().unbind(), strict=True))
            share = done * self.settings.batch_size / len(rows)
            self.progress(STAGES[0], PROBED * min(1.0, share))
        fitted, outside, accuracy = self._refit()
        self._close_stage(STAGES[0])
        self.epochs.append(Epoch(0, math.nan, outside, outside, accuracy, self.stages_s[STAGES[0]]))
        return fitted

    def tune(self, before: FittedHead) -> None:
        """Train epoch by epoch, keeping the best tail."""
        settings = self.settings
        head = LinearHead(before.head).to(self.model.device)
        optimizer = torch.optim.AdamW(
            self.model.parameter_groups(
                head,
                head_lr=settings.head_lr,
                backbone_lr=settings.backbone_lr,
                layer_decay=settings.layer_decay,
                weight_decay=settings.weight_decay,
            )
        )
        steps = settings.epochs * math.ceil(len(self.train) / settings.batch_size)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: _rate(step, steps, settings.warm_up)
        )
        weights = torch.from_numpy(balanced(self._weights(self.train), self._targets(self.train)))
        weight_of = dict(zip(self.train.tolist(), weights.float().unbind(), strict=True))
        for number in range(1, settings.epochs + 1):
            started = time.perf_counter()
            loss = self._train_epoch(number, head, optimizer, schedule, weight_of)
            self._judge(number, head, loss, started)
            if number - self._best_epoch() >= settings.patience:
                break
        self._close_stage(STAGES[1])

    def finish(self, folder: Path, name: str) -> FineTuned:
        """Compile the best tail with its trunk."""
        if self.best is None:
            raise ValueError(f"epochs={self.settings.epochs}: expected at least 1.")
        self.progress(STAGES[2], TUNED)
        self.model.tail.load_state_dict(self.best[1])
        preprocessing = spec(self.settings.backbone).preprocessing
        compiled = export_onnx(self.model.released(), preprocessing, folder, name=name)
        self._close_stage(STAGES[2])
        self.progress(STAGES[2], 1.0)
        return FineTuned(
            backbone=compiled,
            epochs=tuple(self.epochs),
            best_epoch=self.best[0],
            log_loss_before=self.epochs[0].log_loss,
            log_loss_after=self.epochs[self.best[0]].log_loss,
            n_train=len(self.train),
            n_validation=len(self.validation),
            device=device_name(self.model.device),
            seconds=time.perf_counter() - self.started,
            stages_s=self.stages_s,
            is_stopped_early=len(self.epochs) <= self.settings.epochs,
        )

    def _train_epoch(
        self, number: int, head: LinearHead, optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LRScheduler, weight_of: dict[int, Tensor],
    ) -> float:  # fmt: skip
        """Go once through the training rows in random order; give the mean loss."""
        order = self.rng.permutation(self.train)
        total, device = 0.0, self.model.device
        inputs = self._training_activations(order)
        for done, batch in enumerate(batches_of(order, self.settings.batch_size), start=1):
            self._ask()
            targets = torch.from_numpy(self._targets(batch)).float().to(device)
            weights = torch.stack([weight_of[row] for row in batch.tolist()]).to(device)
            with self.model.precision():
                embeddings = self.model.tail(next(inputs).to(device))
            # cross_entropy takes soft targets and smooths them; float32 also under autocast.
            losses = functional.cross_entropy(
                head(embeddings.float()),
                targets,
                label_smoothing=self.settings.label_smoothing,
                reduction="none",
            )
            loss = (losses * weights).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
            epochs_done = number - 1 + min(1.0, done * self.settings.batch_size / len(order))
            share = epochs_done / self.settings.epochs
            self.progress(STAGES[1], PROBED + (TUNED - PROBED) * share)
        return total / len(order)

    def _training_activations(self, order: Indices) -> Iterator[Tensor]:
        """Give the trunk's output a batch at a time: of fresh augmentations, or from the cache."""
        size = self.settings.batch_size
        if not self.settings.augment:
            for batch in batches_of(order, size):
                yield torch.stack([self.cached[row] for row in batch.tolist()])
            return
        bend = augmentation(spec(self.settings.backbone).preprocessing)
        pictures = in_order(
            self.pool, lambda row: self.data.pictures[row](), order.tolist(), ahead=2 * size
        )
        for batch in batches_of(order, size):
            # Bent in this thread only: the draws come from one generator, in one order.
            yield self.model.activations(torch.stack([bend(next(pictures)) for _ in batch]))

    def _judge(self, number: int, head: LinearHead, loss: float, started: float) -> None:
        """Measure an epoch on the validation rows; keep its tail if it is the best tuned one."""
        _, outside, accuracy = self._refit()
        embeddings = torch.from_numpy(self._embed(self.validation)).to(self.model.device)
        with torch.no_grad():
            probabilities = head(embeddings).double().softmax(1).cpu().numpy()
        tuned = log_loss(
            decided(self._targets(self.validation)), probabilities, self._weights(self.validation)
        )
        seconds = time.perf_counter() - started
        self.epochs.append(Epoch(number, loss, tuned, outside, accuracy, seconds))
        if self.best is None or outside < self.epochs[self.best[0]].log_loss:
            self.best = (number, self.model.tail_state())

    def _refit(self) -> tuple[FittedHead, float, float]:
        """Fit the closed-form head on training embeddings; score it on the validation rows."""
        labeled = LabeledSet(
            image_ids=self.probe,
            embeddings=self._embed(self.probe),
            targets=self._targets(self.probe),
            weights=self._weights(self.probe),
            groups=np.asarray(self.data.groups)[self.probe],
            label_order=tuple(str(label) for label in range(self.data.targets.shape[1])),
        )
        fitted = fit_ridge(labeled)
        probabilities = predict(fitted.head, self._embed(self.validation))
        # As heads are calibrated and checked everywhere: against a soft posterior of one vote,
        # whoever is surely right would lose to whoever is hardly sure.
        targets = decided(self._targets(self.validation))
        weights = self._weights(self.validation)
        is_right = targets.argmax(1) == probabilities.argmax(1)
        return fitted, log_loss(targets, probabilities, weights), float(is_right.mean())

    def _embed(self, rows: Indices) -> Embeddings:
        batches = batches_of(rows, self.settings.batch_size)
        embeddings = self.model.embed(
            torch.stack([self.cached[row] for row in batch.tolist()]) for batch in batches
        )
        if not np.isfinite(embeddings).all():
            raise FineTuneDivergedError(
                f"Tuning diverged in epoch {len(self.epochs)}; lower backbone_lr "
                f"({self.settings.backbone_lr:g}) or head_lr ({self.settings.head_lr:g})."
            )
        return embeddings

    def _best_epoch(self) -> int:
        """Give the epoch with the lowest validation log-loss so far, the untuned one included."""
        return min(self.epochs, key=lambda epoch: epoch.log_loss).epoch

    def _targets(self, rows: Indices) -> Probabilities:
        targets: Probabilities = np.asarray(self.data.targets, dtype=np.float64)[rows]
        return targets

    def _weights(self, rows: Indices) -> Weights:
        weights: Weights = np.asarray(self.data.weights, dtype=np.float64)[rows]
        return weights

    def _ask(self) -> None:
        if self.should_stop():
            raise FineTuneStoppedError("The fine-tune was asked to stop; nothing was kept.")

    def _close_stage(self, stage: str) -> None:
        spent = time.perf_counter() - self.started
        self.stages_s[stage] = spent - sum(self.stages_s.values())


def _rate(step: int, steps: int, warm_up: float) -> float:
    """Give the factor of the learning rates: a straight rise, then half a cosine to zero."""
    rising = math.ceil(warm_up * steps)
    if step < rising:
        return (step + 1) / (rising + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
