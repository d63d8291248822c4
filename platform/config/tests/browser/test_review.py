"""The review of doubted labels in a real browser: one picture at a time, by keyboard or thumb."""

from __future__ import annotations

import uuid

import pytest
from django.utils.text import slugify
from playwright.sync_api import expect

from config import rendered
from config.tests.browser import staff_world
from config.tests.browser.conftest import Visitor
from config.tests.browser.staff_world import StaffWorld
from labeling.selectors import consensus, exports
from labeling.selectors import doubts as selectors
from labeling.services import doubts
from labeling.services.annotations import record_direct
from labeling.tests.rows import Image, Project

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def room(address: str) -> StaffWorld:
    """Five labels are doubted, the worst first in the order they were given."""
    world = staff_world.make(address)
    kinds = list(rendered.KINDS)
    found = []
    for place, image_id in enumerate(world.pool[:5]):
        at = kinds.index(world.kinds[image_id])
        given, first, second = (slugify(kinds[(at + step) % len(kinds)]) for step in range(3))
        other = first if place % 2 else second
        found.append(
            doubts.Doubt(image_id, given, first, 0.8, 0.05, other, 0.7, 0.2, 0.9 - place / 10)
        )
    assert doubts.note(project_id=world.project_id, doubts=found, now=world.now) == 5
    return world


def enter(visitor: Visitor, world: StaffWorld) -> None:
    visitor.carry(world, world.session)  # type: ignore[arg-type] # it has an address too
    visitor.page.goto(world.room("review"))
    expect(visitor.page.get_by_text("5 labels to look at")).to_be_visible()
    visitor.looks()


def press(visitor: Visitor, key: str) -> None:
    """Press a key once the picture has been there long enough to be looked at."""
    visitor.looks()
    visitor.page.keyboard.press(key)


def label(world: StaffWorld, place: int) -> tuple[str, str | None]:
    found = consensus.decided(world.pool[place])
    assert found is not None
    return found.state, found.code


def test_doubts_are_settled_by_keyboard_and_taken_back(desktop: Visitor, room: StaffWorld) -> None:
    page, kinds = desktop.page, list(rendered.KINDS)
    names = [room.kinds[image_id] for image_id in room.pool[:5]]
    after = {name: kinds[(kinds.index(name) + 1) % len(kinds)] for name in names}
    enter(desktop, room)
    expect(page.locator(".review-given")).to_contain_text(names[0])
    assert desktop.barriers() == []
    desktop.shot("review")

    press(desktop, "k")
    expect(page.locator(".review-line")).to_contain_text(f"Kept: {names[0]}.")
    press(desktop, "1")
    expect(page.locator(".review-line")).to_contain_text(
        f"Changed: {names[1]} is now {after[names[1]]}."
    )
    assert label(room, 1) == ("RESOLVED", slugify(after[names[1]]))
    expect(page.get_by_text("Of 2 doubted labels looked at, 1 was wrong")).to_be_visible()

    press(desktop, "o")
    page.keyboard.type(kinds[0])
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 labels to look at")).to_be_visible()
    assert label(room, 2) == ("RESOLVED", slugify(kinds[0]))
    press(desktop, "n")
    expect(page.get_by_text("1 label to look at")).to_be_visible()
    assert label(room, 3) == ("NONE_OF_THESE", None)
    desktop.shot("review-after")

    press(desktop, "u")
    expect(page.locator(".review-line")).to_contain_text("Taken back. Here it is again.")
    expect(page.locator(".review-given")).to_contain_text(names[3])
    assert label(room, 3) == ("RESOLVED", slugify(names[3]))

    # Left for later: it stays, and comes again after the last.
    press(desktop, "s")
    expect(page.locator(".review-given")).to_contain_text(names[4])
    press(desktop, "t")
    expect(page.get_by_text("1 label to look at")).to_be_visible()
    expect(page.locator(".review-given")).to_contain_text(names[3])
    press(desktop, "k")
    expect(page.get_by_text("No label is in doubt.")).to_be_visible()
    assert selectors.left(room.project_id) == 0
    assert desktop.barriers() == []


def test_it_works_by_thumb_in_the_dark(dark_phone: Visitor, room: StaffWorld) -> None:
    page = dark_phone.page
    enter(dark_phone, room)
    dark_phone.shot("phone-review")
    assert dark_phone.barriers() == []
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth <= innerWidth")

    page.get_by_role("button", name="Can't tell").tap()
    expect(page.get_by_text("4 labels to look at")).to_be_visible()
    dark_phone.looks()
    page.get_by_role("button", name="Undo").tap()
    expect(page.get_by_text("5 labels to look at")).to_be_visible()


def test_single_labels_of_a_picture_are_settled_with_yes_and_no(
    desktop: Visitor, address: str
) -> None:
    world = staff_world.make(address, pool=8, audit=4, at_work=False)
    Project.objects.filter(pk=world.project_id).update(mode="MULTI")
    robin, kinds = staff_world.join(world, "Robin"), list(rendered.KINDS)
    found = []
    for place, image_id in enumerate(world.pool[:3]):
        own = slugify(world.kinds[image_id])
        record_direct(
            annotator_id=robin,
            image_id=image_id,
            kind="LABEL",
            label_codes=[own],
            key=uuid.uuid4(),
            now=world.now,
        )
        other = next(slugify(kind) for kind in kinds if slugify(kind) != own)
        code, is_shown = (own, True) if place else (other, False)
        found.append(
            doubts.Doubt(
                image_id, code, code, 0.9, 0.1, code, 0.8, 0.2, 0.9 - place / 10, is_shown=is_shown
            )
        )
    assert doubts.note(project_id=world.project_id, doubts=found, now=world.now) == 3
    page = desktop.page
    desktop.carry(world, world.session)  # type: ignore[arg-type] # it has an address too
    page.goto(world.room("review"))
    expect(page.get_by_text("3 labels to look at")).to_be_visible()
    expect(page.get_by_text("one person said that it is not there")).to_be_visible()
    assert desktop.barriers() == []
    desktop.looks()
    desktop.shot("review-several")

    press(desktop, "y")
    expect(page.locator(".review-line")).to_contain_text("Changed: it shows")
    assert set_of(world.pool[0]) == {slugify(world.kinds[world.pool[0]]), found[0].label}
    press(desktop, "n")
    expect(page.get_by_text("Of 2 doubted labels looked at, 2 were wrong")).to_be_visible()
    assert set_of(world.pool[1]) == set()

    press(desktop, "u")
    expect(page.locator(".review-line")).to_contain_text("Taken back. Here it is again.")
    assert set_of(world.pool[1]) == {found[1].label}
    press(desktop, "s")
    press(desktop, "t")
    expect(page.get_by_text("1 label to look at")).to_be_visible()
    assert desktop.barriers() == []


def set_of(image_id: int) -> set[str]:
    (row,) = (
        row
        for row in exports.image_rows(_project_of(image_id))
        if row["image"] == _public(image_id)
    )
    return {code for code in (row["label_set"] or "").split("|") if code}


def _project_of(image_id: int) -> int:
    return Image.objects.values_list("project_id", flat=True).get(pk=image_id)


def _public(image_id: int) -> str:
    return str(Image.objects.values_list("public_id", flat=True).get(pk=image_id))
