"""The Versions page: why what serves serves, what waits for a yes, and how the tests went."""

from __future__ import annotations

from datetime import timedelta

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
    """After the usual three versions, six that change little, with audit answers between."""
    embeddings.forget()
    room = staff_world.make(address, pool=70, audit=62)
    robin, kim = room.people["Robin"], room.people["Kim of the allotments"]
    for step in range(6):
        room.now += timedelta(minutes=3)
        staff_world.answer(room, robin, [room.pool[50 + step]])
        for person in (robin, kim):
            staff_world.answer(room, person, room.audit[40 + 3 * step : 43 + 3 * step])
        refit.run(project_id=room.project_id, now=room.now)
    return room


def test_a_manager_lets_a_waiting_version_serve(desktop: Visitor, room: StaffWorld) -> None:
    before = registry.champion(room.project_id)
    assert before is not None
    page = desktop.page
    page.context.add_cookies([{"name": "sessionid", "value": room.session, "url": room.address}])
    page.goto(room.room("settings"))
    page.get_by_label("A new classifier that has passed").select_option("waits for a manager's yes")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    staff_world.answer(room, room.people["Robin"], room.pool[56:66])
    offered = refit.run(project_id=room.project_id, now=room.now)
    assert offered.kind == "offered"
    new = f"v{offered.version}"

    page.goto(room.room("versions"))
    waiting = page.locator(".waiting")
    expect(waiting).to_contain_text(f"{new} waits for your yes")
    expect(waiting.get_by_role("row", name=f"{new}, new")).to_be_visible()
    expect(waiting.get_by_role("row", name=f"v{before.number}, serves")).to_be_visible()
    assert desktop.barriers() == []
    desktop.shot("staff-waiting")
    page.get_by_text("small updates").first.click()
    page.locator(".gate-item", has_text="What serves").first.locator("summary").click()
    page.locator(".looks-plot").first.scroll_into_view_if_needed()
    desktop.shot("staff-gate")
    assert desktop.barriers() == []

    waiting.get_by_role("button", name=f"Let {new} serve").click()

    expect(page.get_by_text(f"{new} serves because a manager let it")).to_be_visible()
    expect(waiting).to_have_count(0)
    after = registry.champion(room.project_id)
    assert after is not None
    assert after.number == offered.version
