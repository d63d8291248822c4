"""The page about people and the gold list in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Locator, Page, expect

from config.tests.browser import staff_world
from config.tests.browser.conftest import LOOKS, Visitor
from config.tests.browser.staff_world import StaffWorld
from config.tests.browser.test_staff_look import is_wider_than_the_window
from labeling.selectors import gold as gold_selectors
from labeling.selectors import roster
from labeling.services import standing
from ml.selectors import embeddings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def room(address: str) -> StaffWorld:
    """Robin and Kim, who are right, and Sam, who is wrong about thirty audit images."""
    embeddings.forget()
    room = staff_world.make(address)
    staff_world.add_careless(room)
    return room


def enter(visitor: Visitor, room: StaffWorld, tab: str = "people") -> Page:
    visitor.page.context.add_cookies(
        [{"name": "sessionid", "value": room.session, "url": room.address}]
    )
    visitor.page.goto(room.room(tab))
    visitor.page.get_by_role("heading", level=1).wait_for()
    visitor.page.wait_for_load_state("networkidle")
    return visitor.page


def sam(room: StaffWorld) -> roster.Person:
    people = {person.display_name: person for person in roster.everybody(room.project_id)}
    return people["Sam"]


def line_of(page: Page, name: str) -> Locator:
    return page.locator("tr.person", has=page.get_by_role("button", name=name, exact=True))


def keep(visitor: Visitor, shots: Path | None, name: str) -> None:
    if shots:
        visitor.page.screenshot(path=str(shots / f"{name}.png"), full_page=True)


@pytest.mark.parametrize("look", LOOKS)
def test_who_is_weak_is_seen_at_a_glance_and_unfolds_to_labels(
    look: str, room: StaffWorld, shots: Path | None, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(look)
    page = enter(visitor, room)
    skill = sam(room).skill
    assert skill is not None
    assert skill.high < 0.6, "Sam is not surely under the floor"
    mark = line_of(page, "Sam").locator(".interval-mark")
    expect(mark).to_have_attribute("data-under", "true")
    expect(line_of(page, "Robin").locator(".interval-mark")).to_have_attribute(
        "data-under", "false"
    )
    expect(line_of(page, "Sam")).to_contain_text(f"{round(100 * float(skill.estimate or 0))} %")

    page.get_by_role("button", name="Weakest first").click()
    expect(page.locator("tr.person").first).to_contain_text("Sam")
    page.get_by_role("button", name="Sam", exact=True).click()
    panel = page.locator(".person-panel")
    expect(panel.get_by_role("heading", name="By label")).to_be_visible()
    expect(panel.get_by_role("row", name="Apple")).to_be_visible()
    expect(panel.get_by_role("heading", name="Mixes up")).to_be_visible()
    expect(panel.locator(".recent-grid li")).to_have_count(10)
    page.get_by_role("button", name="Show the last 20").click()
    expect(panel.locator(".recent-grid li")).to_have_count(20)
    page.wait_for_load_state("networkidle")
    keep(visitor, shots, f"{look}-people")
    assert visitor.barriers() == []
    assert not is_wider_than_the_window(visitor)


def test_answers_are_set_aside_and_brought_back(
    desktop: Visitor, room: StaffWorld, shots: Path | None
) -> None:
    page = enter(desktop, room)
    page.get_by_role("button", name="Sam", exact=True).click()
    page.get_by_role("button", name="Set all answers aside").click()
    dialog = page.get_by_role("dialog", name="Set aside everything Sam said?")
    expect(dialog).to_contain_text("The 30 answers of Sam are set aside; nothing is deleted.")
    assert desktop.barriers() == []
    keep(desktop, shots, "people-quarantine")
    page.keyboard.press("Escape")
    assert not sam(room).quarantined

    page.get_by_role("button", name="Set all answers aside").click()
    dialog.get_by_label("Why").fill("The same wrong answer thirty times.")
    dialog.get_by_role("button", name="Set them aside").click()
    expect(line_of(page, "Sam")).to_contain_text("set aside")
    assert sam(room).quarantined
    page.get_by_text("What was done").click()
    expect(page.locator(".person-panel")).to_contain_text(
        "Answers set aside by morgan: The same wrong answer thirty times."
    )

    page.get_by_role("button", name="Bring the answers back").click()
    page.get_by_role("button", name="Bring them back").click()
    expect(line_of(page, "Sam")).not_to_contain_text("set aside")
    assert not sam(room).quarantined


def test_a_pause_is_explained_and_lifted(desktop: Visitor, room: StaffWorld) -> None:
    manager = get_user_model().objects.get(username=room.username)
    standing.set_paused(
        annotator_id=room.people["Sam"], is_paused=True, user_id=manager.pk, now=room.now
    )
    page = enter(desktop, room)
    expect(line_of(page, "Sam")).to_contain_text("paused")
    page.get_by_role("button", name="Sam", exact=True).click()
    expect(page.locator(".person-panel .notice")).to_contain_text("Paused by staff since")

    page.get_by_role("button", name="Lift the pause").click()

    expect(line_of(page, "Sam")).not_to_contain_text("paused")
    assert not sam(room).paused


def test_a_name_goes_only_when_it_is_typed_again(desktop: Visitor, room: StaffWorld) -> None:
    page = enter(desktop, room)
    page.get_by_role("button", name="Sam", exact=True).click()
    page.get_by_role("button", name="Remove the name").click()
    remove = page.get_by_role("button", name="Remove it for good")
    page.get_by_label("Type the name once more").fill("Robin")
    expect(remove).to_be_disabled()
    page.get_by_label("Type the name once more").fill("Sam")
    remove.click()

    expect(page.get_by_role("button", name="Sam", exact=True)).to_have_count(0)
    names = [person.display_name for person in roster.everybody(room.project_id)]
    assert "Sam" not in names
    assert len(names) == 3


def test_a_message_is_ticked_off(desktop: Visitor, room: StaffWorld) -> None:
    page = enter(desktop, room)
    page.get_by_role("button", name="Handled: message of Kim").click()

    expect(page.get_by_text("All handled.")).to_be_visible()
    page.get_by_text("1 handled").click()
    page.get_by_role("button", name="Not handled yet").click()
    expect(page.get_by_text("All handled.")).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS)
def test_agreement_is_measured_and_drawn(
    look: str, room: StaffWorld, shots: Path | None, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(look)
    page = enter(visitor, room)
    for _ in range(2):
        page.get_by_role("button", name="Measure now").click()
        expect(page.get_by_text("Measured now.")).to_be_visible()
        page.get_by_role("button", name="Close").click()
    section = page.locator("section.card", has=page.get_by_role("heading", name="Agreement"))
    expect(section.get_by_role("heading", name="Krippendorff")).to_be_visible()
    expect(section.locator(".figure").first).to_contain_text("0.")
    expect(section.locator("canvas")).to_be_visible()
    expect(section.get_by_role("row", name="Banana")).to_be_visible()
    keep(visitor, shots, f"{look}-agreement")
    assert visitor.barriers() == []
    assert not is_wider_than_the_window(visitor)


def test_an_image_is_made_gold_listed_and_withdrawn(
    desktop: Visitor, room: StaffWorld, shots: Path | None
) -> None:
    page = enter(desktop, room, "images")
    # The newest pictures are of the audit slice: they measure, and are refused with the reason.
    page.get_by_role("button", name="Gold: shelf-099.jpg").click()
    dialog = page.get_by_role("dialog", name="A gold reference")
    expect(dialog).to_contain_text("audit")
    dialog.get_by_role("button", name="All right").click()
    while not page.get_by_role("button", name="Gold: shelf-010.jpg").count():
        page.get_by_role("button", name="Show more").click()
        page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Gold: shelf-010.jpg").click()
    dialog.get_by_label("It shows").select_option("banana")
    dialog.get_by_label("How one can tell").fill("Yellow and bent.")
    keep(desktop, shots, "gold-dialog")
    assert desktop.barriers() == []
    dialog.get_by_role("button", name="Make it gold").click()
    expect(page.get_by_text("That is your first gold image.")).to_be_visible()
    assert gold_selectors.count(room.project_id) == 1

    page.goto(room.room("gold"))
    expect(page.get_by_text("Yellow and bent.")).to_be_visible()
    expect(page.get_by_text("Once there are 19 more, some are mixed into")).to_be_visible()
    keep(desktop, shots, "gold-list")
    assert desktop.barriers() == []
    page.get_by_role("button", name="Change or withdraw Banana").click()
    page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    assert gold_selectors.count(room.project_id) == 0


def test_the_settings_of_people_are_stored(desktop: Visitor, room: StaffWorld) -> None:
    page = enter(desktop, room, "settings")
    page.get_by_label("Images in a newcomer's first round").fill("5")
    page.get_by_label("Pause people whose skill is surely under").fill("70")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()

    page.reload()
    expect(page.get_by_label("Images in a newcomer's first round")).to_have_value("5")
    expect(page.get_by_label("Pause people whose skill is surely under")).to_have_value("70")
