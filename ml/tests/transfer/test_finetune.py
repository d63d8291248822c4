from __future__ import annotations

import csv
import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ml.heads.ridge import predict
from ml.inference.embedder import OnnxEmbedder
from ml.inference.files import read_backbone
from ml.inference.preprocess import open_rgb
from ml.transfer.backbones import load_backbone
from ml.transfer.finetune import FineTuneDivergedError, FineTuneStoppedError, finetune
from ml.transfer.recipe import (
    FineTuned,
    FineTuneData,
    FineTuneSettings,
    TooFewGroupsError,
    split_rows,
)
from ml.transfer.tunable import DeviceMissingError, LinearHead, Tunable
from ml.types import Head

pytestmark = pytest.mark.torch
Drawings = Callable[..., FineTuneData]
QUICK = FineTuneSettings(
    backbone="tiny", tuned_stages=2, epochs=3, batch_size=16, device="cpu", patience=3
)


def tune(
    data: FineTuneData, folder: Path, settings: FineTuneSettings = QUICK, **options: object
) -> FineTuned:
    chosen: dict[str, Any] = {
        "progress": lambda _stage, _share: None,
        "should_stop": lambda: False,
        "seed": 5,
        **options,
    }
    return finetune(data, settings=settings, folder=folder, name="tiny-tuned", **chosen)


def test_learns_what_a_random_backbone_cannot_see(
    tmp_path: Path, tiny: str, drawings: Drawings
) -> None:
    settings = replace(
        QUICK, tuned_stages=3, epochs=25, patience=25, backbone_lr=1e-2, augment=False
    )

    tuned = tune(drawings(180), tmp_path, settings)

    assert tuned.is_better
    assert tuned.log_loss_after < tuned.log_loss_before - 0.1
    assert tuned.epochs[-1].train_loss < tuned.epochs[1].train_loss


def test_gives_a_compiled_backbone_and_the_account_of_the_run(
    tmp_path: Path, tiny: str, drawings: Drawings
) -> None:
    tuned = tune(drawings(), tmp_path)

    assert read_backbone(Path(tuned.backbone.path)) == tuned.backbone
    assert tuned.backbone.name == "tiny-tuned"
    assert [epoch.epoch for epoch in tuned.epochs] == [0, 1, 2, 3]
    assert tuned.log_loss_before == tuned.epochs[0].log_loss
    assert tuned.log_loss_after == min(epoch.log_loss for epoch in tuned.epochs[1:])
    assert tuned.n_train + tuned.n_validation == 90
    assert tuned.device == "cpu"
    assert sum(tuned.stages_s.values()) <= tuned.seconds


def test_only_the_last_stages_change(tmp_path: Path, tiny: str, drawings: Drawings) -> None:
    model = Tunable(load_backbone(tiny), 1, torch.device("cpu"))
    is_tuned = {name: p.requires_grad for name, p in model.backbone.named_parameters()}

    assert {name.split(".")[1] for name, tuned in is_tuned.items() if tuned} == {"2"}
    assert not model.backbone.training


@pytest.mark.parametrize("augment", [True, False])
def test_one_seed_gives_one_backbone_bit_by_bit(
    tmp_path: Path, tiny: str, drawings: Drawings, augment: bool
) -> None:
    settings = replace(QUICK, augment=augment, epochs=2)
    runs = [tune(drawings(48), tmp_path, settings, seed=seed) for seed in (7, 7, 8)]

    assert runs[0].backbone.digest == runs[1].backbone.digest != runs[2].backbone.digest
    assert [e.log_loss for e in runs[0].epochs] == [e.log_loss for e in runs[1].epochs]


def test_leaves_torchs_random_numbers_as_they_were(
    tmp_path: Path, tiny: str, drawings: Drawings
) -> None:
    state = torch.get_rng_state()

    tune(drawings(24), tmp_path, replace(QUICK, epochs=1))

    assert torch.equal(torch.get_rng_state(), state)


