"""Labeling in a real browser: keys, undo, skip, flag, done; a bad network; a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from config.tests.browser.conftest import Visitor, World
from labeling.selectors import exports
from labeling.tests.rows import Project

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def kinds_of(world: World) -> list[str]:
    """The live answers of a project, oldest first."""
    rows = exports.answer_rows(world.project_id)
    return [row["kind"] for row in rows if not row["withdrawn_at"] and row["kind"] != "UNDO"]


def labels_of(world: World) -> list[dict[str, str]]:
    """The labels of the live answers."""
    rows = exports.answer_rows(world.project_id)
    live = (row for row in rows if not row["withdrawn_at"] and row["kind"] != "UNDO")
    return [row["labels"] for row in live]


def all_sent(visitor: Visitor, world: World, count: int) -> None:
    """Wait until the server has exactly as many live answers."""
    visitor.waits_until(lambda: len(kinds_of(world)) == count)


def test_from_invitation_to_done_by_keyboard(desktop: Visitor, world: World) -> None:
    desktop.join(world)
    page = desktop.page
    first = desktop.sees_an_image()
    desktop.shot("label-first")

    second = desktop.press("1")
    assert second != first
    expect(page.locator(".previous")).to_contain_text("You said Apple")
    all_sent(desktop, world, 1)
    desktop.shot("label-after")

    page.keyboard.press("u")
    expect(page.locator(".previous")).to_have_text("Taken back. Here it is again.")
    expect(page.get_by_role("status")).to_contain_text(["Taken back. Here it is again."])
    assert desktop.sees_an_image() == first
    all_sent(desktop, world, 0)
    desktop.shot("taken-back")

    desktop.press("2")
    desktop.press("s")
    page.keyboard.press("f")
    expect(page.get_by_role("dialog")).to_contain_text("What is wrong with this image?")
    desktop.shot("flag")
    desktop.press("1")
    desktop.press("n")
    desktop.press("t")
    page.keyboard.press("3")

    expect(page.get_by_role("heading", name="That's all for now")).to_be_visible()
    all_sent(desktop, world, 6)
    desktop.shot("done")
    assert kinds_of(world) == ["LABEL", "SKIP", "FLAG", "NONE_OF_THESE", "CANT_TELL", "LABEL"]


def test_one_press_is_one_answer(desktop: Visitor, world: World) -> None:
    desktop.join(world)

    # Both within one turn of the page: a slow machine may let a second pass between two presses.
    desktop.page.evaluate(
        """() => {
          for (let time = 0; time < 2; time++)
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "1", bubbles: true }));
        }"""
    )
    desktop.sees_an_image()
    all_sent(desktop, world, 1)

    desktop.page.wait_for_timeout(500)
    assert kinds_of(world) == ["LABEL"]


def test_the_next_image_is_there_before_the_answer_has_arrived(
    desktop: Visitor, world: World
) -> None:
    desktop.join(world)
    page = desktop.page
    page.evaluate(
        """() => addEventListener("keydown", () => {
          const started = performance.now();
          const before = document.querySelector(".viewer-image").src;
          const look = () => {
            const now = document.querySelector(".viewer-image");
            const isNew = now && now.src !== before && now.complete;
            if (isNew) window.took = performance.now() - started;
            else requestAnimationFrame(look);
          };
          look();
        }, { capture: true })"""
    )
    # The answer sets out and never arrives.
    page.route("**/annotations", lambda _route: None)

    desktop.press("1")

    page.wait_for_function("window.took !== undefined")
    assert page.evaluate("window.took") < 2_000  # 20 alone; a machine under load draws late


def test_answers_given_offline_are_sent_once_when_the_network_is_back(
    desktop: Visitor, world: World
) -> None:
    desktop.join(world)
    page = desktop.page
    page.context.set_offline(True)
    desktop.press("1")
    desktop.press("2")
    expect(page.get_by_text("2 answers kept here, not sent yet")).to_be_visible()
    desktop.shot("offline")
    assert kinds_of(world) == []

    page.context.set_offline(False)
    all_sent(desktop, world, 2)

    expect(page.get_by_text("not sent yet")).to_have_count(0)
    page.wait_for_timeout(1200)
    assert len(kinds_of(world)) == 2


def answers_that_arrive_unheard(page: Page) -> None:
    """Let the next answer reach the server and its reply be lost; then nothing goes through."""
    arrived: list[str] = []

    def lose(route: Route) -> None:
        if not arrived:
            route.fetch()
            arrived.append(route.request.url)
        route.abort()

    page.route("**/annotations", lose)


def bring_the_network_back(page: Page) -> None:
    page.context.set_offline(True)
    page.unroute("**/annotations")
    page.context.set_offline(False)


def test_a_connection_lost_in_the_middle_of_an_answer_loses_and_doubles_nothing(
    desktop: Visitor, world: World
) -> None:
    desktop.join(world)
    page = desktop.page
    answers_that_arrive_unheard(page)

    desktop.press("1")
    expect(page.get_by_text("Offline: 1 answer kept here, not sent yet")).to_be_visible()
    assert kinds_of(world) == ["LABEL"], "the answer had arrived"
    bring_the_network_back(page)

    expect(page.get_by_text("not sent yet")).to_have_count(0)
    page.wait_for_timeout(1200)
    assert kinds_of(world) == ["LABEL"]
    desktop.press("2")
    all_sent(desktop, world, 2)


def test_an_answer_that_had_arrived_unheard_can_be_put_right_without_a_network(
    desktop: Visitor, world: World
) -> None:
    desktop.join(world)
    page = desktop.page
    first = desktop.sees_an_image()
    answers_that_arrive_unheard(page)
    desktop.press("1")
    expect(page.get_by_text("Offline: 1 answer kept here")).to_be_visible()

    page.keyboard.press("u")
    expect(page.locator(".previous")).to_have_text("Taken back. Here it is again.")
    expect(page.get_by_text("No connection. Your answers are kept here.")).to_be_visible()
    assert desktop.sees_an_image() == first
    desktop.press("2")
    expect(page.get_by_text("Offline: 1 answer kept here")).to_be_visible()
    desktop.shot("offline-put-right")
    bring_the_network_back(page)

    desktop.waits_until(lambda: labels_of(world) == [{"banana": "YES"}])
    page.wait_for_timeout(1200)
    assert labels_of(world) == [{"banana": "YES"}]
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_text("not sent yet")).to_have_count(0)


@pytest.mark.parametrize("look", ["desktop", "phone"])
def test_a_lost_network_is_told_at_once_and_all_in_hand_can_be_answered(
    look: str, world: World, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(look)
    visitor.join(world)
    page = visitor.page
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    notice = page.get_by_text("No connection. Your answers are kept here.")
    expect(notice).to_be_visible()
    visitor.shot(f"{look}-no-connection")
    assert visitor.barriers() == []
    visitor.press("1")
    visitor.press("2")
    page.keyboard.press("3")

    expect(page.get_by_role("heading", name="Waiting for the network")).to_be_visible()
    expect(page.get_by_text("Your answers are safe on this device")).to_be_visible()
    visitor.shot(f"{look}-waiting")
    assert visitor.barriers() == []
    page.context.set_offline(False)

    visitor.sees_an_image()
    all_sent(visitor, world, 3)
    expect(notice).to_have_count(0)


def test_a_reload_keeps_the_digits_of_labels_used_before(
    desktop: Visitor, large_world: World
) -> None:
    desktop.join(large_world)
    page = desktop.page
    for name in ("Shelf good 07", "Shelf good 21"):
        page.get_by_role("button", name=name).click()
        desktop.sees_an_image()
    digits = page.locator(".label-list .kbd")
    expect(digits).to_have_text(["1", "2"])

    page.reload()
    desktop.sees_an_image()

    expect(digits).to_have_text(["1", "2"])
    buttons = page.locator(".label-list .label-button")
    expect(buttons.nth(0)).to_contain_text("Shelf good 07")
    expect(buttons.nth(1)).to_contain_text("Shelf good 21")


def test_a_reload_shows_the_same_pictures_and_no_sheet_again(
    desktop: Visitor, world: World
) -> None:
    page = desktop.page
    with page.expect_response("**/assignments") as first:
        desktop.join(world)
    before = first.value.json()["assignments"]

    with page.expect_response("**/assignments") as again:
        page.reload()
    desktop.sees_an_image()

    expect(page.get_by_role("dialog")).to_have_count(0)
    assert [one["id"] for one in again.value.json()["assignments"]] == [one["id"] for one in before]


def test_a_reload_loses_no_answer(desktop: Visitor, world: World) -> None:
    desktop.join(world)
    page = desktop.page
    page.route("**/annotations", lambda route: route.abort())
    desktop.press("1")
    expect(page.get_by_text("1 answer kept here, not sent yet")).to_be_visible()
    page.unroute("**/annotations")

    page.reload()
    desktop.sees_an_image()

    all_sent(desktop, world, 1)


def test_undo_still_works_after_a_reload(desktop: Visitor, world: World) -> None:
    desktop.join(world)
    desktop.press("1")
    all_sent(desktop, world, 1)

    desktop.page.reload()
    desktop.sees_an_image()
    desktop.page.get_by_role("button", name="Undo").click()

    all_sent(desktop, world, 0)


def test_many_labels_are_found_by_typing(desktop: Visitor, large_world: World) -> None:
    desktop.join(large_world)
    page = desktop.page
    page.keyboard.type("good 17")
    expect(page.locator('.label-button[data-top="true"]')).to_have_text("Shelf good 17")
    desktop.shot("search")
    desktop.press("Enter")

    expect(page.locator(".previous")).to_contain_text("You said Shelf good 17")
    expect(page.locator(".label-button").first).to_contain_text("Shelf good 17")
    desktop.press("1")
    all_sent(desktop, large_world, 2)
    labels = [row["labels"] for row in exports.answer_rows(large_world.project_id)]
    assert labels[0] == labels[1]


def test_the_guide_is_one_key_away_and_escape_leads_back(desktop: Visitor, world: World) -> None:
    desktop.join(world)
    page = desktop.page

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Guide")).to_contain_text("Look at the thing")
    page.keyboard.press("1")
    desktop.shot("guide")
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    assert kinds_of(world) == []


def test_a_phone_shows_image_and_answers_without_scrolling(phone: Visitor, world: World) -> None:
    phone.join(world)
    page = phone.page
    sizes = page.evaluate(
        """() => ({
          scroll: document.documentElement.scrollHeight - innerHeight,
          wide: document.documentElement.scrollWidth - innerWidth,
          small: [...document.querySelectorAll("button, a, input")].filter((element) => {
            const box = element.getBoundingClientRect();
            return box.width > 0 && box.height < 44;
          }).map((element) => element.outerHTML.slice(0, 80)),
          image: document.querySelector(".viewer").getBoundingClientRect().height / innerHeight,
        })"""
    )
    phone.shot("phone")

    assert sizes["scroll"] <= 0
    assert sizes["wide"] <= 0
    assert sizes["small"] == []
    assert sizes["image"] > 0.35

    page.get_by_role("button", name="Banana").tap()
    expect(page.locator(".previous")).to_contain_text("You said Banana")
    phone.sees_an_image()
    page.get_by_role("button", name="Skip").tap()
    all_sent(phone, world, 2)
    assert kinds_of(world) == ["LABEL", "SKIP"]


def test_a_finger_is_told_of_no_keys(phone: Visitor, large_world: World) -> None:
    page = phone.page
    page.goto(large_world.invitation)
    page.get_by_label("What should we call you?").fill("Robin")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Join").click()
    page.get_by_role("link", name="Start labeling").click()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    expect(dialog.get_by_role("heading", name="Other answers")).to_be_visible()
    phone.shot("phone-first-dialog")
    words = dialog.inner_text()
    assert page.locator(".kbd:visible").count() == 0
    assert "key" not in words.lower()
    assert "Enter" not in words

    page.get_by_role("button", name="Start labeling").tap()
    phone.sees_an_image()
    assert page.locator(".kbd:visible").count() == 0


def test_a_mouse_is_told_of_the_keys(desktop: Visitor, world: World) -> None:
    desktop.join(world)

    desktop.page.keyboard.press("?")

    expect(desktop.page.get_by_role("heading", name="Other answers, and all keys")).to_be_visible()


@pytest.mark.parametrize("look", ["desktop", "dark_desktop"])
def test_a_label_under_the_pointer_does_not_look_chosen(
    look: str, world: World, request: pytest.FixtureRequest
) -> None:
    Project.objects.filter(pk=world.project_id).update(mode="MULTI")
    visitor: Visitor = request.getfixturevalue(look)
    visitor.join(world)
    page = visitor.page
    chosen = page.locator(".label-button").nth(0)
    under = page.locator(".label-button").nth(1)
    chosen.click()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    under.hover()
    visitor.shot(f"{look}-hover")

    was_chosen, is_under = look_of(chosen), look_of(under)
    plain = look_of(page.locator(".label-button").nth(2))
    assert is_under != plain, "the pointer changes nothing"
    for part in ("background", "shadow", "border"):
        assert was_chosen[part] != is_under[part], part
    assert is_under["shadow"] == plain["shadow"]
    assert was_chosen["mark"] != plain["mark"], "told by colour alone"


def look_of(element: Locator) -> dict[str, str]:
    found: dict[str, str] = element.evaluate(
        """element => {
          const style = getComputedStyle(element);
          const name = element.querySelector(".label-name");
          return {
            background: style.backgroundColor,
            border: style.borderColor,
            shadow: style.boxShadow,
            mark: getComputedStyle(name, "::before").content,
          };
        }"""
    )
    return found


def test_a_message_reaches_the_coordinator(desktop: Visitor, world: World) -> None:
    desktop.join(world)
    page = desktop.page
    page.get_by_role("button", name="Contact").click()
    page.get_by_label("Your message").fill("May I use a magnifying glass?")
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_text("Your message is with the coordinator.")).to_be_visible()


def test_zoom_looks_closer_and_steps_back_with_the_next_image(
    desktop: Visitor, world: World
) -> None:
    desktop.join(world)
    page = desktop.page
    page.keyboard.press("z")
    expect(page.locator(".viewer")).to_have_attribute("data-zoomed", "true")

    desktop.press("1")

    expect(page.locator(".viewer")).to_have_attribute("data-zoomed", "false")
