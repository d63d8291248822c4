"""Scoring the pool, and filling the window from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from labeling.selectors import crowd as crowd_selectors
from labeling.services import crowd
from labeling.tests import worlds
from labeling.tests.rows import Project, QueueEntry
from ml import acquisition as pure
from ml.acquisition.shards import RollingShard
from ml.heads import ridge
from ml.models import Embedding, EmbeddingSet
from ml.services import acquisition
from ml.services.acquisition import Labeled, Scored
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
    assert len(scored.prepared) == 0
    assert scored.labeled.shape == (0, 4)
    assert (scored.probabilities is not None) == has_head
    chosen = acquisition.refill(
        project=project, scored=scored, labeled=NOTHING, model_version=None,
        rng=np.random.default_rng(0), now=worlds.NOW,
    )  # fmt: skip
    assert len(chosen) == 0


@pytest.mark.parametrize("has_answered", [False, True])
def test_what_people_hold_or_just_answered_counts_as_labeled_so_that_its_neighbours_wait(
    project: Project, empty_set: EmbeddingSet, has_answered: bool
) -> None:
    # Two kinds of three images each: whichever is held, herding asks about the other kind next.
    images = worlds.make_images(project, 6)
    vectors = np.repeat(np.eye(4, dtype=np.float16)[:2], 3, axis=0)
    Embedding.objects.bulk_create(
        Embedding(set=empty_set, image=image, vector=vector.tobytes())
        for image, vector in zip(images, vectors, strict=True)
    )
    (held,) = worlds.claim(worlds.make_annotator(project), count=1)
    ids = [image.pk for image in images]
    if has_answered:
        worlds.submit(held)

    scored = acquisition.score_candidates(
        project_id=project.pk, set_id=empty_set.pk, head=None, labeled=NOTHING
    )

    assert held.image_id not in scored.image_ids
    assert len(scored.labeled) == 1
    for seed in range(10):
        pool, rng = scored.pool(), np.random.default_rng(seed)
        (first,), _ = pure.ACQUISITION_FUNCTIONS["max_herding"](pool, batch_size=1, rng=rng)
        kind = ids.index(int(scored.image_ids[first])) // 3
        assert kind != ids.index(held.image_id) // 3


def project_with_second_opinions() -> tuple[Project, Scored]:
    project = worlds.make_project(window_size=10)
    ada, bea = (worlds.make_annotator(project, name) for name in ("Ada", "Bea"))
    for image in worlds.make_images(project, 8):
        worlds.direct(ada, image)
    worlds.active(project, [bea])
    new = [image.pk for image in worlds.make_images(project, 20)]
    crowd.sweep(project_id=project.pk, clock=lambda: worlds.NOW)
    return project, Scored(
        image_ids=np.array(new),
        groups=np.arange(20),
        prepared=np.eye(20, dtype=np.float32),
        probabilities=np.full((20, 3), 1 / 3),
        labeled=np.empty((0, 20), dtype=np.float32),
    )


def refill(project: Project, scored: Scored, seed: int = 0) -> npt.NDArray[np.int64]:
    return acquisition.refill(
        project=project, scored=scored, labeled=Labeled(np.arange(3), np.full(3, 9.0)),
        model_version=None, rng=np.random.default_rng(seed), now=worlds.NOW,
    )  # fmt: skip


@pytest.mark.django_db
def test_second_opinions_take_their_share_of_the_window() -> None:
    project, scored = project_with_second_opinions()
    share, _ = crowd_selectors.relabel_share(project.pk)

    chosen = refill(project, scored)

    entries = list(QueueEntry.objects.filter(project=project).order_by("-priority"))
    again = [entry for entry in entries if entry.policy == "activelab 1"]
    assert len(again) == round(10 * share) > 0
    assert len(entries) == 10
    assert set(chosen.tolist()) == {entry.image_id for entry in entries} - {
        entry.image_id for entry in again
    }
    assert {entry.selection_probability for entry in again} == {1.0}


@pytest.mark.django_db
def test_second_opinions_come_first_as_often_as_there_are_of_them() -> None:
    """At a fixed place, a window that is filled anew at each answer never came to the first."""
    project, scored = project_with_second_opinions()
    first = []
    for seed in range(40):
        refill(project, scored, seed)
        entry = QueueEntry.objects.filter(project=project, state="OPEN").latest("priority")
        first.append(entry.policy == "activelab 1")

    share, _ = crowd_selectors.relabel_share(project.pk)
    assert 0.3 * share < np.mean(first) < 3 * share


def test_a_project_that_knows_herding_by_its_old_name_goes_on(project: Project) -> None:
    project.acquisition_function = "herding"
    warm = Labeled(np.arange(3), np.full(3, 9.0))

    assert acquisition.function_name(project, warm, has_head=True) == "max_herding"


def test_uncertainty_herding_has_its_own_cold_start_and_margin_borrows_one(
    project: Project,
) -> None:
    for name, cold in [("uherding", "uherding"), ("margin", "max_herding")]:
        project.acquisition_function = name
        assert acquisition.function_name(project, NOTHING, has_head=False) == cold
        warm = Labeled(np.arange(3), np.full(3, 9.0))
        assert acquisition.function_name(project, warm, has_head=True) == name


def test_a_new_project_chooses_by_uncertainty_herding() -> None:
    assert Project._meta.get_field("acquisition_function").default == pure.DEFAULT


def test_a_pool_too_large_to_keep_its_probabilities_still_tells_those_of_a_window() -> None:
    rng = np.random.default_rng(1)
    head = Head(rng.normal(size=(4, 3)), np.zeros(3), np.zeros(4), 2.0, 1.0, ("a", "b", "c"))
    raw = rng.normal(size=(9, 4)).astype(np.float32)
    rows = pure.PreparedRows(raw, np.arange(9), head.centre)
    ids = np.arange(100, 109)
    kept = Scored(ids, ids, rows, ridge.predict(head, raw), raw[:0], head)
    large = Scored(ids, ids, rows, None, raw[:0], head)

    for scored in (kept, large):
        found, said = scored.said_of(np.array([107, 101, 500]))
        assert found.tolist() == [101, 107]
        np.testing.assert_allclose(said, ridge.predict(head, raw[[1, 7]]), atol=1e-6)


def test_a_window_is_short_where_picks_cost_time_and_while_it_is_cold(project: Project) -> None:
    project.window_size = 200

    warm = {
        name: acquisition._window(project, name, is_cold=False)
        for name in ("typiclust", "uherding", "margin", "random")
    }

    assert warm == {"typiclust": 40, "uherding": 200, "margin": 200, "random": 200}
    assert acquisition._window(project, "uherding", is_cold=True) == 40
    assert acquisition._window(project, "random", is_cold=True) == 200


def test_a_very_large_pool_is_looked_at_shard_by_shard(
    project: Project, empty_set: EmbeddingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = worlds.make_images(project, 24)
    rng = np.random.default_rng(3)
    Embedding.objects.bulk_create(
        Embedding(
            set=empty_set, image=image, vector=rng.normal(size=4).astype(np.float16).tobytes()
        )
        for image in images
    )
    head = Head(rng.normal(size=(4, 3)), np.zeros(3), np.zeros(4), 1.0, 1.0, ("a", "b", "c"))
    small = RollingShard(whole_up_to=10, size=8, n_leaders=2)
    monkeypatch.setitem(acquisition._shards, (project.pk, empty_set.pk), small)

    looks = [
        acquisition.score_candidates(
            project_id=project.pk, set_id=empty_set.pk, head=head, labeled=NOTHING
        )
        for _ in range(3)
    ]

    assert all(len(look.image_ids) < len(images) for look in looks)
    assert {key for look in looks for key in look.image_ids.tolist()} == {
        image.pk for image in images
    }
    first = looks[0]
    assert first.doubt is not None
    assert np.isin(first.image_ids[np.argsort(first.doubt)[-2:]], looks[1].image_ids).all()
