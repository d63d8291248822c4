from __future__ import annotations

import numpy as np
import pytest

from labeling.services import projects
from labeling.tests import worlds
from labeling.tests.rows import Consensus, GoldReference, Image, Label, Partition, QueueEntry
from ml.acquisition import lending as pure
from ml.models import DatasetSnapshot, Embedding, ModelVersion
from ml.services import snapshots
from ml.tests.loop.world import LABELS, World

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(autouse=True)
def _fewer_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few groups that agree be enough, so that a test needs no 133 of them."""
    calibrate = pure.calibrate

    def easily(*args: object, **kwargs: object) -> pure.Calibration:
        return calibrate(*args, **kwargs, wanted=0.6)  # type: ignore[arg-type]

    monkeypatch.setattr(pure, "calibrate", easily)


class Bursts:
    """A world in which photographs come in threes, nearly alike."""

    def __init__(self, n_bursts: int) -> None:
        self.world = World.make(pool=0)
        self.bursts: list[list[int]] = []
        for number in range(n_bursts):
            images = worlds.make_images(self.world.project, 3, Partition.POOL)
            self._embed(images, number)
        self._share_split_groups()

    def _embed(self, images: list[Image], number: int) -> None:
        world, label = self.world, number % len(LABELS)
        middle = world.directions[label] + 0.6 * world.rng.normal(size=16)
        Embedding.objects.bulk_create(
            Embedding(
                set=world.embedding_set,
                image=image,
                vector=(middle + 0.01 * world.rng.normal(size=16)).astype(np.float16).tobytes(),
            )
            for image in images
        )
        world.truth.update({image.pk: LABELS[label] for image in images})
        self.bursts.append([image.pk for image in images])

    def _share_split_groups(self) -> None:
        for burst in self.bursts:
            group = Image.objects.values_list("split_group_id", flat=True).get(pk=burst[0])
            Image.objects.filter(pk__in=burst).update(split_group_id=group)

    def calibrate(self, n: int = 9) -> None:
        """Answer two images of each of the first bursts, and one of the next three."""
        for burst in self.bursts[:n]:
            self.world.label(burst[:2])
        for burst in self.bursts[n : n + 3]:
            self.world.label(burst[:1])
        assert self.world.refit().kind == "deployed"

    def waiting(self) -> set[int]:
        rows = QueueEntry.objects.filter(project=self.world.project, state="OPEN")
        return set(rows.filter(reason="ACQUIRED").values_list("image_id", flat=True))


def rows_of_newest() -> snapshots.Rows:
    newest = ModelVersion.objects.order_by("-number").first()
    assert newest is not None
    assert newest.snapshot_id is not None
    return snapshots.load(newest.snapshot_id)


def test_an_answer_is_lent_at_half_weight_and_the_snapshot_says_so() -> None:
    bursts = Bursts(30)

    bursts.calibrate()

    rows = rows_of_newest()
    weight_of = dict(zip(rows.image_ids.tolist(), rows.weights.tolist(), strict=True))
    for burst in bursts.bursts[:9]:
        assert [weight_of[key] for key in burst] == [1, 1, 0.5]
    for burst in bursts.bursts[9:12]:
        assert [weight_of[key] for key in burst] == [1, 0.5, 0.5]
    assert not set(weight_of) & {key for burst in bursts.bursts[12:] for key in burst}
    assert rows.lending["threshold"] == 0.80
    assert rows.lending["n_lent"] == 15
    newest = ModelVersion.objects.latest("number")
    assert newest.n_labels == 21  # answers alone
    assert newest.metrics["lending"]["n_lent"] == 15


def test_of_each_group_one_image_is_asked_about_and_none_where_one_is_answered() -> None:
    bursts = Bursts(30)

    bursts.calibrate()

    waiting = bursts.waiting()
    assert all(len(waiting & set(burst)) == 1 for burst in bursts.bursts[12:])
    assert not any(waiting & set(burst) for burst in bursts.bursts[:12])


def test_an_own_answer_replaces_what_was_lent() -> None:
    bursts = Bursts(30)
    bursts.calibrate()

    bursts.world.label([bursts.bursts[9][1]])
    bursts.world.refit()

    rows = rows_of_newest()
    weight_of = dict(zip(rows.image_ids.tolist(), rows.weights.tolist(), strict=True))
    assert [weight_of[key] for key in bursts.bursts[9]] == [1, 1, 0.5]


def test_lent_images_come_last() -> None:
    bursts = Bursts(12)

    bursts.calibrate()

    assert bursts.waiting() == {key for burst in bursts.bursts for key in burst} - set(
        Consensus.objects.values_list("image_id", flat=True)
    )


def test_gold_images_are_lent_nothing_and_lend_nothing() -> None:
    bursts = Bursts(30)
    gold = bursts.bursts[0][2]
    GoldReference.objects.create(
        image_id=gold, label=Label.objects.get(project=bursts.world.project, code="milk"),
        created_at=worlds.NOW,
    )  # fmt: skip

    bursts.calibrate()

    assert gold not in rows_of_newest().image_ids


def test_nothing_is_lent_where_the_project_wants_none() -> None:
    bursts = Bursts(30)
    projects.update_settings(
        project_id=bursts.world.project.pk, now=worlds.NOW, lending_enabled=False
    )

    bursts.calibrate()

    rows = rows_of_newest()
    assert (rows.weights == 1).all()
    assert len(rows.image_ids) == 21
    assert DatasetSnapshot.objects.count() == 1
