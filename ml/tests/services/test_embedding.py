"""Embedding in batches: once an image, whatever dies in between."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage
from pytest_django import Settings

from labeling.services import images, pictures
from labeling.tests import factories, worlds
from labeling.tests.rows import Image, Project
from ml.inference.files import BackboneMissingError
from ml.models import Embedding, EmbeddingSet, EmbeddingSetState
from ml.selectors import embeddings
from ml.services import embedding

pytestmark = pytest.mark.usefixtures("backbone")
NOW = worlds.NOW


def _ingest(project: Project, count: int) -> list[int]:
    found = [
        images.ingest(
            project_id=project.pk,
            upload=io.BytesIO(factories.picture_bytes(seed)),
            original_name=f"{seed}.jpg",
            source="shop",
            licence="MIT",
            uploaded_by_id=None,
            now=NOW,
        )
        for seed in range(count)
    ]
    return [each.image_id for each in found]


def _embed(project: Project, seconds: float = 2.0) -> embedding.Batch:
    of = embedding.ensure_original_set(project_id=project.pk, now=NOW)
    return embedding.embed_batch(project_id=project.pk, set_id=of.pk, now=NOW, seconds=seconds)


def test_every_image_gets_one_vector_and_the_set_is_ready(project: Project) -> None:
    ids = _ingest(project, 30)

    first, second = _embed(project), _embed(project)

    assert (first.embedded, first.remaining) == (embedding.FIRST_BATCH, 30 - embedding.FIRST_BATCH)
    assert (second.embedded, second.remaining) == (30 - embedding.FIRST_BATCH, 0)
    assert sorted(Embedding.objects.values_list("image_id", flat=True)) == ids
    assert EmbeddingSet.objects.get().state == EmbeddingSetState.READY


def test_batches_in_a_row_take_every_image_once(project: Project) -> None:
    ids = _ingest(project, 30)
    of = embedding.ensure_original_set(project_id=project.pk, now=NOW)

    batches = list(
        embedding.embed_batches(
            project_id=project.pk, set_id=of.pk, now=NOW, seconds=0.0, at_most=9
        )
    )

    assert [each.embedded for each in batches] == [embedding.FIRST_BATCH, 6]
    assert sorted(Embedding.objects.values_list("image_id", flat=True)) == ids


def _task(project: Project) -> list[int]:
    """Run what one task runs that expects another after it; give the images of its batches."""
    of = embedding.ensure_original_set(project_id=project.pk, now=NOW)
    batches = embedding.embed_batches(
        project_id=project.pk, set_id=of.pk, now=NOW, seconds=0.0, at_most=1, goes_on=True
    )
    return [each.embedded for each in batches]


def _next_without_vector() -> Image:
    known = Embedding.objects.values("image_id")
    return Image.objects.exclude(pk__in=known).order_by("public_id")[0]


def test_what_one_task_began_the_next_one_writes(project: Project) -> None:
    ids = _ingest(project, 40)

    counts = [_task(project), _task(project), _task(project)]

    assert counts == [[embedding.FIRST_BATCH], [8], [8]]
    assert sorted(Embedding.objects.values_list("image_id", flat=True)) == ids


def test_what_one_task_began_and_another_worker_finished_is_not_counted_twice(
    project: Project,
) -> None:
    ids = _ingest(project, 40)
    _task(project)
    theirs = _next_without_vector()
    Embedding.objects.create(
        set=EmbeddingSet.objects.get(), image_id=theirs.pk, vector=b"\0" * 2 * 1280
    )

    counts = [_task(project), _task(project)]

    assert counts == [[8], [7]]
    assert sorted(Embedding.objects.values_list("image_id", flat=True)) == ids


def test_an_image_that_is_removed_while_it_is_computed_gets_no_vector(project: Project) -> None:
    _ingest(project, 30)
    _task(project)
    gone = _next_without_vector()
    images.remove_image(image_id=gone.pk, user_id=None, now=NOW)

    assert _task(project) == [5]

    assert not Embedding.objects.filter(image_id=gone.pk).exists()


def test_a_vector_is_what_the_backbone_says_of_the_stored_picture(project: Project) -> None:
    (image_id,) = _ingest(project, 1)
    _embed(project)
    of = embedding.original_set(project.pk)

    stored = embedding.load_matrix(of.pk, [image_id])

    embedder = embedding.embedder(of)
    picture = pictures.open_stored(Image.objects.get().storage_key)
    expected = embedder.embed(embedder.preprocess(picture)[None])
    assert stored == pytest.approx(expected, abs=2e-3)


def test_another_worker_at_it_is_left_alone(project: Project) -> None:
    _ingest(project, 3)
    of = embedding.ensure_original_set(project_id=project.pk, now=NOW)
    EmbeddingSet.objects.filter(pk=of.pk).update(heartbeat_at=NOW, fencing_token=1)

    batch = _embed(project)

    assert batch == embedding.Batch(0, 3, is_ours=False)


def test_a_dead_workers_claim_is_taken_over_after_half_a_minute(project: Project) -> None:
    _ingest(project, 3)
    of = embedding.ensure_original_set(project_id=project.pk, now=NOW)
    died = NOW - embedding.STALE_AFTER - timedelta(seconds=1)
    EmbeddingSet.objects.filter(pk=of.pk).update(heartbeat_at=died, fencing_token=1)

    assert _embed(project).embedded == 3
    of.refresh_from_db()
    assert (of.fencing_token, of.heartbeat_at) == (2, None)


def test_a_worker_that_was_fenced_off_writes_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ingest(project, 3)
    really_choose = embedding._next_rows

    def slowly(*of: Any, **before: Any) -> Any:
        EmbeddingSet.objects.update(fencing_token=9)  # another worker takes over meanwhile
        return really_choose(*of, **before)

    monkeypatch.setattr(embedding, "_next_rows", slowly)

    _embed(project)

    assert not Embedding.objects.exists()


def test_an_unreadable_file_is_noted_and_does_not_stop_the_others(project: Project) -> None:
    ids = _ingest(project, 3)
    default_storage.delete(Image.objects.get(pk=ids[1]).storage_key)

    batch = _embed(project)

    assert batch.remaining == 0
    assert EmbeddingSet.objects.get().unreadable == [ids[1]]
    assert set(Embedding.objects.values_list("image_id", flat=True)) == {ids[0], ids[2]}


def test_a_missing_backbone_names_the_command_that_makes_it(
    project: Project, backbone: Path
) -> None:
    backbone.unlink()

    with pytest.raises(BackboneMissingError, match="export_backbone"):
        embedding.ensure_original_set(project_id=project.pk, now=NOW)


def test_a_host_without_the_file_fetches_it_from_storage(project: Project, backbone: Path) -> None:
    of = embedding.ensure_original_set(project_id=project.pk, now=NOW)
    backbone.unlink()

    assert embedding.backbone_file(of.pk).digest == of.digest
    assert backbone.exists()


def test_a_matrix_comes_in_the_order_asked_for_and_without_a_second_read(
    project: Project, django_assert_num_queries: object
) -> None:
    ids = _ingest(project, 4)
    _embed(project)
    of = embedding.original_set(project.pk)
    forward = embedding.load_matrix(of.pk, ids)

    with django_assert_num_queries(1):  # type: ignore[operator]
        backward = embedding.load_matrix(of.pk, ids[::-1])

    assert (forward == backward[::-1]).all()


def test_an_image_without_a_vector_is_an_error_not_zeros(project: Project) -> None:
    _ingest(project, 1)
    _embed(project)

    with pytest.raises(embeddings.NotEmbeddedError):
        embedding.load_matrix(embedding.original_set(project.pk).pk, [999_999])


def test_vectors_read_once_are_not_asked_of_the_database_by_the_next_process(
    project: Project, django_assert_num_queries: object
) -> None:
    ids = _ingest(project, 4)
    _embed(project)
    of = embedding.original_set(project.pk)
    before = embedding.load_matrix(of.pk, ids)
    embeddings.forget()

    with django_assert_num_queries(2) as asked:  # type: ignore[operator]
        after = embedding.load_matrix(of.pk, ids)

    assert (after == before).all()
    assert not any("vector" in each["sql"] for each in asked.captured_queries)


def test_a_database_put_back_to_an_earlier_day_gets_no_vector_of_another_image(
    project: Project,
) -> None:
    ids = _ingest(project, 2)
    _embed(project)
    of = embedding.original_set(project.pk)
    embedding.load_matrix(of.pk, ids)
    embeddings.forget()
    # The second image was added after the backup; its key now belongs to another picture.
    Image.objects.filter(pk=ids[1]).update(public_id=uuid.uuid4())
    Embedding.objects.filter(image_id=ids[1]).update(
        vector=np.full(of.dim, 0.5, dtype=np.float16).tobytes()
    )

    assert embedding.load_matrix(of.pk, [ids[1]]).tolist() == [[0.5] * of.dim]


def test_a_vector_cache_that_cannot_be_written_says_which_folder(
    project: Project, settings: Settings, tmp_path: Path
) -> None:
    _ingest(project, 1)
    _embed(project)
    embeddings.forget()
    (tmp_path / "taken").write_text("a file where a folder should be")
    settings.VECTOR_CACHE_DIR = tmp_path / "taken"

    with pytest.raises(embeddings.VectorCacheError, match=r"taken.*LARDER_VECTOR_CACHE"):
        embeddings.has_vector(embedding.original_set(project.pk).pk, np.array([1]))
