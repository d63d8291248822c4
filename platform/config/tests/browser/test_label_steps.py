"""Labels merged, split and grouped in the staff room; a group said on the labeling page."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from config.tests.browser import staff_world
from config.tests.browser.conftest import Visitor
from labeling.selectors import projects
from labeling.tests.rows import Consensus
from ml.selectors import embeddings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_labels_are_merged_split_and_grouped_and_a_group_is_said(
    desktop: Visitor, address: str
) -> None:
    embeddings.forget()
    room = staff_world.make(address, pool=24, audit=4, at_work=False)
    staff_world.answer(room, staff_world.join(room, "Robin"), room.pool[:16])
    page = desktop.page
    page.context.add_cookies([{"name": "sessionid", "value": room.session, "url": address}])
    page.goto(room.room("labels"))

    page.get_by_role("button", name="Merge labels").click()
    page.get_by_role("checkbox", name="Apple").check()
    page.get_by_role("checkbox", name="Tomato").check()
    page.get_by_label("Name of the one label").fill("Red fruit")
    expect(page.get_by_text("nobody is asked again")).to_be_visible()
    desktop.shot("labels-merge")
    assert desktop.barriers() == []
    page.get_by_role("button", name="Merge", exact=True).click()
    expect(page.get_by_label("Name of Red fruit")).to_be_visible()

    page.get_by_role("button", name="Split Milk").click()
    page.get_by_label("The new labels, one a line").fill("Oat milk\nSoy milk")
    expect(page.get_by_text("will be asked about again")).to_be_visible()
    desktop.shot("labels-split")
    page.get_by_role("button", name="Split", exact=True).click()
    expect(page.get_by_label("Name of Soy milk")).to_be_visible()

    page.get_by_role("button", name="New group").click()
    page.get_by_label("Name of the group").fill("Milk")
    page.get_by_role("checkbox", name="Oat milk").check()
    page.get_by_role("checkbox", name="Soy milk").check()
    page.get_by_role("button", name="Save the group").click()
    expect(page.get_by_role("button", name="Change the group Milk")).to_be_visible()
    desktop.shot("labels-groups")
    assert desktop.barriers() == []
    scheme = projects.current_scheme(room.project_id)
    assert {"red-fruit", "oat-milk", "soy-milk"} < set(scheme.codes)
    assert not {"apple", "tomato", "milk"} & set(scheme.codes)

    page.goto(f"{address}/label/{room.slug}")
    page.get_by_role("button", name="Start labeling").click()
    desktop.sees_an_image()
    group = page.get_by_role("group", name="Not sure which? Say only")
    desktop.shot("labeling-group")
    assert desktop.barriers() == []
    group.get_by_role("button", name="Milk").click()
    expect(page.get_by_text("Milk, not sure which", exact=True)).to_be_visible()
    known = Consensus.objects.filter(label__code=scheme.groups[0].code, state="RESOLVED")
    desktop.waits_until(known.exists)
