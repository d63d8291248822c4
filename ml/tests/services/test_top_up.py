"""A label that staff want to know better: more new pictures that look like it are measured."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from labeling.tests import factories, worlds
from labeling.tests.rows import (
    AuditEvent,
    Image,
    Partition,
    Project,
    QueueEntry,
    SplitGroup,
)
from ml.models import AuditTopUp, Embedding
from ml.selectors import closer_look, metrics
from ml.selectors import top_up as selectors
from ml.services import partition, top_up
from ml.tests.loop.world import World
from ml.tests.services.test_drift import upload
from ml.tests.serving.kitchen import signed_in

pytestmark = pytest.mark.django_db
TOMORROW = worlds.NOW + timedelta(days=1)


@pytest.fixture
def world() -> World:
    world = World.make(pool=60, audit=6)
    Project.objects.filter(pk=world.project.pk).update(audit_partition_share=0.12, split_cosine=1.0)
    world.label_some(40)
    world.label_some(6, Partition.AUDIT)
    assert world.refit().kind == "deployed"
    return world


def ask(world: World, label: str, half_width: float = 0.1) -> AuditTopUp:
    return top_up.ask(
        project_id=world.project.pk, label_code=label, half_width=half_width, user_id=None,
        now=world.now,
    )  # fmt: skip


def chances(ids: list[int]) -> set[float | None]:
    return set(Image.objects.filter(pk__in=ids).values_list("inclusion_probability", flat=True))


def doubtful(world: World, count: int) -> list[int]:
    """New pictures halfway between the first two labels."""
    ids = upload(world, count, [1])
    between = world.directions[:2].mean(axis=0)
    for row in Embedding.objects.filter(image_id__in=ids):
        vector = between + world.noise * world.rng.normal(size=between.shape)
        Embedding.objects.filter(pk=row.pk).update(vector=vector.astype(np.float16).tobytes())
    return ids


def weights(world: World) -> dict[int, float]:
    groups = SplitGroup.objects.filter(project=world.project, partition=Partition.AUDIT)
    return dict(groups.values_list("measured_image_id", "order_weight"))


def test_new_pictures_that_tell_most_join_by_a_chance_that_each_one_keeps(world: World) -> None:
    before = Image.objects.filter(partition=Partition.POOL).count()
    row = ask(world, "soy-milk")

    telling, others = doubtful(world, 60), upload(world, 20, [2])
    partition.decide(project_id=world.project.pk, now=TOMORROW)

    found = Image.objects.filter(pk__in=telling).values_list("inclusion_probability", flat=True)
    assert all(0.12 <= (chance or 0) <= 0.5 for chance in found)
    assert np.mean([chance or 0 for chance in found]) > 0.18
    assert chances(others) == {0.12}
    audit = SplitGroup.objects.filter(images__in=telling, partition=Partition.AUDIT).distinct()
    assert 2 <= audit.count() <= 30  # about 13 expected, standard deviation 3.3
    row.refresh_from_db()
    assert row.n_seen > 40
    old = Image.objects.exclude(pk__in=[*telling, *others])
    assert old.filter(partition=Partition.POOL).count() == before, "no pool image may be moved"

    top_up.stop(project_id=world.project.pk, public_id=row.public_id, user_id=None, now=TOMORROW)
    later = doubtful(world, 5)
    partition.decide(project_id=world.project.pk, now=TOMORROW)
    assert chances(later) == {0.12}


@pytest.mark.parametrize("label", ["soy-milk", ""])
def test_what_waits_is_asked_about_by_what_it_tells_until_enough_is_known(label: str) -> None:
    world = World.make(pool=60, audit=40, noise=1.2, audit_serving_share=0.5)
    world.label_some(40)
    world.label_some(12, Partition.AUDIT)
    assert world.refit().kind == "deployed"
    before = metrics.overall(closer_look.read(world.project.pk).found)  # type: ignore[union-attr]

    row = ask(world, label, 0.1)
    preferred = weights(world)
    assert max(preferred.values()) > 2 * min(preferred.values())
    worlds.top_up(world.project)
    waiting = QueueEntry.objects.filter(project=world.project, reason="AUDIT", state="OPEN")
    heavy = [preferred[entry.image_id] for entry in waiting.order_by("-priority")]
    assert np.mean(heavy[:10]) > np.mean(heavy[-10:])

    world.label([entry.image_id for entry in waiting.order_by("-priority")[:10]])
    here = closer_look.read(world.project.pk)
    assert here is not None
    assert here.n_met == 22
    assert here.reached.sum() == pytest.approx(22, abs=0.1)
    assert not metrics.is_drawn_alike(here.found.inclusion)
    # What decides between versions counts only images that chance alone has brought.
    assert here.found.is_alike.sum() < 22
    after = metrics.overall(here.found)
    assert after.n == 22
    assert after.high - after.low < before.high - before.low

    top_up.stop(project_id=world.project.pk, public_id=row.public_id, user_id=None, now=TOMORROW)
    assert set(weights(world).values()) == {1.0}
    kept = closer_look.read(world.project.pk)
    assert kept is not None
    assert kept.reached == pytest.approx(here.reached, abs=1e-6), "what was due stays due"


def test_the_price_of_every_label_says_what_four_in_five_are_known_to(world: World) -> None:
    found = selectors.cost(world.project.pk, code="", half_width=0.1, now=world.now)

    assert found["missing"] > 0
    assert found["new_pictures"] > 0, "six more images cannot be enough"
    assert found["sentence"].startswith("Four labels in five are not known yet (6 audit images).")
    listed = ask(world, "")
    assert (listed.label_code, selectors.under_way(world.project.pk)[0]["label_name"]) == (
        "",
        "Four labels in five",
    )


def test_it_ends_when_the_label_is_known_so_well(world: World) -> None:
    row = ask(world, "milk", 0.2)
    assert top_up.end_reached(project_id=world.project.pk, now=TOMORROW) == 0
    AuditTopUp.objects.filter(pk=row.pk).update(half_width=0.5)

    assert top_up.end_reached(project_id=world.project.pk, now=TOMORROW) == 1
    row.refresh_from_db()
    assert row.is_reached


def test_what_cannot_be_asked_for_is_refused_with_a_reason(world: World) -> None:
    with pytest.raises(top_up.KnownAlreadyError, match="already"):
        ask(world, "milk", 0.49)
    Project.objects.filter(pk=world.project.pk).update(audit_partition_share=0.0)
    with pytest.raises(selectors.NothingToMeasureError, match="kept for measuring"):
        ask(world, "milk")
    young = World.make(pool=3)
    with pytest.raises(selectors.NothingToMeasureError, match="no classifier yet"):
        ask(young, "milk")


def test_staff_ask_look_and_stop_over_the_api(world: World) -> None:
    manager = signed_in(factories.make_member(world.project, "MANAGER"))
    base = f"/api/v1/staff/projects/{world.project.slug}"

    def ask_again(half_width: float) -> Any:
        body = {"label": "milk", "half_width": half_width}
        return manager.post(f"{base}/top-up", body, format="json")

    assert ask_again(0.2).status_code == 201
    (listed,) = ask_again(0.1).json()
    assert (listed["label_name"], listed["half_width"], listed["share"]) == ("milk", 0.1, 0.5)
    assert manager.get(f"{base}/top-up?label=milk").json()["is_asked_for"] is True
    assert manager.get(f"{base}/top-ups").json() == [listed]
    assert manager.post(f"{base}/top-ups/{listed['id']}/stop").json() == []
    verbs = AuditEvent.objects.filter(verb__startswith="audit_top_up").order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == [
        "audit_top_up_wanted", "audit_top_up_wanted", "audit_top_up_stopped"
    ]  # fmt: skip
    nothing_named = manager.post(f"{base}/top-up", {}, format="json")
    assert nothing_named.status_code == 400, "every label is asked for by an empty one"
    volunteer = signed_in(factories.make_member(world.project, "VOLUNTEER"))
    assert volunteer.get(f"{base}/top-ups").status_code == 403
