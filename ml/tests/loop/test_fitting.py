"""Refits that follow the last choice give the heads that refits from the rows give."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import transaction

from labeling.selectors import projects as projects_selectors
from labeling.services import projects
from ml.heads import codec, ridge
from ml.heads.kept import KeptSums
from ml.models import ModelVersion
from ml.selectors import registry
from ml.services import common_ground, fitting
from ml.services.refit_basis import Basis
from ml.tests.loop.world import World
from ml.types import LabeledSet

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A project of so many labels that heads follow the choice; 60 labels stand for them."""
    monkeypatch.setattr(ridge, "ALWAYS_CHOSEN_BELOW", 0)
    fitting.forget()
    world = World.make(pool=120)
    world.label_some(60)
    world.refit()
    return world


def champion(world: World) -> ModelVersion:
    view = registry.champion(world.project.pk)
    assert view is not None
    return ModelVersion.objects.get(pk=view.version_id)


def test_a_few_more_answers_follow_the_choice_and_a_tenth_more_choose_again(world: World) -> None:
    first = champion(world)
    world.label_some(3)
    world.refit()
    followed = champion(world)
    world.label_some(4)
    world.refit()

    assert [v.metrics["chosen_at"] for v in (first, followed, champion(world))] == [60, 60, 67]
    assert followed.number == 2
    assert followed.temperature == first.temperature
    assert followed.metrics["regularisation"] == first.metrics["regularisation"]


def test_a_head_that_follows_is_the_head_fitted_from_its_rows(world: World) -> None:
    world.label_some(3)
    world.refit()

    version = champion(world)
    head = codec.from_bytes(bytes(version.head or b""))
    again = common_ground.refitted(version, common_ground.labeled_set(version))
    np.testing.assert_allclose(head.weights, again.head.weights, atol=1e-4)
    np.testing.assert_array_equal(head.centre, again.head.centre)
    assert version.metrics["log_loss"] == pytest.approx(again.log_loss, abs=1e-4)


def test_a_version_keeps_how_its_labeled_images_fare_out_of_group(world: World) -> None:
    version = champion(world)
    labeled = common_ground.labeled_set(version)
    again = common_ground.refitted(version, labeled)
    truth = labeled.targets.argmax(axis=1)
    is_right = again.out_of_group.argmax(axis=1) == truth

    kept = version.metrics["practice"]

    assert set(kept) == set(labeled.label_order)
    for column, code in enumerate(labeled.label_order):
        rows = truth == column
        groups = np.unique(labeled.groups[rows])
        shares = [is_right[rows & (labeled.groups == group)].mean() for group in groups]
        assert kept[code] == pytest.approx([sum(shares), len(groups)])


def test_sums_are_followed_and_a_fresh_worker_goes_on_from_the_same_choice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.label_some(2)
    world.refit()  # forms the sums
    built: list[int] = []
    build = KeptSums._build

    def counted(kept: KeptSums, rows: LabeledSet) -> None:
        built.append(1)
        build(kept, rows)

    monkeypatch.setattr(KeptSums, "_build", counted)
    world.label_some(1)
    world.refit()
    assert built == []

    fitting.forget()
    world.label_some(1)
    world.refit()

    assert built == [1]
    assert champion(world).metrics["chosen_at"] == 60


def test_the_serving_head_knows_a_new_label_before_it_has_an_image(world: World) -> None:
    with transaction.atomic():
        projects.add_label(project_id=world.project.pk, name="Rice milk", now=world.now)
    basis = Basis.read(projects_selectors.by_id(world.project.pk), trigger="answers")

    head = basis.serving_head()

    assert head is not None
    assert head.label_order == ("milk", "soy-milk", "oat-milk", "rice-milk")
    np.testing.assert_array_equal(head.weights[:, 3], 0.0)
    kept = codec.from_bytes(bytes(champion(world).head or b""))
    np.testing.assert_array_equal(head.weights[:, :3], kept.weights)