def test_starts_from_exactly_the_closed_form_head() -> None:
    rng = np.random.default_rng(0)
    head = Head(rng.normal(size=(6, 4)), rng.normal(size=4), rng.normal(size=6), 13.0, 0.1, ())
    embeddings = rng.normal(size=(9, 6)).astype(np.float32)

    logits = LinearHead(head)(torch.from_numpy(embeddings))

    assert np.allclose(logits.softmax(1).detach(), predict(head, embeddings), atol=1e-5)


def test_stops_early_when_validation_only_gets_worse(
    tmp_path: Path, tiny: str, drawings: Drawings
) -> None:
    data = drawings()
    noise = replace(data, targets=np.random.default_rng(3).permutation(data.targets))
    settings = replace(QUICK, epochs=30, patience=2, backbone_lr=0.05, augment=False)

    tuned = tune(noise, tmp_path, settings)

    assert tuned.is_stopped_early
    assert len(tuned.epochs) < 31


def test_keeps_the_best_tuned_epoch_even_where_none_is_better(
    tmp_path: Path, tiny: str, drawings: Drawings
) -> None:
    tuned = tune(drawings(), tmp_path, replace(QUICK, backbone_lr=0.05, patience=1))

    best = min(tuned.epochs[1:], key=lambda epoch: epoch.log_loss)
    assert (tuned.best_epoch, tuned.log_loss_after) == (best.epoch, best.log_loss)
    assert tuned.is_better is (tuned.log_loss_after < tuned.log_loss_before)


def test_refuses_a_run_that_diverged(tmp_path: Path, tiny: str, drawings: Drawings) -> None:
    with pytest.raises(FineTuneDivergedError, match="backbone_lr"):
        tune(drawings(), tmp_path, replace(QUICK, backbone_lr=1e30))

    assert not list(tmp_path.glob("*.onnx"))


@pytest.mark.parametrize("asked", [1, 4, 9])
def test_stops_when_asked_and_keeps_nothing(
    tmp_path: Path, tiny: str, drawings: Drawings, asked: int
) -> None:
    asks = iter(range(1, 100))

    with pytest.raises(FineTuneStoppedError):
        tune(drawings(), tmp_path, should_stop=lambda: next(asks) >= asked)

    assert not list(tmp_path.glob("*.onnx"))


def test_progress_only_rises_and_ends_at_one(tmp_path: Path, tiny: str, drawings: Drawings) -> None:
    seen: list[tuple[str, float]] = []

    tune(drawings(), tmp_path, progress=lambda stage, share: seen.append((stage, share)))

    shares = [share for _, share in seen]
    assert shares == sorted(shares)
    assert seen[0] == ("reading", 0.0)
    assert seen[-1] == ("exporting", 1.0)


def test_a_label_that_nobody_gave_yet_does_no_harm(
    tmp_path: Path, tiny: str, drawings: Drawings
) -> None:
    tuned = tune(drawings(48, k=5), tmp_path)

    assert all(math.isfinite(epoch.log_loss) for epoch in tuned.epochs)
    assert all(math.isfinite(epoch.train_loss) for epoch in tuned.epochs[1:])


def test_learns_from_undecided_answers(tmp_path: Path, tiny: str, drawings: Drawings) -> None:
    data = drawings(48)
    undecided = replace(data, targets=0.8 * data.targets + 0.2 / 3, weights=np.full(48, 0.5))

    assert math.isfinite(tune(undecided, tmp_path).log_loss_after)


