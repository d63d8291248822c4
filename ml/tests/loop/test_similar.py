"""Find more like this: asked for by staff, found by a refill, served before all others."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from labeling.selectors.queue import SIMILAR
from labeling.services import people
from labeling.tests import worlds
from labeling.tests.rows import Image, Partition, QueueEntry, User
from ml.services import refit_due
from ml.tests.loop.world import LABELS, World

pytestmark = pytest.mark.django_db

MILK, SOY, OAT = LABELS


@pytest.fixture
def world() -> World:
    """Two labels are known; of the third there is one image among forty."""
    world = World.make(pool=120, noise=0.3, novelty_share=0, tail_share=0, doubt_serving_share=0)
    for label in (MILK, SOY):
        world.label(of_one_kind(world, label)[:8])
    world.label(of_one_kind(world, OAT)[:1])
    world.refit()
    return world


@pytest.fixture
def staff(world: World) -> APIClient:
    user = User.objects.create_user("keeper")
    people.set_role(project_id=world.project.pk, user_id=user.pk, role="MANAGER", now=worlds.NOW)
    client = APIClient()
    client.force_login(user)
    return client


def of_one_kind(world: World, label: str) -> list[int]:
    return [key for key in world.unanswered() if world.truth[key] == label]


def address(world: World) -> str:
    return f"/api/v1/staff/projects/{world.project.slug}/find-more"


def ask(staff: APIClient, world: World, *, status: int = 201, **body: Any) -> Any:
    response = staff.post(address(world), body, format="json")
    assert response.status_code == status, response.content
    return response.json()


def window(world: World) -> list[QueueEntry]:
    rows = QueueEntry.objects.filter(project=world.project, state="OPEN", reason="ACQUIRED")
    return list(rows.order_by("-priority", "pk"))


def test_images_like_those_of_a_label_are_served_first(world: World, staff: APIClient) -> None:
    assert refit_due.trigger(world.project.pk, now=world.now) is None
    (search,) = ask(staff, world, label="oat-milk", count=6)
    assert (search["label_name"], search["n_like"], search["found"]) == (OAT, 1, None)
    assert refit_due.trigger(world.project.pk, now=world.now) == "similar"

    world.refit()

    first = window(world)[:6]
    assert [entry.policy for entry in first] == [SIMILAR] * 6
    assert {world.truth[entry.image_id] for entry in first} == {OAT}
    assert {entry.selection_probability for entry in first} == {1.0}
    assert SIMILAR not in {entry.policy for entry in window(world)[6:]}
    (held, *_) = worlds.claim(world.annotator)
    assert held.image_id == first[0].image_id


def test_a_search_stays_until_it_is_answered_and_then_ends(world: World, staff: APIClient) -> None:
    ask(staff, world, label="oat-milk", count=4)
    world.refit()
    wanted = [entry.image_id for entry in window(world) if entry.policy == SIMILAR]

    world.label(wanted[:3])
    world.refit()
    (search,) = staff.get(address(world)).json()
    assert (search["found"], search["answered"]) == (4, 3)
    assert [entry.image_id for entry in window(world) if entry.policy == SIMILAR] == wanted[3:]

    world.label(wanted[3:])
    world.refit()
    assert staff.get(address(world)).json() == []


def test_one_picture_is_enough_to_go_by(world: World, staff: APIClient) -> None:
    example = Image.objects.get(pk=of_one_kind(world, OAT)[0])

    ask(staff, world, images=[str(example.public_id)], count=5)
    world.refit()

    wanted = [entry.image_id for entry in window(world) if entry.policy == SIMILAR]
    assert len(wanted) == 5
    assert example.pk not in wanted
    assert {world.truth[key] for key in wanted} == {OAT}


def test_what_is_stopped_leaves_the_window(world: World, staff: APIClient) -> None:
    (search,) = ask(staff, world, label="oat-milk", count=4)
    world.refit()

    for _ in range(2):
        assert staff.post(f"{address(world)}/{search['id']}/stop").status_code == 204
    world.label(of_one_kind(world, MILK)[:1])
    world.refit()

    assert SIMILAR not in {entry.policy for entry in window(world)}


def test_the_audit_slice_is_never_found(world: World, staff: APIClient) -> None:
    audit = world.add(3, Partition.AUDIT)

    ask(staff, world, label="oat-milk", count=100)
    world.refit()

    wanted = {entry.image_id for entry in window(world) if entry.policy == SIMILAR}
    assert wanted
    assert wanted.isdisjoint(image.pk for image in audit)


def test_no_list_says_which_images_measure_and_they_steer_nothing(
    world: World, staff: APIClient
) -> None:
    """An audit image may be named as an example; what is trained on does not follow it."""
    audit = world.add(3, Partition.AUDIT)
    measured = next(image for image in audit if world.truth[image.pk] == OAT)
    milk = Image.objects.get(pk=of_one_kind(world, MILK)[0])

    named = [str(measured.public_id), str(milk.public_id)]
    (search,) = ask(staff, world, images=named, count=5)
    world.refit()

    assert search["n_like"] == 2
    wanted = [entry.image_id for entry in window(world) if entry.policy == SIMILAR]
    assert len(wanted) == 5
    assert {world.truth[key] for key in wanted} == {MILK}
    listed = staff.get(f"/api/v1/staff/projects/{world.project.slug}/images").json()["results"]
    assert "partition" not in listed[0]


def test_what_was_taken_out_is_no_example(world: World, staff: APIClient) -> None:
    gone = Image.objects.get(pk=of_one_kind(world, OAT)[0])
    Image.objects.filter(pk=gone.pk).update(removed_at=world.now)

    refused = ask(staff, world, images=[str(gone.public_id)], status=409)

    assert refused["code"] == "no_examples"


def test_five_searches_are_enough_at_once(world: World, staff: APIClient) -> None:
    for _ in range(5):
        ask(staff, world, label="oat-milk", count=1)

    assert ask(staff, world, label="oat-milk", status=409)["code"] == "too_many_searches"


@pytest.mark.parametrize("body", [{}, {"label": "milk", "images": [str(uuid.UUID(int=1))]}])
def test_neither_or_both_is_refused(world: World, staff: APIClient, body: dict[str, Any]) -> None:
    ask(staff, world, **body, status=400)
