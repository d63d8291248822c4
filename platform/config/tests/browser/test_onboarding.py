"""A newcomer's first round, a pause, taking back any recent answer, and what answers did."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.utils import timezone
from playwright.sync_api import Page, Request, Route, expect

from config.tests.browser.conftest import LOOKS, Visitor, World
from config.tests.browser.staff_world import picture
from config.tests.browser.test_labeling import all_sent, kinds_of
from labeling.selectors import images as image_selectors
from labeling.selectors import projects as project_selectors
from labeling.selectors import roster
from labeling.services import gold, people, projects, schemes, standing

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def practised(world: World) -> World:
    """Three gold images, the first an apple by the word of an expert, and a round of two."""
    now = timezone.now()
    user, _ = people.create_owner(username="grower")
    people.set_role(project_id=world.project_id, user_id=user.pk, role="EXPERT", now=now)
    annotator = people.annotator_of_user(project_id=world.project_id, user_id=user.pk, now=now)
    ids = [int(image_id) for image_id in image_selectors.pool_ids(world.project_id)[:3]]
    outcomes = gold.set_references(
        project_id=world.project_id,
        references=[
            gold.Given(public_id, "apple", "It has a stalk.")
            for public_id in image_selectors.public_ids(ids).values()
        ],
        user_id=user.pk,
        annotator_id=annotator.pk,
        now=now,
    )
    assert [one.status for one in outcomes] == ["set"] * 3
    projects.update_settings(project_id=world.project_id, now=now, onboarding_images=2)
    return world


@pytest.mark.parametrize("look", LOOKS)
def test_the_first_round_explains_a_wrong_answer_and_ends_with_a_word(
    look: str, practised: World, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(look)
    page = visitor.page
    add_example(practised)
    page.goto(practised.invitation)
    page.get_by_label("What should we call you?").fill("Robin")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Join").click()
    page.get_by_role("link", name="Start labeling").click()
    expect(page.get_by_role("dialog")).to_contain_text("Your first 2 images come with an answer")
    page.get_by_role("button", name="Start labeling").click()
    visitor.sees_an_image()
    before = text_of(page)

    page.keyboard.press("2")
    card = page.locator(".practice")
    expect(card).to_contain_text("Not quite: this is Apple")
    expect(card).to_contain_text("It has a stalk.")
    expect(card).to_contain_text("You said Banana")
    expect(card.get_by_role("img", name="Example of Apple")).to_be_visible()
    page.wait_for_load_state("networkidle")
    visitor.shot(f"{look}-practice-wrong")
    assert visitor.barriers() == []
    page.keyboard.press("3")
    expect(card).to_be_visible()
    assert len(kinds_of(practised)) == 3 + 1, "a key answered behind the explanation"

    page.keyboard.press("Enter")
    expect(card).to_have_count(0)
    visitor.sees_an_image()
    page.keyboard.press("1")
    expect(card).to_contain_text("Right, this is Apple")
    expect(card).to_contain_text("That was your first round.")
    visitor.shot(f"{look}-practice-last")
    page.get_by_role("button", name="Start for real").click()

    visitor.sees_an_image()
    assert text_of(page) == before, "the page tells practice from the rest before the answer"
    page.keyboard.press("1")
    expect(page.locator(".previous")).to_contain_text("You said Apple")
    expect(card).to_have_count(0)


def add_example(world: World) -> None:
    schemes.add_example(
        label_id=project_selectors.label(world.project_id, "apple").pk,
        upload=picture("Apple", np.random.default_rng(3)),
        now=timezone.now(),
    )


def text_of(page: Page) -> str:
    """Everything the page says around the image, without what counts answers."""
    return page.locator(".tray").inner_text() + page.locator(".stage").inner_text()


def test_a_right_answer_gets_a_line_and_no_stop(desktop: Visitor, practised: World) -> None:
    desktop.join(practised)
    page = desktop.page

    desktop.press("1")

    expect(page.locator(".previous")).to_contain_text("Right: Apple. It has a stalk. 1 of 2")
    expect(page.locator(".practice")).to_have_count(0)
    desktop.shot("practice-right")


@pytest.mark.parametrize("look", ["desktop", "phone"])
def test_who_is_paused_is_told_kindly_and_can_write(
    look: str, world: World, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(look)
    visitor.join(world)
    page = visitor.page
    visitor.press("1")
    all_sent(visitor, world, 1)
    [person] = roster.everybody(world.project_id)
    somebody = roster.somebody(world.project_id, person.id)
    user, _ = people.create_owner(username="morgan")
    standing.set_paused(
        annotator_id=somebody.pk, is_paused=True, user_id=user.pk, now=timezone.now()
    )

    page.keyboard.press("2")

    expect(page.get_by_role("heading", name="Time for a short break")).to_be_visible()
    expect(page.locator(".stage")).to_contain_text("paused your labeling. Your answers are kept.")
    visitor.shot(f"{look}-paused")
    assert visitor.barriers() == []
    page.get_by_role("button", name="Write to the coordinator").click()
    expect(page.get_by_role("dialog")).to_contain_text("Your message")
    page.keyboard.press("Escape")

    standing.set_paused(
        annotator_id=somebody.pk,
        is_paused=False,
        user_id=user.pk,
        now=timezone.now() + timedelta(seconds=1),
    )
    page.get_by_role("button", name="Look again").click()
    visitor.sees_an_image()


@pytest.mark.parametrize("look", ["desktop", "phone"])
def test_a_guess_is_a_hint_and_never_chosen_beforehand(
    look: str, world: World, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(look)
    page = visitor.page

    def guess(route: Route) -> None:
        reply = route.fetch()
        body = reply.json()
        for place, assignment in enumerate(body["assignments"]):
            assignment["suggestion"] = {"label": "banana"} if place == 0 else None
        route.fulfill(response=reply, json=body)

    page.route("**/assignments", guess)
    visitor.join(world)
    expect(page.locator(".hint-chip")).to_have_text("The classifier's guess: Banana")
    expect(page.locator('.label-button[aria-pressed="true"]')).to_have_count(0)
    visitor.shot(f"{look}-guess")
    assert visitor.barriers() == []
    with page.expect_request("**/annotations") as sent:
        visitor.press("1")
    assert shown_in(sent.value)["suggestion"] == "banana"
    expect(page.locator(".hint-chip")).to_have_count(0)
    with page.expect_request("**/annotations") as sent:
        visitor.press("1")
    assert "suggestion" not in shown_in(sent.value)


def shown_in(request: Request) -> dict[str, Any]:
    """What an answer says that the page showed."""
    body: dict[str, Any] = request.post_data_json or {}
    return dict(body["shown"])


def test_any_recent_answer_is_taken_back_by_keyboard(desktop: Visitor, world: World) -> None:
    desktop.join(world)
    page = desktop.page
    first = desktop.sees_an_image()
    assert first
    for key in "123":
        desktop.press(key)
    all_sent(desktop, world, 3)

    page.keyboard.press("Backspace")
    sheet = page.get_by_role("dialog", name="Recent answers")
    expect(sheet.locator(".recent-said")).to_have_text(["Carrot", "Banana", "Apple"])
    page.wait_for_load_state("networkidle")
    desktop.shot("recent")
    assert desktop.barriers() == []
    sheet.get_by_role("button", name="Take back Apple, 3 answers ago").focus()
    page.keyboard.press("Enter")

    expect(sheet).to_have_count(0)
    expect(page.locator(".previous")).to_contain_text("Taken back. Here it is again.")
    # Fetched anew: its address is another one.
    desktop.sees_an_image()
    all_sent(desktop, world, 2)
    desktop.press("4")
    all_sent(desktop, world, 3)
    expect(page.locator(".previous")).to_contain_text("You said Cheese")


def test_recent_answers_fit_a_phone(phone: Visitor, world: World) -> None:
    phone.join(world)
    phone.press("1")
    phone.page.get_by_role("button", name="Recent answers").tap()
    expect(phone.page.get_by_role("dialog", name="Recent answers")).to_be_visible()
    phone.page.wait_for_load_state("networkidle")
    phone.shot("phone-recent")
    assert phone.barriers() == []


@pytest.mark.parametrize("look", LOOKS)
def test_what_answers_did_is_told_as_the_server_says_it(
    look: str, world: World, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(look)
    visitor.join(world)
    page = visitor.page
    for key in "12":
        visitor.press(key)
    all_sent(visitor, world, 2)
    with page.expect_response("**/impact") as reply:
        page.get_by_role("button", name="What your 2 answers did").click()

    dialog = page.get_by_role("dialog", name="What your answers did")
    said = reply.value.json()
    assert said["answers"] == 2
    expect(dialog.locator(".impact-list li")).to_have_text(said["sentences"])
    expect(dialog.get_by_role("heading", name="Everybody's answers")).to_have_count(0)
    visitor.shot(f"{look}-impact")
    assert visitor.barriers() == []
