"""The staff room in a real browser, from signing in to rolling back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from config.tests.browser import staff_world
from config.tests.browser.conftest import Visitor, World
from config.tests.browser.staff_world import StaffWorld
from labeling.selectors import images as image_selectors
from labeling.selectors import projects as project_selectors
from labeling.services import people, tokens
from ml.selectors import accuracy, embeddings, mix_ups, registry

EN_DASH = "\u2013"

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def room(address: str) -> StaffWorld:
    embeddings.forget()
    return staff_world.make(address)


@pytest.fixture
def small_room(address: str) -> StaffWorld:
    embeddings.forget()
    return staff_world.make(address, pool=12, audit=4, at_work=False)


def measured(room: StaffWorld) -> dict[str, Any]:
    """What the selectors say of the champion."""
    champion = registry.champion(room.project_id)
    assert champion is not None
    return accuracy.page(room.project_id, champion.public_id)


def a_mix_up(room: StaffWorld) -> tuple[str, str, int]:
    """The true label, what the champion says, and how often: what happens most."""
    found = mix_ups.confusion_of_champion(room.project_id)
    names = [label["name"] for label in found["labels"]]
    n, truth, predicted = max(
        (n, truth, predicted)
        for truth, row in enumerate(found["counts"])
        for predicted, n in enumerate(row)
        if truth != predicted
    )
    assert n > 0, "the made-up classifier makes no mistake"
    return names[truth], names[predicted], n


def enter(visitor: Visitor, room: StaffWorld, tab: str = "overview") -> Page:
    """Be signed in, on a tab."""
    visitor.page.context.add_cookies(
        [{"name": "sessionid", "value": room.session, "url": room.address}]
    )
    visitor.page.goto(room.room(tab))
    visitor.page.get_by_role("heading", level=1).wait_for()
    return visitor.page


def test_a_manager_signs_in_and_reads_the_accuracy_with_its_interval(
    desktop: Visitor, room: StaffWorld
) -> None:
    page = desktop.page
    page.goto(f"{room.address}/staff/")
    page.get_by_label("User name").wait_for()
    desktop.shot("staff-login")
    assert desktop.barriers() == []
    page.get_by_label("User name").fill(room.username)
    page.get_by_label("Password").fill("not this one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("No account has this name and password")
    page.get_by_label("Password").fill(staff_world.PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Pantry shelf").click()

    tile = page.locator(".tile", has=page.get_by_role("heading", name="Accuracy", exact=True))
    overall = measured(room)["overall"]
    low, high = round(100 * overall["low"]), round(100 * overall["high"])
    assert overall["n"] == 40
    assert 0 < low < high <= 100
    expect(tile.locator(".figure")).to_have_text(f"{round(100 * overall['estimate'])} %")
    expect(tile).to_contain_text(f"Between {low}{EN_DASH}{high} % with 95 % confidence, from 40")
    expect(page.get_by_role("row", name="Banana")).to_contain_text("±10")
    banana = next(row for row in measured(room)["per_class"] if row["name"] == "Banana")
    expect(page.get_by_role("row", name="Banana")).to_contain_text(
        f"with {round(banana['practice'][1])} labeled"
    )
    expect(page.get_by_role("link", name="Records")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Fine-tune progress")).to_be_visible()

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("The classifier stays as it is.")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("The classifier stays as it is.")).to_have_count(0)


def test_the_page_follows_what_happens_without_a_reload(desktop: Visitor, room: StaffWorld) -> None:
    page = enter(desktop, room)
    expect(page.get_by_text("40 of 44 audit images settled")).to_be_visible()

    staff_world.answer(room, room.people["Robin"], room.audit[40:42])
    staff_world.answer(room, room.people["Kim of the allotments"], room.audit[40:42])

    expect(page.get_by_text("42 of 44 audit images settled")).to_be_visible()
    expect(page.get_by_text("from 42 audit images")).to_be_visible()


def test_a_mix_up_opens_its_images(desktop: Visitor, room: StaffWorld) -> None:
    page = enter(desktop, room, "confusion")
    truth, predicted, n = a_mix_up(room)
    page.get_by_role("button", name=f"{truth} taken for {predicted}").click()

    dialog = page.get_by_role("dialog", name=f"{truth} seen as {predicted}")
    expect(dialog.locator(".image-tile img")).to_have_count(n)
    expect(dialog.locator(".image-caption").first).to_contain_text(f"{predicted} with")
    assert is_a_picture(page, ".image-tile img")
    desktop.shot("staff-mix-up")
    assert desktop.barriers() == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    page.get_by_role("button", name=f"{truth} seen as {predicted}: {n}").focus()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()


def is_a_picture(page: Page, selector: str) -> bool:
    """Whether the first picture has pixels."""
    image = page.locator(selector).first
    image.scroll_into_view_if_needed()
    page.wait_for_function(
        "selector => document.querySelector(selector).naturalWidth > 0", arg=selector
    )
    return True


def test_rolling_back_serves_the_older_version_and_keeps_the_reason(
    desktop: Visitor, room: StaffWorld
) -> None:
    page = enter(desktop, room, "versions")
    newest = page.locator(".version").first
    expect(newest).to_contain_text("serving")
    newest.get_by_text("What this rests on").click()
    expect(newest).to_contain_text("Learned from48 labels")
    expect(newest.locator("pre")).not_to_be_visible()
    assert desktop.barriers() == []

    page.get_by_role("button", name="Roll back to v1", exact=True).click()
    page.get_by_label("Why").fill("It calls every banana cheese.")
    desktop.shot("staff-roll-back")
    assert desktop.barriers() == []
    page.get_by_role("button", name="Serve version 1").click()

    expect(page.locator(".version").last).to_contain_text("serving")
    expect(newest).to_contain_text("rejected")
    expect(newest).to_contain_text("It calls every banana cheese.")
    champion = registry.champion(room.project_id)
    assert champion is not None
    assert champion.number == 1


def test_an_invitation_is_shown_once_with_its_code(
    desktop: Visitor, phone: Visitor, small_room: StaffWorld
) -> None:
    page = enter(desktop, small_room, "people")
    page.get_by_label("People at most").fill("5")
    page.get_by_role("button", name="Make a link").click()

    code = page.get_by_role("img", name="QR code of the link")
    expect(code).to_be_visible()
    assert is_a_picture(page, ".qr")
    desktop.shot("staff-invitation")
    link = page.locator(".link-text").inner_text()
    assert link.startswith(f"{small_room.address}/join/")
    assert desktop.barriers() == []

    phone.page.goto(link)
    phone.page.get_by_label("What should we call you?").fill("Noor")
    phone.page.get_by_role("checkbox").check()
    phone.page.get_by_role("button", name="Join").click()
    phone.page.get_by_role("heading", name="Welcome, Noor").wait_for()

    page.reload()
    expect(page.get_by_role("row", name="Noor")).to_contain_text("not known yet")
    expect(page.get_by_text("used 1 of 5 times")).to_be_visible()
    expect(page.locator(".link-text")).to_have_count(0)
    page.get_by_role("button", name="Withdraw the volunteer link").first.click()
    expect(page.get_by_text("1 that no longer work")).to_be_visible()


def test_a_broken_file_is_named_and_the_others_are_stored(
    desktop: Visitor, small_room: StaffWorld, tmp_path: Path
) -> None:
    page = enter(desktop, small_room, "images")
    expect(page.locator(".image-tile")).to_have_count(16)
    for name in ("apple", "milk"):
        content = staff_world.picture(name.capitalize(), small_room.rng).getvalue()
        (tmp_path / f"{name}.jpg").write_bytes(content)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff not much of a picture")

    page.get_by_label("Where they come from").fill("test bench")
    page.get_by_label("Choose pictures").set_input_files(sorted(tmp_path.iterdir()))

    expect(page.get_by_text("2 stored, 1 refused.")).to_be_visible()
    expect(page.locator(".refused")).to_contain_text("broken.jpg")
    desktop.shot("staff-upload")
    expect(page.locator(".image-tile")).to_have_count(18)
    expect(page.get_by_text("test bench")).to_have_count(2)
    assert desktop.barriers() == []
    assert image_selectors.counts_by_partition(small_room.project_id)["PENDING"] == 2


def test_a_flagged_image_is_kept_and_one_of_none_of_these_taken_out(
    desktop: Visitor, room: StaffWorld
) -> None:
    page = enter(desktop, room, "images")
    page.get_by_role("button", name="Labeled").click()
    page.get_by_label("Which label").select_option(label="Green bottle")
    expect(page.locator(".image-caption strong").first).to_have_text("Green bottle")
    desktop.shot("staff-labeled")
    assert desktop.barriers() == []
    page.get_by_role("button", name="Flagged").click()
    expect(page.locator(".image-caption")).to_contain_text("a person is in it")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_text("Kept: it may be shown again.")).to_be_visible()
    expect(page.locator(".image-tile")).to_have_count(0)

    page.get_by_role("button", name="None of these").click()
    expect(page.locator(".image-tile")).to_have_count(2)
    page.get_by_role("button", name="Take out").first.click()
    expect(page.locator(".image-tile")).to_have_count(1)

    page.get_by_role("button", name="Flagged").click()
    expect(page.get_by_text("Nothing is flagged.")).to_be_visible()


def test_labels_change_and_answers_download(desktop: Visitor, room: StaffWorld) -> None:
    page = enter(desktop, room, "labels")
    page.get_by_label("Name of Green bottle").fill("Glass bottle")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name of Glass bottle")).to_be_visible()
    page.get_by_label("Name of the new label").fill("Rice")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_label("Name of Rice")).to_be_visible()
    picture = staff_world.picture("Apple", room.rng).getvalue()
    page.get_by_label("Example of Apple").set_input_files(
        {"name": "apple.jpg", "mimeType": "image/jpeg", "buffer": picture}
    )
    expect(page.get_by_role("img", name="Example of Apple")).to_be_visible()
    assert is_a_picture(page, ".label-example img")
    page.get_by_role("button", name="Retire Cheese").click()
    page.get_by_role("button", name="Retire", exact=True).click()
    expect(page.get_by_text("8 labels, 1 no longer used")).to_be_visible()
    assert desktop.barriers() == []
    scheme = project_selectors.current_scheme(room.project_id)
    assert dict(zip(scheme.codes, scheme.names, strict=True))["green-bottle"] == "Glass bottle"
    assert "cheese" not in scheme.codes

    page.goto(room.room("images"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Labels, CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert "green-bottle" in text


def test_a_token_is_shown_once_and_ends_when_revoked(
    desktop: Visitor, small_room: StaffWorld
) -> None:
    page = enter(desktop, small_room, "tokens")
    page.get_by_label("What it is for").fill("till scanner")
    page.get_by_label("read the project").check()
    page.get_by_role("button", name="Make a token").click()
    secret = page.locator(".link-text").inner_text()
    address = f"/api/v1/projects/{small_room.slug}/labels"
    assert secret.startswith(tokens.TOKEN_PREFIX)
    assert ask_as_a_program(address, secret) == 200
    assert desktop.barriers() == []

    page.reload()
    expect(page.get_by_text("ask the classifier, read the project")).to_be_visible()
    expect(page.locator(".link-text")).to_have_count(0)
    page.get_by_role("button", name="Revoke till scanner").click()
    expect(page.get_by_text("Programs cannot use your projects.")).to_be_visible()
    assert ask_as_a_program(address, secret) == 401


def ask_as_a_program(address: str, secret: str) -> int:
    return Client().get(address, headers={"Authorization": f"Bearer {secret}"}).status_code


def test_a_project_is_made_and_says_what_to_do_next(
    desktop: Visitor, small_room: StaffWorld
) -> None:
    page = enter(desktop, small_room)
    page.get_by_role("link", name="Larder staff room").click()
    page.get_by_label("Name").fill("Corner shop")
    page.get_by_label("Labels").fill("rice, pasta\nbeans")
    page.get_by_role("button", name="Make the project").click()

    expect(page.get_by_role("heading", name="Corner shop")).to_be_visible()
    expect(page.get_by_text("No pictures yet. Add the first ones above.")).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("link", name="Add the first ones")).to_be_visible()
    expect(page.get_by_text("none yet")).to_be_visible()
    desktop.shot("staff-empty")
    expect(page.get_by_role("row", name="Beans")).to_contain_text("unknown")
    assert desktop.barriers() == []
    page.get_by_role("link", name="Mix-ups").click()
    expect(page.get_by_role("heading", name="No mix-up can be counted yet")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Served from the audit images").fill("20")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert project_selectors.by_slug("corner-shop").audit_serving_share == pytest.approx(0.2)


def test_every_tab_is_reached_by_keyboard(desktop: Visitor, small_room: StaffWorld) -> None:
    page = enter(desktop, small_room)
    tabs = page.get_by_role("navigation", name="Parts of the staff room").get_by_role("link")
    tabs.first.focus()
    seen = []
    for _ in range(tabs.count()):
        seen.append(page.evaluate("document.activeElement.textContent"))
        page.keyboard.press("Tab")
    assert seen == tabs.all_inner_texts()

    tabs.last.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Pause labeling")).to_be_visible()


def test_a_volunteer_sees_the_login_only(desktop: Visitor, world: World) -> None:
    desktop.join(world)
    page = desktop.page
    page.goto(f"{world.address}/staff/{world.slug}/overview")

    expect(page.get_by_label("Password")).to_be_visible()
    expect(page.get_by_text("Pantry shelf")).to_have_count(0)


def test_a_member_who_is_no_manager_is_told_nothing_of_the_project(
    desktop: Visitor, small_room: StaffWorld
) -> None:
    helper, _ = people.create_owner(username="helper", password=staff_world.PASSWORD)
    helper.is_superuser = False
    helper.save(update_fields=["is_superuser"])
    client = Client()
    client.force_login(helper)
    cookie = client.cookies["sessionid"].value
    outsider = StaffWorld(**{**vars(small_room), "session": cookie})
    page = enter(desktop, outsider)

    expect(page.get_by_role("heading", name="There is no such project")).to_be_visible()
    page.get_by_role("link", name="Your projects").click()
    expect(page.get_by_text("You manage no project.")).to_be_visible()
    expect(page.get_by_role("link", name="Records")).to_have_count(0)
