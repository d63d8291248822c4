"""A label that was missing: seen on the labels page, named, and there for everybody."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from config.tests.browser import staff_world
from config.tests.browser.conftest import Visitor
from labeling.selectors import consensus
from labeling.services import new_labels
from ml.selectors import embeddings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_pictures_that_fit_no_label_become_one(address: str, desktop: Visitor) -> None:
    embeddings.forget()
    room = staff_world.make(address, pool=12, audit=4, at_work=False)
    images = room.pool[:6]
    new_labels.propose(
        project_id=room.project_id, clusters=[new_labels.Cluster(images, 0.86, 6)], now=room.now
    )
    desktop.page.context.add_cookies([{"name": "sessionid", "value": room.session, "url": address}])
    page = desktop.page

    page.goto(room.room("labels"))
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
