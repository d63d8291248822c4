"""axe-core on every page of the volunteer app, light and dark, desktop and phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from config.tests.browser.conftest import LOOKS, Visitor, World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(params=LOOKS)
def visitor(request: pytest.FixtureRequest) -> Visitor:
    found: Visitor = request.getfixturevalue(request.param)
    return found


def test_no_page_puts_up_a_barrier(visitor: Visitor, world: World, request: object) -> None:
    page = visitor.page
    look = str(getattr(request, "node", "")).rpartition("[")[2].rstrip("]>")
    barriers: dict[str, list[str]] = {}

    def examine(name: str) -> None:
        visitor.shot(f"{look}-{name}")
        barriers[name] = visitor.barriers()

    page.goto(world.address)
    page.get_by_role("heading", level=1).wait_for()
    examine("welcome")
    page.goto(world.invitation)
    page.get_by_label("What should we call you?").fill("Robin")
    examine("join")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Join").click()
    page.get_by_role("heading", name="Welcome, Robin").wait_for()
    examine("joined")
    page.get_by_role("link", name="Start labeling").click()
    page.get_by_role("dialog").wait_for()
    examine("guide")
    page.keyboard.press("Escape")
    visitor.sees_an_image()
    visitor.press("1")
    examine("label")
    page.get_by_role("button", name="Flag").click()
    examine("flag")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Contact").click()
    examine("contact")
    page.goto(f"{world.address}/try/{world.slug}")
    expect(page.get_by_role("heading", name="No classifier yet")).to_be_visible()
    examine("try")
    page.goto(f"{world.address}/")
    page.get_by_role("heading", name="Good to see you").wait_for()
    examine("home")

    assert {name: found for name, found in barriers.items() if found} == {}
