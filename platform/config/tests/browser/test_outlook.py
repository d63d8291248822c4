"""How much further, in a real browser: sentences, what each label needs, the band of the curve."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from config.tests.browser import staff_world
from config.tests.browser.conftest import Visitor
from config.tests.browser.test_staff import enter
from labeling.services import projects
from ml.selectors import embeddings
from ml.selectors import outlook as selector
from ml.services import outlook

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_staff_read_how_far_the_target_is_and_what_each_label_needs(
    desktop: Visitor, address: str
) -> None:
    embeddings.forget()
    room = staff_world.make(address, pool=76)
    now = room.now + timedelta(days=2)
    projects.update_settings(project_id=room.project_id, now=now, target_accuracy=0.8)
    outlook.update(project_id=room.project_id, now=now)
    found = selector.page(room.project_id)["figures"]

    page = enter(desktop, room)
    section = page.get_by_role("region", name="How much further?")
    expect(section).to_contain_text(found["overall"]["sentence"])
    expect(section).to_contain_text(found["advice"]["sentence"])
    expect(section).to_contain_text(found["savings"]["sentence"])
    needs = page.get_by_role("heading", name="What each label needs").locator("..")
    for row in found["per_label"]:
        line = needs.get_by_role("row").filter(has_text=row["name"])
        expect(line.first).to_contain_text(row["sentence"])
    certainty = page.get_by_role("heading", name="Is it as sure as it may be?").locator("..")
    expect(certainty).to_contain_text("On average its certainty is off by")
    expect(page.get_by_text("where it is likely to go, 8 times in 10")).to_be_visible()
    page.get_by_text("What would it take to know labels better?").click()
    page.get_by_label("Label to know better").select_option(
        label="Every label (four in five within)"
    )
    expect(page.get_by_text("Four labels in five are known to ±")).to_be_visible()
    page.get_by_label("Label to know better").select_option("carrot")
    # Nobody has been here for weeks: an image is asked of whoever comes.
    expect(page.get_by_text("Carrot is not known yet (")).to_contain_text("at one answer a picture")
    page.get_by_role("button", name="Ask for it").click()
    wanted = page.get_by_role("region", name="Being measured more closely")
    expect(wanted).to_contain_text("wanted to ±10 points; not known yet")
    page.set_viewport_size({"width": 1280, "height": 3000})
    desktop.shot("staff-outlook")
    assert desktop.barriers() == []
