"""Every tab of the staff room, light, dark and on a phone: axe-core, and no page too wide."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from config.tests.browser import staff_world
from config.tests.browser.conftest import LOOKS, Visitor
from ml.selectors import embeddings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TABS = (
    "overview", "confusion", "versions", "images", "labels", "people", "gold", "tokens", "settings",
)  # fmt: skip


@pytest.fixture(params=LOOKS)
def visitor(request: pytest.FixtureRequest) -> Visitor:
    found: Visitor = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def room(address: str) -> staff_world.StaffWorld:
    embeddings.forget()
    room = staff_world.make(address)
    staff_world.add_careless(room)
    staff_world.set_gold(room, room.pool[:4], note="Look at the stalk.")
    return room


def test_no_tab_puts_up_a_barrier(
    visitor: Visitor,
    room: staff_world.StaffWorld,
    shots: Path | None,
    request: pytest.FixtureRequest,
) -> None:
    page = visitor.page
    look = request.node.callspec.params["visitor"]
    page.context.add_cookies([{"name": "sessionid", "value": room.session, "url": room.address}])
    barriers: dict[str, list[str]] = {}
    for tab in TABS:
        page.goto(room.room(tab))
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(250)
        if shots:
            page.screenshot(path=str(shots / f"{look}-{tab}.png"), full_page=True)
        barriers[tab] = visitor.barriers()
        if is_wider_than_the_window(visitor):
            barriers[tab].append("the page scrolls sideways")

    page.goto(room.room("people"))
    page.get_by_role("button", name="Sam", exact=True).click()
    page.locator(".person-panel h3").first.wait_for()
    page.wait_for_load_state("networkidle")
    barriers["somebody"] = visitor.barriers()
    page.get_by_role("button", name="Set all answers aside").click()
    page.get_by_role("dialog").wait_for()
    barriers["quarantine"] = visitor.barriers()
    page.goto(room.room("gold"))
    page.locator(".gold-tile").first.click()
    page.get_by_label("It shows").wait_for()
    if shots:
        page.screenshot(path=str(shots / f"{look}-gold-dialog.png"))
    barriers["gold dialog"] = visitor.barriers()

    assert {tab: found for tab, found in barriers.items() if found} == {}


@pytest.mark.parametrize("look", ["desktop", "phone"])
def test_forty_labels_fit(
    look: str, address: str, shots: Path | None, request: pytest.FixtureRequest
) -> None:
    embeddings.forget()
    room = staff_world.make(address, extra_labels=35)
    visitor: Visitor = request.getfixturevalue(look)
    page = visitor.page
    page.context.add_cookies([{"name": "sessionid", "value": room.session, "url": room.address}])

    page.goto(room.room("overview"))
    page.get_by_role("button", name="Show all 43 labels").click()
    expect(page.get_by_role("row", name="Shelf good 34")).to_contain_text("unknown")
    assert not is_wider_than_the_window(visitor)
    assert visitor.barriers() == []
    if shots:
        page.screenshot(path=str(shots / f"{look}-overview-43-labels.png"), full_page=True)

    page.goto(room.room("labels"))
    page.get_by_label("Find a label").fill("good 2")
    expect(page.get_by_role("button", name="Retire Shelf good")).to_have_count(10)
    assert not is_wider_than_the_window(visitor)
    assert visitor.barriers() == []


def is_wider_than_the_window(visitor: Visitor) -> bool:
    root = "document.documentElement"
    return bool(visitor.page.evaluate(f"{root}.scrollWidth > {root}.clientWidth + 1"))
