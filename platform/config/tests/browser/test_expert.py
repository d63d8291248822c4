"""The page for experts in a real browser: one image at a time, blind, by keyboard or thumb."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from playwright.sync_api import Route, expect

from config.tests.browser.conftest import LOOKED, LOOKS, Visitor, World
from labeling.selectors import adjudication
from labeling.selectors import gold as gold_selectors
from labeling.selectors import images as image_selectors
from labeling.services import invitations, projects
from labeling.services.annotations import record_direct

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def dispute(world: World, count: int) -> World:
    """Let two people say different things of some images, where two answers are asked for."""
    now = timezone.now()
    projects.update_settings(project_id=world.project_id, now=now, votes_pool=2)
    token = world.invitation.rpartition("/")[2]
    people = [
        invitations.accept_invitation(
            token=token, display_name=name, consented=True, user_id=None, now=now
        )[0]
        for name in ("Robin", "Kim")
    ]
    for image_id in image_selectors.pool_ids(world.project_id)[:count]:
        for person, code in zip(people, ("apple", "tomato"), strict=True):
            record_direct(
                annotator_id=person.pk,
                image_id=int(image_id),
                kind="LABEL",
                label_codes=[code],
                key=uuid.uuid4(),
                now=now,
            )
    assert adjudication.left(world.project_id) == count, "the answers do not dispute"
    return world


@pytest.fixture
def disputed(world: World) -> World:
    return dispute(world, 1)


@pytest.fixture
def four_disputed(world: World) -> World:
    return dispute(world, 4)


def enter(visitor: Visitor, world: World, session: str) -> str:
    visitor.carry(world, session)
    visitor.page.goto(f"{world.address}/expert/{world.slug}")
    return visitor.sees_an_image()


def test_an_expert_decides_blind_and_then_sees_what_people_said(
    desktop: Visitor, disputed: World, expert: str
) -> None:
    page = desktop.page
    enter(desktop, disputed, expert)
    expect(page.get_by_text("1 left")).to_be_visible()
    expect(page.locator(".desk-line")).not_to_contain_text("Tomato")
    assert desktop.barriers() == []

    page.keyboard.press("1")

    expect(page.locator(".desk-line")).to_contain_text("You decided: Apple")
    expect(page.locator(".desk-line")).to_contain_text("Tomato 1")
    expect(page.get_by_role("heading", name="Nothing to settle")).to_be_visible()
    assert adjudication.left(disputed.project_id) == 0
    assert desktop.barriers() == []
    desktop.shot("expert-done")


def test_settling_skipping_and_taking_back_by_keyboard(
    desktop: Visitor, four_disputed: World, expert: str
) -> None:
    page = desktop.page
    image = page.locator(".viewer-image")
    first = enter(desktop, four_disputed, expert)
    expect(page.get_by_text("4 left")).to_be_visible()
    desktop.shot("expert")

    page.keyboard.press("1")
    expect(image).not_to_have_attribute("src", first)
    second = desktop.sees_an_image()
    expect(page.get_by_text("3 left")).to_be_visible()
    page.keyboard.press("s")
    expect(image).not_to_have_attribute("src", second)
    assert desktop.sees_an_image() not in (first, second)
    expect(page.get_by_text("3 left")).to_be_visible()

    page.keyboard.press("u")
    expect(page.locator(".viewer-image")).to_have_attribute("src", first)
    expect(page.locator(".desk-line")).to_have_text("Taken back. Here it is again.")
    expect(page.get_by_text("4 left")).to_be_visible()
    assert adjudication.left(four_disputed.project_id) == 4

    desktop.sees_an_image()
    for key, left in (("n", "3 left"), ("t", "2 left"), ("1", "1 left")):
        page.keyboard.press(key)
        expect(page.get_by_text(left)).to_be_visible()
        desktop.sees_an_image()
    # The one skipped comes round again; alone, skipping it leads nowhere, and that is said.
    expect(page.locator(".viewer-image")).to_have_attribute("src", second)
    page.keyboard.press("s")
    expect(page.locator(".desk-line")).to_contain_text("the only one left")
    page.keyboard.press("2")
    expect(page.get_by_role("heading", name="Nothing to settle")).to_be_visible()
    assert adjudication.left(four_disputed.project_id) == 0


def test_it_works_by_thumb(phone: Visitor, four_disputed: World, expert: str) -> None:
    page = phone.page
    enter(phone, four_disputed, expert)
    phone.shot("phone-expert")
    assert phone.barriers() == []
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollHeight <= innerHeight && {root}.scrollWidth <= innerWidth")

    page.get_by_role("button", name="Banana").tap()

    expect(page.get_by_text("3 left")).to_be_visible()
    expect(page.locator(".desk-line")).to_contain_text("You decided: Banana")
    phone.sees_an_image()
    phone.shot("phone-expert-after")
    page.get_by_role("button", name="Undo").tap()
    expect(page.get_by_text("4 left")).to_be_visible()


def test_in_the_dark(dark_desktop: Visitor, four_disputed: World, expert: str) -> None:
    enter(dark_desktop, four_disputed, expert)
    dark_desktop.press("1")

    dark_desktop.shot("dark-expert")
    assert dark_desktop.barriers() == []


def test_what_somebody_else_settled_meanwhile_is_passed_over(
    desktop: Visitor, four_disputed: World, expert: str
) -> None:
    page = desktop.page
    first = enter(desktop, four_disputed, expert)
    second = page.context.new_page()
    second.goto(f"{four_disputed.address}/expert/{four_disputed.slug}")
    second.locator(".viewer-image").wait_for()
    second.evaluate(LOOKED)
    second.keyboard.press("1")
    expect(second.get_by_text("3 left")).to_be_visible()

    page.keyboard.press("2")

    expect(page.locator(".desk-line")).to_contain_text("Somebody else settled that one")
    expect(page.locator(".viewer-image")).not_to_have_attribute("src", first)
    expect(page.get_by_text("3 left")).to_be_visible()


def test_a_decision_whose_reply_was_lost_stands_once(
    desktop: Visitor, four_disputed: World, expert: str
) -> None:
    page = desktop.page
    enter(desktop, four_disputed, expert)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/expert/*", lose)
    page.keyboard.press("1")
    expect(page.get_by_role("alert")).to_contain_text("No connection to the server")
    page.unroute("**/expert/*")
    assert adjudication.left(four_disputed.project_id) == 3

    page.keyboard.press("1")

    expect(page.locator(".desk-line")).to_contain_text("Your first try had arrived after all")
    expect(page.get_by_text("3 left")).to_be_visible()
    assert adjudication.left(four_disputed.project_id) == 3


@pytest.fixture
def plain_expert(world: World, expert: str) -> str:
    """The session of somebody who is an expert of the project and nothing else anywhere."""
    get_user_model().objects.filter(username="expert-person").update(is_superuser=False)
    return expert


@pytest.mark.parametrize("look", LOOKS)
def test_a_decision_is_kept_as_gold_by_an_expert_who_manages_nothing(
    look: str, four_disputed: World, plain_expert: str, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(look)
    page = visitor.page
    enter(visitor, four_disputed, plain_expert)
    expect(page.get_by_role("button", name="Keep as gold")).to_have_count(0)

    page.keyboard.press("1")
    page.get_by_role("button", name="Keep as gold").click()
    dialog = page.get_by_role("dialog", name="A gold reference")
    dialog.get_by_label("How one can tell").fill("It has a stalk.")
    visitor.shot(f"{look}-expert-gold")
    assert visitor.barriers() == []
    dialog.get_by_role("button", name="Keep as gold").click()

    expect(page.locator(".desk-line")).to_contain_text("You decided: Apple; it is gold now.")
    visitor.shot(f"{look}-expert-gold-kept")
    assert references(four_disputed) == [("apple", "It has a stalk.")]
    expect(page.get_by_text("1 settled by you")).to_have_count(1)

    visitor.sees_an_image()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".desk-line")).to_have_text("Taken back. Here it is again.")
    assert references(four_disputed) == []
    expect(page.get_by_text("4 left")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_gold_is_chosen_from_images_that_wait_for_nobody(
    look: str, world: World, plain_expert: str, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(look)
    page = visitor.page
    visitor.carry(world, plain_expert)
    page.goto(f"{world.address}/expert/{world.slug}")
    expect(page.get_by_role("heading", name="Nothing to settle")).to_be_visible()
    page.get_by_role("link", name="Set gold").click()
    first = visitor.sees_an_image()
    expect(page.locator(".answer-button")).to_have_count(1)
    visitor.shot(f"{look}-set-gold")
    assert visitor.barriers() == []

    second = visitor.press("1")
    assert second != first
    expect(page.locator(".desk-line")).to_contain_text("Gold: Apple.")
    expect(page.get_by_text("1 set by you")).to_be_visible()
    page.get_by_role("button", name="Add a note").click()
    page.get_by_label("How one can tell").fill("Round and red.")
    page.keyboard.press("Enter")
    expect(page.locator(".desk-line")).to_contain_text("Round and red.")
    assert references(world) == [("apple", "Round and red.")]
    visitor.shot(f"{look}-set-gold-after")
    assert visitor.barriers() == []

    page.keyboard.press("Escape")
    visitor.sees_an_image()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".desk-line")).to_have_text("Taken back. Here it is again.")
    assert references(world) == []
    page.get_by_role("link", name="Settle", exact=True).click()
    # What the expert said of the image stays; it is no question that was settled.
    expect(page.get_by_role("heading", name="Nothing to settle")).to_be_visible()
    expect(page.get_by_text("settled by you")).to_have_count(0)


def references(world: World) -> list[tuple[str, str]]:
    rows = gold_selectors.page(world.project_id)
    return [(row.label.code, row.note) for row in rows]


def test_a_volunteer_is_kept_out(desktop: Visitor, world: World) -> None:
    desktop.join(world)
    desktop.page.goto(f"{world.address}/expert/{world.slug}")

    expect(desktop.page.get_by_role("heading", level=1)).to_contain_text("for experts")
