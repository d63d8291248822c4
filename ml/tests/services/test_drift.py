"""Uploads that look different, and the audit share they are drawn by."""

from __future__ import annotations

import itertools
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from labeling.tests import factories, worlds
from labeling.tests.rows import AuditEvent, Image, Partition, Project, SplitGroup
from ml.models import Embedding, UploadDrift
from ml.selectors import upload_drift
from ml.services import drift, partition
from ml.tests.loop.world import DIM, World

pytestmark = pytest.mark.django_db
_hashes = itertools.count(1_000_000)
TOMORROW = worlds.NOW + timedelta(days=1)


@pytest.fixture
def world() -> World:
    """A head, and pool images it has not learned from."""
    world = World.make(pool=210)
    Project.objects.filter(pk=world.project.pk).update(audit_partition_share=0.12)
    world.label_some(60)
    assert world.refit().kind == "deployed"
    return world


def upload(world: World, count: int, classes: list[int], source: str = "phone app") -> list[int]:
    """Images that wait for their partition, of these classes in turn, with their vectors."""
    kinds = [classes[place % len(classes)] for place in range(count)]
    images = [
        factories.make_image(
            world.project,
            Partition.PENDING,
            source=source,
            created_at=TOMORROW,
            perceptual_hash=next(_hashes),
        )
        for _ in range(count)
    ]
    vectors = world.directions[kinds] + world.noise * world.rng.normal(size=(count, DIM))
    Embedding.objects.bulk_create(
        Embedding(set=world.embedding_set, image=image, vector=vector.astype(np.float16).tobytes())
        for image, vector in zip(images, vectors, strict=True)
    )
    return [image.pk for image in images]


def shares(world: World, ids: list[int]) -> dict[int, float]:
    found = drift.audit_shares(project_id=world.project.pk, image_ids=np.array(ids), now=TOMORROW)
    return dict(found)


def test_uploads_like_those_before_are_drawn_by_the_usual_share(world: World) -> None:
    assert shares(world, upload(world, 120, [0, 1, 2])) == {}

    row = UploadDrift.objects.get(project=world.project)
    assert (row.is_drifted, row.audit_share, row.n_images) == (False, 0.12, 120)
    assert not AuditEvent.objects.filter(verb="uploads_drifted").exists()


def test_uploads_of_one_label_alone_are_drawn_twice_as_often(world: World) -> None:
    ids = upload(world, 120, [1])

    assert shares(world, ids) == dict.fromkeys(ids, 0.24)

    row = UploadDrift.objects.get(project=world.project)
    labels = next(each for each in row.signals if each["name"] == "labels")
    assert row.is_drifted
    assert labels["is_alarm"]
    assert labels["effect"] > 2
    assert labels["label"] in {"milk", "soy-milk", "oat-milk"}
    (said,) = upload_drift.drifted(world.project.pk, now=TOMORROW)
    assert said.sentence.startswith(
        "The 120 pictures from “phone app” of 2 March look different from those before: "
        "the classifier sees hardly any "
    )
    assert "less like the labeled pictures. Of those still" in said.sentence
    assert "24 % become audit images instead of 12 %" in said.sentence
    (event,) = AuditEvent.objects.filter(verb="uploads_drifted")
    assert event.detail == {"day": "2026-03-02", "images": 120, "audit_share": 0.24}


def test_fewer_than_a_hundred_are_not_judged(world: World) -> None:
    assert shares(world, upload(world, 90, [1])) == {}
    assert not UploadDrift.objects.exists()


def test_a_source_is_judged_by_its_own_images(world: World) -> None:
    strange, usual = upload(world, 120, [1]), upload(world, 120, [0, 1, 2], "market hall")

    assert set(shares(world, strange + usual)) == set(strange)


def test_a_batch_is_judged_again_when_it_has_grown_by_half(world: World) -> None:
    ids = upload(world, 120, [1])
    shares(world, ids)
    shares(world, ids + upload(world, 30, [0]))
    assert UploadDrift.objects.get().n_images == 120

    later = upload(world, 40, [0, 2])
    shares(world, ids + later)
    assert UploadDrift.objects.get().n_images == 190
    assert AuditEvent.objects.filter(verb="uploads_drifted").count() == 1


def test_the_probability_a_group_was_drawn_by_is_the_one_it_has(world: World) -> None:
    Project.objects.filter(pk=world.project.pk).update(split_cosine=1.0)
    few = upload(world, 40, [1])
    partition.decide(project_id=world.project.pk, now=TOMORROW)
    rest = upload(world, 160, [1])
    partition.decide(project_id=world.project.pk, now=TOMORROW)

    def inclusion(ids: list[int]) -> set[float | None]:
        return set(Image.objects.filter(pk__in=ids).values_list("inclusion_probability", flat=True))

    assert inclusion(few) == {0.12}  # drawn before anybody could know
    assert inclusion(rest) == {0.24}
    audit = SplitGroup.objects.filter(images__in=rest, partition=Partition.AUDIT).distinct()
    # 160 draws at 0.24: 38 expected, standard deviation 5.4; at 0.12 they would be 19.
    assert 22 <= audit.count() <= 56
    assert set(audit.values_list("inclusion_probability", flat=True)) == {0.24}


def test_without_a_champion_nothing_is_compared() -> None:
    world = World.make(pool=150)

    assert shares(world, upload(world, 120, [1])) == {}
    assert not UploadDrift.objects.exists()


def test_staff_are_told_and_nobody_else(world: World) -> None:
    shares(world, upload(world, 120, [1]))
    UploadDrift.objects.update(measured_at=timezone.now())
    path = f"/api/v1/staff/projects/{world.project.slug}/drift"
    client = APIClient()

    assert client.get(path).status_code in {401, 403}
    client.force_login(factories.make_member(world.project, "MANAGER"))
    (found,) = client.get(path).json()
    assert (found["source"], found["images"], found["audit_share"]) == ("phone app", 120, 0.24)


def test_after_a_month_nothing_is_said(world: World) -> None:
    shares(world, upload(world, 120, [1]))

    assert upload_drift.drifted(world.project.pk, now=TOMORROW + timedelta(days=31)) == []
