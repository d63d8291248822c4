"""Pictures nearly the same, confirmed at once: by keyboard, and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from config.tests.browser.conftest import Visitor, World, make_world
from config.tests.browser.test_labeling import all_sent, labels_of
from labeling.services import alike
from labeling.tests.rows import AlikeImage, Image, Project, QueueEntry

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SEEN = """() => {
  const pictures = [...document.querySelectorAll(".alike-tile > img")];
  if (!pictures.every((one) => one.complete && one.naturalWidth > 0)) return false;
  return new Promise((done) => setTimeout(() => done(true), 1200));
}"""
"""All thumbnails are there, and were looked at for longer than a key needs to be believed."""


@pytest.fixture
def shelf(address: str) -> World:
    """Twelve pictures that count as nearly the same; each answer asks about the others."""
    world = make_world(address, pictures=12)
    Project.objects.filter(pk=world.project_id).update(
        alike_share=1.0, random_arm_share=0.0, audit_serving_share=0.0
    )
    QueueEntry.objects.filter(project_id=world.project_id).update(reason="ACQUIRED")
    ids = list(Image.objects.filter(project_id=world.project_id).values_list("pk", flat=True))
    alike.set_groups(project_id=world.project_id, groups=dict.fromkeys(ids, min(ids)))
    return world


def test_all_but_one_are_confirmed_by_keyboard_and_one_is_taken_back(
    desktop: Visitor, shelf: World
) -> None:
    desktop.join(shelf)
    page = desktop.page

    page.keyboard.press("1")
    grid = page.get_by_role("dialog", name="Is this all Apple?")
    tiles = grid.locator(".alike-tile")
    expect(tiles).to_have_count(8)  # twelve, but the one answered and three in this tab's hands
    expect(grid.get_by_role("heading", name="Is this all Apple?")).to_be_focused()
    page.keyboard.type("leek")  # for the next picture
    page.keyboard.press("Enter")
    expect(grid.get_by_role("button", name="Yes, all 8 are Apple")).to_be_enabled()
    desktop.shot("alike-all")
    for _ in range(3):  # Close, the first picture, the second
        page.keyboard.press("Tab")
    expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("Space")
    expect(tiles.nth(1)).to_have_attribute("aria-pressed", "false")
    desktop.shot("alike")
    assert desktop.barriers() == []
    all_sent(desktop, shelf, 1)
    page.wait_for_function(SEEN)
    page.keyboard.press("Control+Enter")

    expect(grid).to_be_hidden()
    expect(page.get_by_text("Stored for 7 pictures.")).to_be_visible()
    desktop.shot("alike-stored")
    all_sent(desktop, shelf, 8)
    assert {tuple(said.values()) for said in labels_of(shelf)} == {("YES",)}
    assert AlikeImage.objects.filter(set_apart_at__isnull=False).count() == 1

    page.keyboard.press("u")
    expect(page.locator(".previous")).to_contain_text("Taken back. Here it is again.")
    all_sent(desktop, shelf, 7)


def test_a_grid_that_is_put_aside_stores_nothing(phone: Visitor, shelf: World) -> None:
    phone.join(shelf)
    page = phone.page

    page.locator(".tray").get_by_role("button", name="Apple").tap()
    grid = page.get_by_role("dialog", name="Is this all Apple?")
    grid.locator(".alike-tile").nth(7).wait_for()
    page.wait_for_timeout(500)  # A tap sooner was meant for the page below.
    grid.locator(".alike-tile").nth(2).tap()
    expect(grid.get_by_role("button", name="Only these 7 are Apple")).to_be_visible()
    phone.shot("alike-phone")
    grid.get_by_role("button", name="Not now").tap()

    expect(grid).to_be_hidden()
    phone.sees_an_image()
    all_sent(phone, shelf, 1)
