"""The review of doubted labels at the HTTP boundary."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from labeling.models import Image, Project, User
from labeling.services import doubts
from labeling.tests import worlds
from labeling.tests.crowd.browser import Browser, Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def images(project: Project) -> list[Image]:
    """Three images called milk; of two of them that is doubted."""
    found = worlds.make_images(project, 3)
    ada = worlds.make_annotator(project, "Ada")
    for image in found:
        worlds.direct(ada, image, "milk")
    given = [
        doubts.Doubt(image.pk, "milk", "juice", 0.8, 0.1, "apple", 0.7, 0.2, score)
        for image, score in zip(found[:2], (0.6, 0.9), strict=True)
    ]
    doubts.note(project_id=project.pk, doubts=given, now=worlds.NOW)
    return found


@pytest.fixture
def tab(project: Project, expert: User, client_for: Callable[..., APIClient]) -> Browser:
    return Browser(client_for(expert), project.slug)


def listed(tab: Browser, **query: str) -> Json:
    found: Json = tab.get(f"staff/projects/{tab.slug}/label-errors", **query)
    return found


def settle(tab: Browser, image: Image, body: Json, *, status: int = 201) -> Json:
    path = f"staff/projects/{tab.slug}/label-errors/{image.public_id}"
    done: Json = tab.post(path, body, status=status)
    return done


def test_a_doubt_says_what_speaks_against_the_label(tab: Browser, images: list[Image]) -> None:
    first, second = listed(tab)["items"]

    assert first["image"]["id"] == str(images[1].public_id)
    assert second["image"]["id"] == str(images[0].public_id)
    assert first["given"] == {"code": "milk", "name": "Milk", "share": 0.1}
    assert first["given_alike"] == 0.2
    assert first["classifier"] == {"code": "juice", "name": "Juice", "share": 0.8}
    assert first["neighbours"] == {"code": "apple", "name": "Apple", "share": 0.7}


def test_settling_counts_and_an_undo_brings_it_back(tab: Browser, images: list[Image]) -> None:
    done = settle(tab, images[1], {"kind": "LABEL", "label": "juice"})
    assert (done["found"]["n_wrong"], done["found"]["n_judged"], done["found"]["open"]) == (1, 1, 1)
    assert [row["image"]["id"] for row in listed(tab)["items"]] == [str(images[0].public_id)]

    path = f"projects/{tab.slug}/annotations/{done['annotation']['id']}/undo"
    tab.post(path, {"key": str(uuid.uuid4())})

    found = listed(tab)
    assert found["items"][0]["image"]["id"] == str(images[1].public_id)
    assert (found["found"]["n_judged"], found["found"]["open"]) == (0, 2)


def test_after_one_label_was_kept_there_may_be_no_wrong_one(
    tab: Browser, images: list[Image]
) -> None:
    wrong = settle(tab, images[1], {"kind": "LABEL", "label": "milk"})["found"]["wrong"]

    assert (wrong["estimate"], wrong["low"], wrong["n"]) == (0, 0, 1)
    assert wrong["high"] == pytest.approx(0.7935, abs=1e-4)


def test_who_skips_one_goes_on_behind_it_and_it_stays(tab: Browser, images: list[Image]) -> None:
    behind = listed(tab, after=str(images[1].public_id))

    assert [row["image"]["id"] for row in behind["items"]] == [str(images[0].public_id)]
    assert behind["found"]["open"] == 2


def test_what_is_settled_or_was_never_doubted_is_refused(tab: Browser, images: list[Image]) -> None:
    settle(tab, images[0], {"kind": "LABEL", "label": "milk"})

    for image in (images[0], images[2]):
        refused = settle(tab, image, {"kind": "LABEL", "label": "juice"}, status=409)
        assert refused["code"] == "nothing_to_review"


def test_volunteers_and_strangers_have_no_review(
    project: Project, images: list[Image], client_for: Callable[..., APIClient], outsider: User
) -> None:
    path = f"/api/v1/staff/projects/{project.slug}/label-errors"
    volunteer = worlds.make_annotator(project, "Volunteer")

    assert client_for(volunteer).get(path).status_code in (403, 404)
    assert client_for(outsider).get(path).status_code == 404
    posted = client_for(volunteer).post(f"{path}/{images[0].public_id}", {"kind": "CANT_TELL"})
    assert posted.status_code in (403, 404)


def test_the_share_of_second_opinions_is_a_setting(
    project: Project, manager: User, client_for: Callable[..., APIClient]
) -> None:
    client, path = client_for(manager), f"/api/v1/staff/projects/{project.slug}"

    assert client.get(path).json()["doubt_serving_share"] == 0.02
    changed = client.patch(path, {"doubt_serving_share": 0.05}, format="json")
    assert changed.json()["doubt_serving_share"] == 0.05
    assert client.patch(path, {"doubt_serving_share": 0.6}, format="json").status_code == 400
