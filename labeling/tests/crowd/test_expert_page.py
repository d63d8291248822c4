"""The page where experts settle questions: what they see, in which order, and what they undo."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from labeling.models import (
    Adjudication,
    Annotator,
    Consensus,
    Project,
    Role,
    User,
)
from labeling.selectors import adjudication as adjudication_selectors
from labeling.tests import factories, worlds
from labeling.tests.crowd.conftest import Browse
from labeling.tests.crowd.quarrels import (
    audit_images,
    decide,
    open_due,
    quarrels,
    queue,
    say,
    share,
)

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


def test_the_expert_sees_images_and_nothing_else(
    browse: Browse, expert: User, project: Project, people: list[Annotator]
) -> None:
    share(project, 1.0)
    disagreed, agreed = audit_images(project, 2)
    (disputed,) = worlds.make_images(project, 1)
    Project.objects.filter(pk=project.pk).update(votes_pool=3)
    say(people, disagreed, "milk", "juice", "milk")
    say(people, agreed, "milk", "milk", "milk")
    say(people, disputed, "milk", "juice", "apple")
    open_due(project)

    found = queue(browse(expert))

    assert found["left"] == 3
    assert {one["image"]["id"] for one in found["items"]} == {
        str(image.public_id) for image in (disagreed, agreed, disputed)
    }
    assert [set(one) for one in found["items"]] == [{"image"}] * 3


def test_a_decision_settles_the_question_and_tells_what_people_said(
    browse: Browse, expert: User, project: Project, people: list[Annotator]
) -> None:
    (image,) = quarrels(project, people, 1)
    tab = browse(expert)

    done = decide(tab, str(image.public_id), "juice")

    assert done["left"] == 0
    assert done["annotation"]["labels"] == ["juice"]
    assert done["answers"] == [
        {"label": "milk", "kind": "LABEL", "count": 2},
        {"label": "juice", "kind": "LABEL", "count": 1},
    ]
    consensus = Consensus.objects.select_related("label").get(image=image)
    assert consensus.is_expert
    assert consensus.label is not None
    assert consensus.label.code == "juice"
    row = Adjudication.objects.get(image=image)
    assert row.settled_at is not None
    assert row.annotation is not None
    assert str(row.annotation.public_id) == done["annotation"]["id"]


def test_the_second_expert_is_told_that_it_is_decided(
    browse: Browse, expert: User, project: Project, people: list[Annotator]
) -> None:
    (image,) = quarrels(project, people, 1)
    decide(browse(expert), str(image.public_id), "juice")
    other = browse(factories.make_member(project, Role.EXPERT))

    refused = decide(other, str(image.public_id), "milk", status=409)
    unknown = decide(other, str(uuid.uuid4()), "milk", status=404)

    assert refused["code"] == "nothing_to_decide"
    assert unknown["code"] == "image_not_found"


def test_an_undo_opens_the_question_again(
    browse: Browse, expert: User, project: Project, people: list[Annotator]
) -> None:
    (image,) = quarrels(project, people, 1)
    tab = browse(expert)
    done = decide(tab, str(image.public_id), "juice")

    tab.undo(done["annotation"]["id"])

    assert queue(tab)["left"] == 1
    decide(tab, str(image.public_id), "milk")
    assert queue(tab) == {"left": 0, "items": [], "settled_by_you": 1, "gold_by_you": 0}


def test_skipping_goes_round_and_stores_nothing(
    browse: Browse, expert: User, project: Project, people: list[Annotator]
) -> None:
    quarrels(project, people, 3)
    tab = browse(expert)
    order = [one["image"]["id"] for one in queue(tab)["items"]]

    after = [one["image"]["id"] for one in queue(tab, after=order[1], count="2")["items"]]

    assert len(order) == 3
    assert after == [order[2], order[0]]
    assert queue(tab)["left"] == 3


def test_after_a_decision_it_goes_on_behind_the_image_decided(
    browse: Browse, expert: User, project: Project, people: list[Annotator]
) -> None:
    quarrels(project, people, 4)
    tab = browse(expert)
    order = [one["image"]["id"] for one in queue(tab)["items"]]

    decide(tab, order[1])
    after = [one["image"]["id"] for one in queue(tab, after=order[1])["items"]]

    assert after == [order[2], order[3], order[0]]


def test_an_image_the_expert_answered_as_one_of_the_people_comes_last(
    browse: Browse, expert: User, project: Project, people: list[Annotator]
) -> None:
    images = audit_images(project, 4)
    mine = factories.make_expert_annotator(project, expert)
    first = min(images, key=lambda image: str(image.public_id))
    for image in images:
        voters = [*people[:2], mine] if image == first else people
        say(voters, image, "milk", "juice", "milk")
    open_due(project)

    items = queue(browse(expert))["items"]

    assert items[-1]["image"]["id"] == str(first.public_id)


def test_one_goes_round_others_first_then_ones_own_then_from_the_start(
    browse: Browse, expert: User, project: Project, people: list[Annotator]
) -> None:
    images = sorted(audit_images(project, 5), key=lambda image: str(image.public_id))
    mine = factories.make_expert_annotator(project, expert)
    for image in images:
        voters = [*people[:2], mine] if image in (images[0], images[3]) else people
        say(voters, image, "milk", "juice", "milk")
    open_due(project)
    tab = browse(expert)
    number = {str(image.public_id): n for n, image in enumerate(images)}

    def seen(**query: str) -> list[int]:
        return [number[one["image"]["id"]] for one in queue(tab, **query)["items"]]

    assert seen() == [1, 2, 4, 0, 3]
    assert seen(after=str(images[2].public_id)) == [4, 0, 3, 1, 2]
    assert seen(after=str(images[0].public_id)) == [3, 1, 2, 4, 0]
    assert seen(after=str(images[0].public_id), count="2") == [3, 1]
    assert seen(after=str(images[1].public_id), count="1") == [2]


def test_only_what_is_shown_is_read_and_the_count_ends_somewhere(
    expert: User,
    project: Project,
    people: list[Annotator],
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(adjudication_selectors, "COUNTED", 4)
    images = audit_images(project, 6)
    for image in images:
        say(people, image, "milk", "juice", "apple")  # disputed, and asked about: one question
    open_due(project)
    mine = factories.make_expert_annotator(project, expert)

    with django_assert_num_queries(1) as asked:
        shown = adjudication_selectors.upcoming(project.pk, mine.pk, after=None, count=2)
    with django_assert_num_queries(1) as counted:
        left = adjudication_selectors.left(project.pk)

    assert len(shown) == 2
    assert left == 4
    assert "LIMIT 2" in asked.captured_queries[0]["sql"]
    assert "LIMIT 4" in counted.captured_queries[0]["sql"]
    monkeypatch.setattr(adjudication_selectors, "COUNTED", 100)
    assert adjudication_selectors.left(project.pk) == 6


def test_volunteers_do_not_get_there(
    browse: Browse, volunteer: Annotator, project: Project
) -> None:
    tab = browse(volunteer)

    assert tab.client.get(f"/api/v1/projects/{project.slug}/expert").status_code == 403
