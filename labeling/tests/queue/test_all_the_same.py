from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from rest_framework.test import APIClient

from labeling.models import (
    Annotation,
    Annotator,
    Assignment,
    Consensus,
    GoldReference,
    Image,
    Label,
    Partition,
    Project,
    QueueEntry,
)
from labeling.selectors import alike as selectors
from labeling.selectors import projects, vote_table
from labeling.services import alike, all_the_same
from labeling.services.windows import RefillEntry, refill
from labeling.tests.worlds import (
    NOW,
    active,
    direct,
    make_annotator,
    make_images,
    make_project,
)

pytestmark = pytest.mark.django_db
Browser = Callable[..., APIClient]


@pytest.fixture
def world() -> Project:
    """Six images nearly the same, of which the first waits in the queue, and two others."""
    project = make_project(
        alike_share=1.0, audit_serving_share=0.0, random_arm_share=0.0, client_window=1
    )
    images = make_images(project, 8)
    same(project, images[:6])
    entries = [RefillEntry(image.pk, -float(place), 1.0) for place, image in enumerate(images)]
    refill(project_id=project.pk, entries=entries, policy="margin 1", model_version=None, now=NOW)
    return project


def same(project: Project, images: Sequence[Image]) -> None:
    alike.set_groups(project_id=project.pk, groups={one.pk: images[0].pk for one in images})


@pytest.fixture
def ada(world: Project) -> Annotator:
    return make_annotator(world, "Ada")


@pytest.fixture
def browser(client_for: Browser, ada: Annotator) -> APIClient:
    return client_for(ada)


def post(browser: APIClient, project: Project, path: str, **body: Any) -> Any:
    return browser.post(f"/api/v1/projects/{project.slug}/{path}", body, format="json")


def answer_first(browser: APIClient, world: Project, kind: str = "LABEL") -> Any:
    held = post(browser, world, "assignments", client="tab").json()["assignments"]
    labels = ["milk"] if kind == "LABEL" else []
    body = {"kind": kind, "labels": labels, "key": str(uuid.uuid4()), "client": "tab"}
    return post(browser, world, "annotations", assignment=held[0]["id"], **body).json()


def grid(browser: APIClient, world: Project, answered: Any) -> list[dict[str, Any]]:
    path = f"annotations/{answered['annotation']['id']}/alike"
    found: list[dict[str, Any]] = post(browser, world, path, client="grid").json()["assignments"]
    return found


def confirm(
    browser: APIClient, world: Project, answered: Any, *, ticked: Any, unticked: Any = ()
) -> Any:
    return post(
        browser,
        world,
        f"annotations/{answered['annotation']['id']}/alike/answer",
        client="grid",
        ticked=ticked,
        unticked=list(unticked),
        time_spent_ms=6000,
    )


