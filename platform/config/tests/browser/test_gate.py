"""The Versions page: why what serves serves, what waits for a yes, and how the tests went."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from config.tests.browser import staff_world
from config.tests.browser.conftest import Visitor
from config.tests.browser.staff_world import StaffWorld
from ml.selectors import embeddings, registry
from ml.services import refit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def room(address: str) -> StaffWorld:
    embeddings.forget()
    return staff_world.make(address)


def test_a_manager_lets_a_waiting_version_serve(desktop: Visitor, room: StaffWorld) -> None:
    page = desktop.page
    page.context.add_cookies([{"name": "sessionid", "value": room.session, "url": room.address}])
    page.goto(room.room("settings"))
    page.get_by_label("A new classifier that has passed").select_option("waits for a manager's yes")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    robin = room.people["Robin"]
    staff_world.answer(room, robin, room.pool[50:56])
    staff_world.answer(room, room.people["Kim of the allotments"], room.audit[38:44])
    assert refit.run(project_id=room.project_id, now=room.now).kind == "offered"

    page.goto(room.room("versions"))
    waiting = page.locator(".waiting")
    expect(waiting).to_contain_text("v4 waits for your yes")
    expect(waiting.get_by_role("row", name="v4, new")).to_be_visible()
    page.locator(".gate-item").first.locator("summary").click()
    desktop.shot("staff-gate")
    assert desktop.barriers() == []

    waiting.get_by_role("button", name="Let v4 serve").click()

    expect(page.get_by_text("v4 serves because a manager let it")).to_be_visible()
    expect(waiting).to_have_count(0)
    champion = registry.champion(room.project_id)
    assert champion is not None
    assert champion.number == 4
