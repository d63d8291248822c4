"""Scoring the pool where there is nothing in it yet."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.tests import worlds
from labeling.tests.rows import Project
from ml.models import EmbeddingSet
from ml.services import acquisition
from ml.services.acquisition import Labeled
from ml.types import Head

NOTHING = Labeled(np.empty(0, dtype=np.int64), np.zeros(3))


@pytest.fixture
def empty_set(project: Project) -> EmbeddingSet:
    return EmbeddingSet.objects.create(
        project=project, backbone="made-up", digest="0" * 64, storage_key="none",
        preprocessing={}, dim=4, is_original=True, created_at=worlds.NOW,
    )  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("has_head", [False, True])
def test_images_without_a_vector_give_an_empty_pool_and_no_warning(
    project: Project, empty_set: EmbeddingSet, has_head: bool
) -> None:
    worlds.make_images(project, 3)
    head = Head(np.zeros((4, 3)), np.zeros(3), np.zeros(4), 1.0, 1.0, ("a", "b", "c"))

    scored = acquisition.score_candidates(
        project_id=project.pk,
        set_id=empty_set.pk,
        head=head if has_head else None,
        labeled=NOTHING,
    )

    assert scored.image_ids.shape == (0,)
    assert scored.prepared.shape == scored.labeled.shape == (0, 4)
    assert (scored.probabilities is not None) == has_head
    chosen = acquisition.refill(
        project=project, scored=scored, labeled=NOTHING, model_version=None,
        rng=np.random.default_rng(0), now=worlds.NOW,
    )  # fmt: skip
    assert len(chosen) == 0
