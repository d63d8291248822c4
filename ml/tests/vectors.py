"""Made-up embeddings for images that are real, so that a browser test needs no backbone."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from ml.models import Embedding, EmbeddingSet, TrainingRun

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

DIM = 16
NOISE = 1.5


def give_vectors(
    project_id: int, class_of: Mapping[int, int], *, now: datetime, rng: np.random.Generator
) -> None:
    """Give each image its class's direction in space with noise, as the project's first set."""
    embedding_set = EmbeddingSet.objects.create(
        project_id=project_id,
        backbone="made-up",
        digest=f"{project_id:064x}",
        storage_key="backbones/none.onnx",
        preprocessing={},
        dim=DIM,
        is_original=True,
        created_at=now,
    )
    directions = rng.normal(size=(max(class_of.values()) + 1, DIM))
    Embedding.objects.bulk_create(
        Embedding(
            set=embedding_set,
            image_id=image_id,
            vector=(directions[kind] + NOISE * rng.normal(size=DIM)).astype(np.float16).tobytes(),
        )
        for image_id, kind in class_of.items()
    )


def start_fine_tune(project_id: int, *, progress: float, now: datetime) -> None:
    """Leave a fine-tune in the middle of its work, and one that ended earlier this month."""
    TrainingRun.objects.create(
        project_id=project_id,
        kind="FINETUNE",
        trigger="new_labels",
        state="SUCCEEDED",
        stage="done",
        progress=1.0,
        device="cpu",
        seconds=212.4,
        cost=Decimal("0.06"),
        created_at=now,
        started_at=now,
        finished_at=now,
    )
    TrainingRun.objects.create(
        project_id=project_id,
        kind="FINETUNE",
        trigger="button",
        state="RUNNING",
        stage="training, epoch 2 of 3",
        progress=progress,
        device="cpu",
        created_at=now,
        started_at=now,
        heartbeat_at=now,
    )
