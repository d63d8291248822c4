"""Settling disputes in a real browser."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from config.tests.browser.conftest import Visitor, World
from labeling.selectors import images as image_selectors
from labeling.selectors import queue as queue_selectors
from labeling.services import invitations, projects
from labeling.services.annotations import record_direct

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def disputed(world: World) -> World:
    """Two people who say different things of one image, where two answers are asked for."""
    now = timezone.now()
    projects.update_settings(project_id=world.project_id, now=now, votes_pool=2)
    image_id = int(image_selectors.pool_ids(world.project_id)[0])
    token = world.invitation.rpartition("/")[2]
    people = [
        invitations.accept_invitation(
            token=token, display_name=name, consented=True, user_id=None, now=now
        )[0]
        for name in ("Robin", "Kim")
    ]
    for person, code in zip(people, ("apple", "tomato"), strict=True):
        record_direct(
            annotator_id=person.pk,
            image_id=image_id,
            kind="LABEL",
            label_codes=[code],
            key=uuid.uuid4(),
            now=now,
        )
    assert queue_selectors.disputes(world.project_id), "the two answers do not make a dispute"
    return world


def test_an_expert_decides_blind_and_then_sees_what_people_said(
    desktop: Visitor, disputed: World, expert: str
) -> None:
    page = desktop.page
    desktop.carry(disputed, expert)
    page.goto(f"{disputed.address}/expert/{disputed.slug}")
    desktop.sees_an_image()
    expect(page.locator(".desk-line")).not_to_contain_text("Tomato")
    assert desktop.barriers() == []

    page.keyboard.press("1")

    expect(page.locator(".desk-line")).to_contain_text("You decided: Apple")
    expect(page.locator(".desk-line")).to_contain_text("Tomato 1")
    expect(page.get_by_role("heading", name="Nothing to settle")).to_be_visible()
    assert queue_selectors.disputes(disputed.project_id) == []
    assert desktop.barriers() == []
    desktop.shot("expert")


def test_a_volunteer_is_kept_out(desktop: Visitor, world: World) -> None:
    desktop.join(world)
    desktop.page.goto(f"{world.address}/expert/{world.slug}")

    expect(desktop.page.get_by_role("heading", level=1)).to_contain_text("for experts")
