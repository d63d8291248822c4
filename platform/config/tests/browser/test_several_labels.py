"""Pictures that may show several things: two labels chosen, sent, taken back; staff's figures."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone
from django.utils.text import slugify
from playwright.sync_api import expect

from config import rendered
from config.tests.browser import staff_world
from config.tests.browser.conftest import Visitor, World
from labeling.selectors import questions
from labeling.services import queue
from labeling.services.annotations import record_direct
from labeling.tests.rows import Annotation, Image, Project, QueueEntry
from ml.selectors import embeddings
from ml.services import outlook, refit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_two_labels_are_chosen_sent_and_taken_back(desktop: Visitor, world: World) -> None:
    Project.objects.filter(pk=world.project_id).update(mode="MULTI")
    desktop.join(world)
    page = desktop.page
    labels = page.locator(".label-button")

    page.keyboard.press("1")
    labels.nth(2).click()

    expect(labels.nth(0)).to_have_attribute("aria-pressed", "true")
    expect(labels.nth(2)).to_have_attribute("aria-pressed", "true")
    desktop.shot("several-chosen")
    assert desktop.barriers() == []
    page.keyboard.press("Enter")
    expect(labels.nth(0)).to_have_attribute("aria-pressed", "false")
    desktop.waits_until(lambda: Annotation.objects.filter(kind="LABEL").exists())
    sent = Annotation.objects.get(kind="LABEL")
    codes = [slugify(name) for name in rendered.KINDS]
    assert set(sent.labels.values_list("label__code", flat=True)) == {codes[0], codes[2]}

    page.get_by_role("button", name="Undo").click()

    desktop.waits_until(lambda: Annotation.objects.filter(kind="UNDO", undoes=sent).exists())


def test_staff_see_how_well_each_label_is_found(desktop: Visitor, address: str) -> None:
    embeddings.forget()
    room = staff_world.make(address, at_work=False)
    Project.objects.filter(pk=room.project_id).update(mode="MULTI", votes_audit=1)
    someone = staff_world.join(room, "Robin")
    kinds = list(rendered.KINDS)
    for image_id in (*room.audit, *room.pool):
        kind = kinds.index(room.kinds[image_id])
        # Every second kind stands beside the next one: what can be learned is a set.
        shown = kinds[kind : kind + (2 if kind % 2 == 0 else 1)]
        record_direct(
            annotator_id=someone,
            image_id=image_id,
            kind="LABEL",
            label_codes=[slugify(each) for each in shown],
            key=uuid.uuid4(),
            now=room.now,
        )
    refit.run(project_id=room.project_id, now=room.now)
    page = desktop.page
    page.context.add_cookies([{"name": "sessionid", "value": room.session, "url": room.address}])

    page.goto(room.room())

    outlook.update(project_id=room.project_id, now=room.now)
    page.reload()
    page.get_by_role("heading", name="How well each label is found").wait_for()
    forecast = page.get_by_text("labeled pictures and")
    forecast.scroll_into_view_if_needed()
    desktop.shot("several-forecast")
    expect(page.get_by_role("heading", name="All labels of a picture right")).to_be_visible()
    rows = page.locator(".several-labels tbody tr")
    expect(rows).to_have_count(len(kinds))
    page.get_by_text("What is seen together").click()
    desktop.shot("several-overview")
    assert desktop.barriers() == []

    page.goto(room.room("images"))
    page.get_by_role("button", name="Gold:").first.wait_for()
    in_pool = Image.objects.filter(pk__in=room.pool).values_list("original_name", flat=True)
    names = (f"Gold: {name}" for name in in_pool)
    buttons = (page.get_by_role("button", name=name, exact=True) for name in names)
    next(button for button in buttons if button.count() == 1).click()
    dialog = page.get_by_role("dialog", name="A gold reference")
    for name in kinds[:2]:
        dialog.get_by_label(name, exact=True).check()
    desktop.shot("several-gold")
    assert desktop.barriers() == []
    dialog.get_by_role("button", name="Make it gold").click()
    expect(dialog).to_have_count(0)
    page.goto(room.room("gold"))
    expect(page.get_by_text(f"{kinds[0]} and {kinds[1]}")).to_be_visible()
    desktop.shot("several-gold-page")


def test_one_label_is_asked_answered_by_key_and_by_finger_and_taken_back(
    desktop: Visitor, phone: Visitor, world: World
) -> None:
    Project.objects.filter(pk=world.project_id).update(
        mode="MULTI", audit_serving_share=0.0, random_arm_share=0.0
    )
    code = slugify(next(iter(rendered.KINDS)))
    QueueEntry.objects.filter(project=world.project_id).delete()  # The random arm had drawn all.
    pool = Image.objects.filter(project=world.project_id).order_by("pk")
    queue.refill(
        project_id=world.project_id,
        entries=[
            queue.RefillEntry(image.pk, -float(place), 1.0, questions.policy(code))
            for place, image in enumerate(pool)
        ],
        policy="uherding 1",
        model_version=None,
        now=timezone.now(),
    )
    desktop.join(world)
    page = desktop.page
    expect(page.get_by_role("heading", name="Does this picture show")).to_be_visible()
    expect(page.get_by_role("button", name="None of these")).to_have_count(0)
    desktop.shot("one-label")
    assert desktop.barriers() == []

    page.keyboard.press("y")

    expect(page.locator(".previous-text")).to_contain_text(": yes")
    desktop.waits_until(lambda: Annotation.objects.filter(kind="YES").exists())
    said = Annotation.objects.get(kind="YES")
    assert said.labels.get().label.code == code
    page.get_by_role("button", name="Undo").click()
    desktop.waits_until(lambda: Annotation.objects.filter(kind="UNDO", undoes=said).exists())
    expect(page.get_by_role("heading", name="Does this picture show")).to_be_visible()

    phone.join(world)
    phone.shot("one-label-phone")
    phone.page.get_by_role("button", name="No", exact=True).tap()
    phone.waits_until(lambda: Annotation.objects.filter(kind="NO").exists())
