"""A label that staff want to know better: more new pictures that look like it are measured."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from labeling.tests import factories, worlds
from labeling.tests.rows import AuditEvent, Image, Partition, Project, SplitGroup
from ml.models import AuditTopUp
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


def test_new_pictures_that_look_like_it_join_by_a_chance_that_each_one_keeps(world: World) -> None:
    before = Image.objects.filter(partition=Partition.POOL).count()
    row = ask(world, "soy-milk")

    wanted, others = upload(world, 60, [1]), upload(world, 20, [0, 2])
    partition.decide(project_id=world.project.pk, now=TOMORROW)

    assert (chances(wanted), chances(others)) == ({0.5}, {0.12})
    audit = SplitGroup.objects.filter(images__in=wanted, partition=Partition.AUDIT).distinct()
    assert 15 <= audit.count() <= 45  # 30 expected, standard deviation 3.9
    row.refresh_from_db()
    assert row.n_seen == 60
    old = Image.objects.exclude(pk__in=[*wanted, *others])
    assert old.filter(partition=Partition.POOL).count() == before, "no pool image may be moved"

    top_up.stop(project_id=world.project.pk, public_id=row.public_id, user_id=None, now=TOMORROW)
    later = upload(world, 5, [1])
    partition.decide(project_id=world.project.pk, now=TOMORROW)
    assert chances(later) == {0.12}


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
    with pytest.raises(top_up.TopUpNotPossibleError, match="kept for measuring"):
        ask(world, "milk")
    young = World.make(pool=3)
    with pytest.raises(top_up.TopUpNotPossibleError, match="no classifier yet"):
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
    volunteer = signed_in(factories.make_member(world.project, "VOLUNTEER"))
    assert volunteer.get(f"{base}/top-ups").status_code == 403
