"""A label that the scheme lacks: found in answers, made by staff, known to the head at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from labeling.selectors import new_labels as selectors
from labeling.services import annotations as annotation_service
from labeling.services import people
from labeling.tests import worlds
from labeling.tests.rows import (
    Annotation,
    Annotator,
    AnnotatorSkill,
    AuditEvent,
    Consensus,
    Image,
    Partition,
    Project,
    User,
)
from ml.models import Embedding
from ml.selectors import registry
from ml.services import new_labels
from ml.tests.loop.world import DIM, World

pytestmark = pytest.mark.django_db

OTHER = np.eye(DIM)[0] * 12
STRANGE = np.eye(DIM)[1] * 12


@pytest.fixture
def world() -> World:
    """Three labels that are known a little, and room for a fourth."""
    world = World.make(pool=60)
    world.label_some(30)
    return world


@pytest.fixture
def staff(world: World) -> APIClient:
    return signed_in(world.project, "keeper")


def signed_in(project: Project, username: str) -> APIClient:
    user = User.objects.create_user(username)
    people.set_role(project_id=project.pk, user_id=user.pk, role="MANAGER", now=worlds.NOW)
    client = APIClient()
    client.force_login(user)
    return client


def strangers(
    world: World, count: int, *, direction: Any = STRANGE, partition: str = Partition.POOL
) -> list[Image]:
    """Images of one kind that no label fits, answered so."""
    images = worlds.make_images(world.project, count, partition)
    vectors = direction + 0.3 * world.rng.normal(size=(count, DIM))
    Embedding.objects.bulk_create(
        Embedding(set=world.embedding_set, image=image, vector=vector.astype(np.float16).tobytes())
        for image, vector in zip(images, vectors, strict=True)
    )
    for image in images:
        worlds.direct(world.annotator, image, None, kind="NONE_OF_THESE")
    return images


def search(world: World) -> int:
    return new_labels.search(project_id=world.project.pk, now=world.now)


def address(world: World, proposal: str = "", verb: str = "") -> str:
    path = f"/api/v1/staff/projects/{world.project.slug}/new-labels"
    return f"{path}/{proposal}/{verb}" if proposal else path


def shown(staff: APIClient, world: World) -> list[dict[str, Any]]:
    response = staff.get(address(world))
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["proposals"]
    return found


def settle(
    staff: APIClient, world: World, verb: str, *, status: int = 200, **more: Any
) -> dict[str, Any]:
    (proposal,) = shown(staff, world)
    body = {"images": [one["id"] for one in proposal["images"]], **more}
    response = staff.post(address(world, proposal["id"], verb), body, format="json")
    assert response.status_code == status, response.content
    done: dict[str, Any] = response.json()
    return done


def keys(proposal: dict[str, Any]) -> set[str]:
    return {one["id"] for one in proposal["images"]}


def test_five_alike_are_proposed_and_four_are_not(world: World, staff: APIClient) -> None:
    images = strangers(world, 4)
    assert search(world) == 0
    assert staff.get(address(world)).json() == {"unmatched": 4, "proposals": []}

    images += strangers(world, 1)
    strangers(world, 2, direction=OTHER)
    assert search(world) == 1

    (proposal,) = shown(staff, world)
    assert keys(proposal) == {str(image.public_id) for image in images}
    assert proposal["n_groups"] == 5
    assert proposal["similarity"] > 0.8


def test_a_proposal_grows_with_the_answers_and_lapses_when_they_are_taken_back(
    world: World, staff: APIClient
) -> None:
    strangers(world, 5)
    search(world)
    (before,) = shown(staff, world)
    more = strangers(world, 2)
    search(world)

    (after,) = shown(staff, world)
    assert after["id"] == before["id"]
    assert keys(after) == keys(before) | {str(image.public_id) for image in more}

    for answer in Annotation.objects.filter(kind="NONE_OF_THESE").order_by("pk"):
        annotation_service.undo(
            annotator_id=world.annotator.pk, annotation_public_id=answer.public_id,
            key=answer.public_id, now=world.now,
        )  # fmt: skip
    assert search(world) == 0
    assert shown(staff, world) == []


def test_images_of_the_audit_slice_propose_nothing(world: World, staff: APIClient) -> None:
    strangers(world, 6, partition=Partition.AUDIT)

    assert search(world) == 0
    assert len(selectors.unmatched(world.project.pk).image_ids) == 0


def test_the_head_knows_a_label_that_staff_make_at_once(world: World, staff: APIClient) -> None:
    images = strangers(world, 6)
    world.refit()
    search(world)

    made = settle(staff, world, "make", status=201, name="Rice milk")

    assert (made["state"], made["label"]) == ("MADE", "rice-milk")
    assert shown(staff, world) == []
    assert {row.label.code for row in Consensus.objects.filter(image__in=images) if row.label} == {
        "rice-milk"
    }
    assert world.refit().kind == "deployed"
    champion = registry.champion(world.project.pk)
    assert champion is not None
    assert "rice-milk" in champion.label_order


def test_nothing_that_anybody_said_is_lost_and_the_one_who_decides_is_named(
    world: World, staff: APIClient
) -> None:
    images = strangers(world, 5)
    search(world)

    settle(staff, world, "make", status=201, name="Rice milk")

    said = Annotation.objects.filter(image__in=images, withdrawn_at__isnull=True)
    assert said.filter(annotator=world.annotator, kind="NONE_OF_THESE").count() == 5
    decided = said.filter(is_expert=True)
    keeper = Annotator.objects.get(user__username="keeper")
    assert {row.annotator_id for row in decided} == {keeper.pk}
    assert decided.count() == 5
    event = AuditEvent.objects.get(verb="label_proposal_made")
    assert (event.user_id, event.target, event.detail["images"]) == (keeper.user_id, "rice-milk", 5)


def test_who_said_none_of_these_before_there_was_the_label_was_not_wrong(
    world: World, staff: APIClient
) -> None:
    strangers(world, 5)
    search(world)
    settle(staff, world, "make", status=201, name="Rice milk")

    skill = AnnotatorSkill.objects.filter(annotator=world.annotator).first()
    assert skill is None or skill.n_wrong == 0


def test_who_said_none_of_these_beside_the_label_was_wrong(world: World, staff: APIClient) -> None:
    strangers(world, 5)
    search(world)
    settle(staff, world, "join", label="milk")

    assert AnnotatorSkill.objects.get(annotator=world.annotator).n_wrong == pytest.approx(5)


def test_dismissed_images_come_back_only_with_as_many_new_ones(
    world: World, staff: APIClient
) -> None:
    first = strangers(world, 6)
    search(world)
    settle(staff, world, "dismiss")
    assert Consensus.objects.filter(image__in=first, label__isnull=True).count() == 6

    second = strangers(world, 5)
    assert search(world) == 0
    second += strangers(world, 1)
    assert search(world) == 1
    (again,) = shown(staff, world)
    assert keys(again) == {str(image.public_id) for image in second}


def test_only_what_was_seen_is_decided(world: World, staff: APIClient) -> None:
    strangers(world, 7)
    search(world)
    (proposal,) = shown(staff, world)
    taken, left_out = [one["id"] for one in proposal["images"]][:5], proposal["images"][5]["id"]

    settle(staff, world, "join", label="milk", images=taken, left_out=[left_out])

    labeled = Consensus.objects.filter(project=world.project, label__code="milk", is_expert=True)
    assert {str(row.image.public_id) for row in labeled} == set(taken)
    judged = selectors.judged_before(world.project.pk)
    unseen = Image.objects.get(public_id=proposal["images"][6]["id"])
    assert Image.objects.get(public_id=left_out).pk in judged
    assert unseen.pk not in judged


def test_a_proposal_is_settled_once(world: World, staff: APIClient) -> None:
    strangers(world, 5)
    search(world)
    (proposal,) = shown(staff, world)
    settle(staff, world, "dismiss")

    body = {"images": sorted(keys(proposal)), "name": "Rice milk"}
    again = staff.post(address(world, proposal["id"], "make"), body, format="json")

    assert (again.status_code, again.json()["code"]) == (409, "proposal_settled")


def test_a_name_that_is_taken_changes_nothing(world: World, staff: APIClient) -> None:
    strangers(world, 5)
    search(world)

    refused = settle(staff, world, "make", status=409, name="milk")

    assert refused["code"] == "label_taken"
    assert len(shown(staff, world)) == 1
    assert not Annotation.objects.filter(project=world.project, is_expert=True).exists()


def test_only_the_projects_managers_see_proposals(world: World) -> None:
    guest = signed_in(worlds.make_project(), "guest")

    assert guest.get(address(world)).status_code == 404


def test_it_is_due_after_answers_and_not_again_at_once(world: World) -> None:
    project_id = world.project.pk
    assert not new_labels.is_due(project_id, now=world.now), "nobody has said none of these"
    strangers(world, 1)
    assert new_labels.is_due(project_id, now=world.now)
    search(world)
    assert not new_labels.is_due(project_id, now=worlds.later(3600))

    strangers(world, 1)
    assert not new_labels.is_due(project_id, now=world.now)
    assert new_labels.is_due(project_id, now=worlds.later(3600))
