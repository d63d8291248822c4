"""What a fine-tune takes, how it is set, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ml.errors import MlError
from ml.evaluation.splits import grouped_holdout
from ml.types import BackboneFile, Groups, Indices, Probabilities, Weights

ROUNDING_NATS = 1e-6


class TooFewGroupsError(MlError):
    """There are not two split groups, so nothing can be held out honestly."""

    code = "finetune_too_few_groups"
    status = 409


@dataclass(frozen=True, slots=True)
class FineTuneData:
    """Labeled images: training labels only, never audit.

    Attributes:
        pictures: n callables, each decoding one RGB picture; called once an epoch, in threads.
        targets: (n, k) soft consensus posteriors, rows sum to 1; a column may have no rows.
        weights: (n,) positive.
        groups: (n,) split groups; validation takes whole groups.
    """

    pictures: Sequence[Callable[[], Image.Image]]
    targets: Probabilities
    weights: Weights
    groups: Groups


@dataclass(frozen=True, slots=True)
class FineTuneSettings:
    """How to tune. The defaults fit a two-core machine into a few minutes.

    Attributes:
        backbone: where tuning starts, always from the pretrained weights: a tune of a tune
            would drift from them, and only its compiled form is kept.
        weights_path: local safetensors weights of that backbone.
        tuned_stages: how many of the last stages learn.
        max_images: more rows than this are thinned at random; None takes all.
        backbone_lr: of the last stage; every stage before it learns `layer_decay` times slower.
            High because the steps are few: on 320 photographs, two stages and three epochs,
            1e-3 took the log-loss on 296 others from .97 to .90, 1e-4 left it (one seed).
        warm_up: share of all steps in which the rates rise from zero, before the cosine.
        patience: epochs without a better validation log-loss before stopping.
        device: cpu, cuda or auto.
        decode_threads: pictures decoded at a time.
    """

    backbone: str = "efficientnet-lite0"
    weights_path: Path | None = None
    tuned_stages: int = 2
    max_images: int | None = 400
    epochs: int = 3
    batch_size: int = 16
    head_lr: float = 1e-3
    backbone_lr: float = 1e-3
    layer_decay: float = 0.75
    warm_up: float = 0.1
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    validation_share: float = 0.2
    patience: int = 2
    augment: bool = True
    device: str = "auto"
    decode_threads: int = 2

    @classmethod
    def for_gpu(cls, **overrides: object) -> FineTuneSettings:
        """Give the settings for a host with a CUDA device: all images, deeper and longer."""
        chosen: dict[str, object] = {
            "tuned_stages": 4, "max_images": None, "epochs": 30, "batch_size": 64,
            "patience": 5, "backbone_lr": 1e-4, "decode_threads": 8,
        }  # fmt: skip
        return cls(**{**chosen, **overrides})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave. Epoch 0 is the backbone before tuning.

    Attributes:
        train_loss: mean smoothed cross-entropy of the tuned head; NaN in epoch 0.
        tuned_log_loss: of validation rows, by the head tuned along.
        log_loss: of validation rows against the labels they decide for, by a closed-form head
            refitted on the tuned embeddings of the training rows: what will be deployed, hence
            what decides.
        accuracy: of that refitted head on validation rows.
    """

    epoch: int
    train_loss: float
    tuned_log_loss: float
    log_loss: float
    accuracy: float
    seconds: float


@dataclass(frozen=True, slots=True)
class FineTuned:
    """A tuned and compiled backbone with the account of how it came about.

    `backbone` is the best tuned epoch, also where no epoch beat the untuned one: ask `is_better`
    before spending the gate's error budget on it.
    """

    backbone: BackboneFile
    epochs: tuple[Epoch, ...]
    best_epoch: int
    log_loss_before: float
    log_loss_after: float
    n_train: int
    n_validation: int
    device: str
    seconds: float
    stages_s: dict[str, float]
    is_stopped_early: bool

    @property
    def is_better(self) -> bool:
        """Whether the validation log-loss fell by more than sums in another order differ."""
        return self.log_loss_after < self.log_loss_before - ROUNDING_NATS


def split_rows(
    data: FineTuneData, settings: FineTuneSettings, rng: np.random.Generator
) -> tuple[Indices, Indices]:
    """Give training and validation rows: thinned to `max_images`, whole groups held out.

    Raises:
        TooFewGroupsError: there are not two groups among the rows taken.
    """
    n = len(data.pictures)
    if {len(data.targets), len(data.weights), len(data.groups)} != {n}:
        raise ValueError("pictures, targets, weights and groups differ in length.")
    rows = np.arange(n)
    if settings.max_images is not None and n > settings.max_images:
        rows = np.sort(rng.choice(rows, settings.max_images, replace=False))
    groups = np.asarray(data.groups)[rows]
    if len(np.unique(groups)) < 2:
        raise TooFewGroupsError(
            f"All {len(rows)} labeled images are of one split group, so none can be held out to "
            "validate on. Label images of other capture sessions first."
        )
    is_held_out = grouped_holdout(groups, settings.validation_share, rng)
    return rows[~is_held_out], rows[is_held_out]