def test_being_surely_right_is_no_fault_where_each_label_rests_on_one_vote(
    tmp_path: Path, tiny: str
) -> None:
    """Against the posterior of one vote nobody could reach less than its entropy, and the sure
    would lose to the doubtful: a backbone that told everything apart was set aside as no better.
    """
    of_one_vote = np.full((3, 3), 1 / 14) + np.eye(3) * 11 / 14
    entropy = -(of_one_vote[0] * np.log(of_one_vote[0])).sum()
    colours = [(40, 30, 30), (30, 40, 30), (30, 30, 40)]
    kinds = np.arange(90) % 3
    data = FineTuneData(
        pictures=[partial(Image.new, "RGB", (48, 40), colours[kind]) for kind in kinds],
        targets=of_one_vote[kinds],
        weights=np.ones(90),
        groups=np.arange(90),
    )

    tuned = tune(data, tmp_path, replace(QUICK, augment=False))

    assert tuned.log_loss_before < 0.1 < entropy
    assert tuned.log_loss_after < 0.1
    assert all(epoch.accuracy == 1 for epoch in tuned.epochs)


def test_validation_takes_whole_groups_and_thinning_keeps_to_the_limit(
    drawings: Drawings,
) -> None:
    data = drawings(90)

    train, validation = split_rows(data, replace(QUICK, max_images=50), np.random.default_rng(0))

    assert len(train) + len(validation) == 50
    assert not set(data.groups[train]) & set(data.groups[validation])
    assert 5 <= len(validation) <= 15


def test_refuses_what_cannot_be_validated(tmp_path: Path, tiny: str, drawings: Drawings) -> None:
    with pytest.raises(TooFewGroupsError, match="one split group"):
        tune(replace(drawings(20), groups=np.zeros(20, dtype=np.int64)), tmp_path)


def test_a_picture_that_cannot_be_read_comes_out(
    tmp_path: Path, tiny: str, drawings: Drawings
) -> None:
    data = drawings(20)

    def gone() -> Image.Image:
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError, match="gone"):
        tune(replace(data, pictures=[*data.pictures[:-1], gone]), tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this host has a CUDA device")
def test_asking_for_cuda_on_a_host_without_it_is_refused(
    tmp_path: Path, tiny: str, drawings: Drawings
) -> None:
    with pytest.raises(DeviceMissingError, match="no CUDA device"):
        tune(drawings(20), tmp_path, replace(QUICK, device="cuda"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, there is none")
def test_tunes_on_a_cuda_device_in_bfloat16(tmp_path: Path, tiny: str, drawings: Drawings) -> None:
    tuned = tune(drawings(), tmp_path, replace(QUICK, device="cuda"))

    assert tuned.device.startswith("cuda")
    assert math.isfinite(tuned.log_loss_after)


@pytest.mark.slow
def test_tunes_the_real_lite0_for_little_work(tmp_path: Path, drawings: Drawings) -> None:
    settings = FineTuneSettings(epochs=1, tuned_stages=1, device="cpu")
    before = time.process_time()

    tuned = tune(drawings(36), tmp_path, settings)

    engine = OnnxEmbedder(tuned.backbone, threads=1)
    assert engine.dim == 1280
    assert time.process_time() - before < 240  # 22 s; of all threads, whoever else is at work


@pytest.mark.slow
@pytest.mark.skipif(
    "LARDER_DEMO_IMAGES" not in os.environ, reason="needs photographs: set LARDER_DEMO_IMAGES"
)
def test_tuning_lite0_on_photographs_lowers_the_log_loss_of_other_photographs(
    tmp_path: Path,
) -> None:
    root = Path(os.environ["LARDER_DEMO_IMAGES"])
    with (root / "labels.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    chosen = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))[:400]]
    labels, columns = np.unique([row["coarse_label"] for row in chosen], return_inverse=True)

    def load(path: Path) -> Image.Image:
        with path.open("rb") as file:
            return open_rgb(file)

    data = FineTuneData(
        pictures=[partial(load, root / row["path"]) for row in chosen],
        targets=np.eye(len(labels))[columns],
        weights=np.ones(len(chosen)),
        groups=np.arange(len(chosen)),
    )

    tuned = tune(data, tmp_path, FineTuneSettings(device="cpu"), seed=0)

    assert tuned.is_better
