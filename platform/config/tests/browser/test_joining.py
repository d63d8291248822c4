"""The ways in: an invitation, a personal link, and the same link once more."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from config.tests.browser.conftest import Visitor, World
from labeling.selectors import roster

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_personal_link_leads_back_to_the_images(
    desktop: Visitor, phone: Visitor, world: World
) -> None:
    page = desktop.page
    page.goto(world.invitation)
    page.get_by_label("What should we call you?").fill("Kim")
    page.get_by_role("checkbox").check()
    desktop.shot("join")
    page.get_by_role("button", name="Join").click()
    link = page.get_by_label("Your personal link").input_value()
    desktop.shot("joined")

    phone.page.goto(link)
    expect(phone.page).to_have_url(re.compile(f"/label/{world.slug}$"))
    phone.page.get_by_role("button", name="Start labeling").tap()
    phone.sees_an_image()


def test_an_invitation_that_is_not_valid_says_so(desktop: Visitor, world: World) -> None:
    desktop.page.goto(f"{world.address}/join/no-such-invitation")

    expect(desktop.page.get_by_role("heading", level=1)).to_contain_text("does not open anything")


@pytest.mark.parametrize("look", ["phone", "dark_desktop"])
def test_a_link_opened_again_leads_on_and_joins_nobody_twice(
    look: str, world: World, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(look)
    visitor.join(world, "Sam")
    page = visitor.page
    page.goto(world.invitation)
    onward = page.get_by_role("link", name="Continue as Sam")
    expect(onward).to_be_visible()
    visitor.shot(f"{look}-joined-before")
    assert visitor.barriers() == []

    page.get_by_role("button", name="I am somebody else").click()
    expect(page.get_by_label("What should we call you?")).to_be_focused()
    visitor.shot(f"{look}-somebody-else")
    assert visitor.barriers() == []
    page.reload()
    onward.click()

    visitor.sees_an_image()
    assert len(roster.everybody(world.project_id)) == 1


def test_somebody_who_has_not_joined_is_shown_the_way(desktop: Visitor, world: World) -> None:
    desktop.page.goto(f"{world.address}/label/{world.slug}")

    expect(desktop.page.get_by_role("heading", level=1)).to_contain_text("joined")