def with_keys(held: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    return [{"assignment": one["id"], "key": str(uuid.uuid4())} for one in held]


def test_ticked_images_get_an_answer_each_and_unticked_ones_none(
    world: Project, browser: APIClient, ada: Annotator
) -> None:
    answered = answer_first(browser, world)
    assert answered["after"]["alike"] is True
    held = grid(browser, world, answered)
    # Five are alike; the tab's next image is one of them, and stays where it is.
    assert len(held) == 4

    reply = confirm(browser, world, answered, ticked=with_keys(held[:3]), unticked=[held[3]["id"]])

    assert reply.status_code == 200, reply.json()
    assert [one["labels"] for one in reply.json()["annotations"]] == [["milk"]] * 3
    assert reply.json()["progress"]["mine"] == 4
    stored = Annotation.objects.filter(annotator=ada, assignment__policy="all the same 1")
    assert stored.count() == 3
    for one in stored:
        assert one.shown["grid"] == {
            "of": 4, "unticked": 1, "label": "milk", "annotation": answered["annotation"]["id"],
        }  # fmt: skip
        assert one.time_spent_ms == 2000
        assert Consensus.objects.get(image=one.image).state == "RESOLVED"
    left = Assignment.objects.get(public_id=held[3]["id"])
    assert left.state == "RELEASED"
    assert QueueEntry.objects.get(image=left.image, state="OPEN").open_slots == 1
    assert selectors.set_apart(world.pk).tolist() == [left.image_id]


def test_a_retry_with_the_same_keys_stores_nothing_twice(
    world: Project, browser: APIClient
) -> None:
    answered = answer_first(browser, world)
    ticked = with_keys(grid(browser, world, answered))

    replies = [confirm(browser, world, answered, ticked=ticked).json() for _ in range(2)]

    assert replies[0]["annotations"] == replies[1]["annotations"]
    assert Annotation.objects.count() == 1 + len(ticked)


def test_nobody_else_gets_what_a_grid_holds_and_asking_again_gives_the_same(
    world: Project, browser: APIClient, client_for: Browser
) -> None:
    answered = answer_first(browser, world)
    held = {one["image"]["id"] for one in grid(browser, world, answered)}
    assert {one["image"]["id"] for one in grid(browser, world, answered)} == held

    other = client_for(make_annotator(world, "Bob"))
    seen = set()
    for _ in range(3):
        given = post(other, world, "assignments", client="bob").json()["assignments"]
        seen |= {one["image"]["id"] for one in given}
        for one in given:
            post(
                other, world, "annotations", assignment=one["id"], key=str(uuid.uuid4()),
                kind="LABEL", labels=["milk"], client="bob",
            )  # fmt: skip

    assert seen
    assert not seen & held


def test_each_answer_of_a_grid_can_be_taken_back(world: Project, browser: APIClient) -> None:
    answered = answer_first(browser, world)
    done = confirm(browser, world, answered, ticked=with_keys(grid(browser, world, answered)))
    one = done.json()["annotations"][1]

    undone = post(
        browser, world, f"annotations/{one['id']}/undo", key=str(uuid.uuid4()), client="tab"
    )

    assert undone.json()["assignment"]["image"]["id"] == one["image"]["id"]
    assert Annotation.objects.filter(withdrawn_at__isnull=True).exclude(kind="UNDO").count() == 4


def test_audit_and_gold_images_are_in_no_grid(world: Project, browser: APIClient) -> None:
    images = list(Image.objects.order_by("pk"))
    audit = make_images(world, 2, Partition.AUDIT)
    same(world, [*images[:5], *audit])
    label = Label.objects.filter(project=world).first()
    assert label is not None
    GoldReference.objects.create(image=images[3], label=label, created_at=NOW)

    answered = answer_first(browser, world)

    shown = {one["image"]["id"] for one in grid(browser, world, answered)}
    assert shown == {str(images[2].public_id), str(images[4].public_id)}


def test_what_a_grid_says_tells_nothing_of_people_nor_of_images_alike(
    world: Project, browser: APIClient, ada: Annotator
) -> None:
    Project.objects.update(votes_pool=2, vote_cap_pool=2)
    bob = make_annotator(world, "Bob")
    active(world, [ada, bob])
    answered = answer_first(browser, world)
    held = grid(browser, world, answered)
    confirm(browser, world, answered, ticked=with_keys(held[:2]), unticked=[held[2]["id"]])
    ticked = Image.objects.filter(annotations__assignment__policy="all the same 1")
    first = Image.objects.get(annotations__public_id=answered["annotation"]["id"])

    grid_images = list(ticked.order_by("pk"))
    judged = selectors.judged_by_grid(world.pk).tolist()
    assert len(judged) == 3
    assert set(judged) > {image.pk for image in grid_images}
    direct(bob, grid_images[0], "milk")
    direct(bob, first, "milk")

    # Two people, two images: only the one that Ada answered by itself tells something of them.
    assert Consensus.objects.get(image=grid_images[0]).state == "RESOLVED"
    assert Consensus.objects.get(image=grid_images[0]).counted is None
    told = Consensus.objects.get(image=first).counted
    assert told is not None
    assert sorted(who for who, _ in told["votes"]) == sorted([ada.pk, bob.pk])
    scheme = projects.current_scheme(world.pk)
    assert vote_table.read(world.pk, scheme).image_ids.tolist() == [first.pk]
    # Somebody has looked at this one by itself: it is evidence now.
    assert grid_images[0].pk not in selectors.judged_by_grid(world.pk)


def test_no_grid_is_offered_where_there_is_nothing_to_confirm(
    world: Project, browser: APIClient
) -> None:
    assert answer_first(browser, world, kind="CANT_TELL")["after"]["alike"] is False
    Project.objects.update(alike_share=0.0)
    answered = answer_first(browser, world)
    assert answered["after"]["alike"] is False
    refused = post(
        browser, world, f"annotations/{answered['annotation']['id']}/alike", client="grid"
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "alike_not_offered")


def test_one_other_image_is_not_worth_a_grid_and_two_are(
    world: Project, browser: APIClient, ada: Annotator
) -> None:
    images = list(Image.objects.order_by("pk"))
    same(world, images[:4])
    answered = answer_first(browser, world)
    # Beside the answered image and the tab's next one there are two.
    assert answered["after"]["alike"] is True
    Image.objects.filter(pk=images[3].pk).update(flagged_at=NOW)
    assert grid(browser, world, answered) == []
    assert not all_the_same.is_offered(world, Annotation.objects.get(annotator=ada))
