"""A head goes on at once when labels are merged or split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labeling.selectors import projects
from labeling.services import label_groups, label_steps
from labeling.tests import worlds
from labeling.tests.rows import Image, Partition
from ml.heads import codec
from ml.models import ModelVersion
from ml.selectors import embeddings, evidence, metrics, registry
from ml.services import common_ground, narrowed, snapshots
from ml.tests.loop.world import LABELS, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    world = World.make(pool=90, audit=12)
    world.label_some(60)
    world.label_some(12, Partition.AUDIT)
    world.refit()
    return world


def champion(world: World) -> ModelVersion:
    view = registry.champion(world.project.pk)
    assert view is not None
    return ModelVersion.objects.get(pk=view.version_id)


def merge(world: World, *names: str, into: str) -> None:
    codes = [worlds.slug(name) for name in names]
    label_steps.merge_labels(project_id=world.project.pk, codes=codes, name=into, now=world.now)


def split(world: World, name: str, *into: str) -> None:
    label = projects.label(world.project.pk, worlds.slug(name))
    label_steps.split_label(label_id=label.pk, names=into, now=world.now)


def test_after_a_merge_the_next_head_is_compared_on_every_label_that_stands(world: World) -> None:
    merge(world, "milk", "soy milk", into="cow or soy")

    outcome = world.refit()

    version = champion(world)
    assert outcome.kind == "deployed"
    assert set(version.label_order) == {"cow-or-soy", "oat-milk"}
    assert version.gate["n_settled"] == version.gate["n_compared"] == 60
    # Two labels are easier than three, and what the old head said of both is added up.
    assert abs(version.gate["difference"]) < 0.1


def test_a_version_of_before_a_merge_is_right_by_the_labels_of_today(world: World) -> None:
    before = champion(world)
    merge(world, "milk", "soy milk", into="cow or soy")

    truth = evidence.audit_truth(world.project.pk)
    said = evidence.answers(before, truth.image_ids)
    found = metrics.measured(metrics.audit(world.project.pk), before.public_id)

    assert set(truth.codes) == {"cow-or-soy", "oat-milk"}
    assert np.mean(said == truth.codes) > 0.8
    assert found is not None
    assert set(found.codes) == {"cow-or-soy", "oat-milk"}
    assert found.is_right.mean() > 0.8


def test_after_a_split_the_head_goes_on_and_its_rows_teach_without_being_judged(
    world: World,
) -> None:
    split(world, "milk", "whole", "skimmed")

    outcome = world.refit()

    version = champion(world)
    head = codec.from_bytes(bytes(version.head or b""))
    rows = snapshots.load(version.snapshot_id)
    n_milk = sum(world.truth[key] == "milk" for key in world.answered if is_pool(key))
    assert outcome.kind == "deployed"
    assert set(head.label_order) == {"whole", "skimmed", "soy-milk", "oat-milk"}
    assert len(rows.image_ids) == 60
    assert version.n_labels == 60 - n_milk
    assert version.gate["n_compared"] == 60 - n_milk
    whole, skimmed = (rows.codes.index(code) for code in ("whole", "skimmed"))
    narrowed = rows.posteriors[60 - n_milk :]
    np.testing.assert_allclose(narrowed[:, whole], narrowed[:, skimmed])
    # It still knows what milk is, and not which: both heirs together win where milk won.
    scores = head.weights[:, [whole, skimmed]]
    np.testing.assert_allclose(scores[:, 0], scores[:, 1], atol=1e-6)


def test_answers_after_a_split_tell_the_new_labels_apart(world: World) -> None:
    split(world, "milk", "whole", "skimmed")
    world.refit()
    asked = [key for key in world.answered if world.truth[key] == "milk" and is_pool(key)]
    vectors = embeddings.load_matrix(world.embedding_set.pk, np.array(sorted(asked)))
    side = vectors[:, 0] > np.median(vectors[:, 0])
    for key, is_whole in zip(sorted(asked), side, strict=True):
        said = "whole" if is_whole else "skimmed"
        worlds.direct(world.annotator, Image.objects.get(pk=key), said)

    world.refit()

    version = champion(world)
    rows = snapshots.load(version.snapshot_id)
    assert version.n_labels == len(rows.image_ids) == 60
    assert version.gate.get("is_common_ground") is not False
    head = codec.from_bytes(bytes(version.head or b""))
    at = [head.label_order.index(code) for code in ("whole", "skimmed")]
    assert not np.allclose(head.weights[:, at[0]], head.weights[:, at[1]])


def test_a_version_that_cannot_know_a_new_label_is_not_asked_about_its_images(
    world: World,
) -> None:
    before = champion(world)
    split(world, "milk", "whole", "skimmed")
    world.refit()
    milk = [key for key in world.answered if world.truth[key] == LABELS[0] and not is_pool(key)]
    for key in milk:
        worlds.direct(world.annotator, Image.objects.get(pk=key), "whole")

    truth = evidence.audit_truth(world.project.pk)
    table = evidence.table(champion(world), before, truth)

    assert "whole" in truth.codes
    assert table.counts().n == 12 - len(milk)


def test_shares_what_a_version_says_of_a_split_label_evenly_over_its_heirs(world: World) -> None:
    before = champion(world)
    known = common_ground.out_of_group(before)
    labeled = common_ground.labeled_set(before)
    steps = {"milk": ("whole", "skimmed")}
    order = ("whole", "skimmed", "soy-milk", "oat-milk")
    targets = np.eye(4)[labeled.targets.argmax(axis=1) + 1]

    later = replace(labeled, targets=targets, label_order=order)
    ground = common_ground.between(later, known, steps)

    np.testing.assert_allclose(ground.said[:, 0], ground.said[:, 1])
    np.testing.assert_allclose(ground.said[:, 0], known.probabilities[:, 0] / 2, atol=1e-3)
    assert ground.is_comparable.tolist() == (targets[:, 1] == 0).tolist()


def test_what_people_could_only_narrow_down_is_spread_by_what_the_answered_images_teach() -> None:
    world = World.make(pool=90)
    label_groups.set_groups(
        project_id=world.project.pk,
        group_of={"soy-milk": "Plant milk", "oat-milk": "Plant milk"},
        now=world.now,
    )
    world.label_some(30)
    asked = [key for key in world.unanswered() if world.truth[key] != "milk"][:20]
    for key in asked:
        worlds.direct(world.annotator, Image.objects.get(pk=key), "plant milk")

    world.refit()

    version = champion(world)
    rows = snapshots.load(version.snapshot_id)
    assert (version.n_labels, len(rows.image_ids)) == (30, 50)
    shares = dict(zip(rows.image_ids.tolist(), rows.posteriors, strict=True))
    at = {label: rows.codes.index(worlds.slug(label)) for label in LABELS}
    right = [shares[key][at[world.truth[key]]] for key in asked]
    plant = [shares[key][[at["soy milk"], at["oat milk"]]].sum() for key in asked]
    assert np.mean(right) > 0.75 * np.mean(plant)
    assert min(plant) > 0.8


def test_mass_on_other_labels_stays_when_a_group_is_spread() -> None:
    posteriors = np.array([[0.1, 0.45, 0.45], [0.2, 0.4, 0.4]])
    may = np.array([[False, True, True], [False, True, True]])
    believed = np.array([[0.6, 0.3, 0.1], [0.0, 0.0, 0.0]])

    found = narrowed.spread(posteriors, may, believed)

    np.testing.assert_allclose(found, [[0.1, 0.675, 0.225], [0.2, 0.4, 0.4]])


def is_pool(image_id: int) -> bool:
    return Image.objects.get(pk=image_id).partition == Partition.POOL
