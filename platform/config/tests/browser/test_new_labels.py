"""A label that was missing: seen on the labels page, named, and there for everybody."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Page, expect

from config.tests.browser import staff_world
from config.tests.browser.conftest import Visitor
from config.tests.browser.staff_world import StaffWorld
from labeling.selectors import consensus
from labeling.services import new_labels, people
from ml.selectors import embeddings, similar
from ml.services import refit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def enter(visitor: Visitor, room: StaffWorld) -> Page:
    """Be signed in, on the labels."""
    visitor.page.context.add_cookies(
        [{"name": "sessionid", "value": room.session, "url": room.address}]
    )
    visitor.page.goto(room.room("labels"))
    return visitor.page


def test_pictures_that_fit_no_label_become_one(address: str, desktop: Visitor) -> None:
    embeddings.forget()
    room = staff_world.make(address, pool=12, audit=4, at_work=False)
    images = room.pool[:6]
    new_labels.propose(
        project_id=room.project_id, clusters=[new_labels.Cluster(images, 0.86, 6)], now=room.now
    )
    page = enter(desktop, room)
    expect(page.get_by_role("heading", name="Is a label missing?")).to_be_visible()
    expect(page.locator(".new-labels .image-tile")).to_have_count(6)
    page.wait_for_load_state("networkidle")
    desktop.shot("new-labels")
    assert desktop.barriers() == []

    page.get_by_label("shelf-003.jpg belongs to them").uncheck()
    page.get_by_label("Something new? Name it").fill("Rice milk")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Rice milk is a label now")).to_be_visible()
    expect(page.get_by_label("Name of Rice milk")).to_be_visible()
    expect(page.locator(".new-labels")).to_have_count(0)
    decided = {image_id: consensus.decided(image_id) for image_id in images}
    named = {key for key, one in decided.items() if one is not None and one.code == "rice-milk"}
    assert named == set(images) - {images[3]}


def test_more_like_a_label_is_asked_for_and_stopped(address: str, desktop: Visitor) -> None:
    embeddings.forget()
    room = staff_world.make(address, pool=24, audit=4, at_work=False)
    user = get_user_model().objects.get(username=room.username)
    manager = people.annotator_of_user(project_id=room.project_id, user_id=user.pk, now=room.now)
    staff_world.answer(room, manager.pk, room.pool[:3])
    page = enter(desktop, room)

    page.get_by_role("button", name="Find more like Apple").click()
    assert similar.under_way(room.project_id) == []
    page.get_by_role("button", name="Find them").click()
    expect(page.get_by_text("Looking through the pictures")).to_be_visible()
    head = page.get_by_role("heading", name="Wanted: more like these")
    expect(head).to_be_focused()
    expect(head).to_be_in_viewport()
    refit.run(project_id=room.project_id, now=room.now)
    expect(page.get_by_text("0 of 20 pictures answered")).to_be_visible()
    page.wait_for_load_state("networkidle")
    desktop.shot("find-more")
    assert desktop.barriers() == []

    page.get_by_role("button", name="Stop looking for Apple").click()
    expect(page.locator(".searches")).to_have_count(0)
    assert similar.under_way(room.project_id) == []
