"""Settling disputes in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from config.tests.browser.conftest import Visitor, World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_expert_with_nothing_to_settle_is_told_so(
    desktop: Visitor, world: World, expert_link: str
) -> None:
    desktop.page.goto(expert_link)
    desktop.page.goto(f"{world.address}/expert/{world.slug}")

    expect(desktop.page.get_by_role("heading", name="Nothing to settle")).to_be_visible()
    assert desktop.barriers() == []
    desktop.shot("expert")


def test_a_volunteer_is_kept_out(desktop: Visitor, world: World) -> None:
    desktop.join(world)
    desktop.page.goto(f"{world.address}/expert/{world.slug}")

    expect(desktop.page.get_by_role("heading", level=1)).to_contain_text("for experts")
