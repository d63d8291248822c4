"""Who answers is remembered, and whatever has changed since then counts all the same."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.sessions.models import Session
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from labeling.api.shortcut import AnswerShortcut
from labeling.models import Annotation, Annotator, Project
from labeling.selectors import recognition
from labeling.services import projects
from labeling.tests.worlds import NOW, make_annotator, make_images, make_project
from labeling.tests.wsgi import WsgiBrowser

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

# Answers meet only where each has a transaction of its own.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada() -> Annotator:
    project = make_project()
    make_images(project, 12)
    return make_annotator(project)


class Page:
    """A page that holds images, and answers one of them whenever it is asked to."""

    def __init__(self, browser: APIClient, project: Project) -> None:
        self.browser, self.path = browser, f"/api/v1/projects/{project.slug}"
        self.project = project
        claimed = browser.post(f"{self.path}/assignments", {"client": "tab"}, format="json")
        self.held = [one["id"] for one in claimed.json()["assignments"]]

    def answer(self, label: str = "milk") -> Any:
        body = {"kind": "LABEL", "labels": [label], "key": str(uuid.uuid4()), "client": "tab"}
        body["assignment"] = self.held.pop(0)
        return self.browser.post(f"{self.path}/annotations", body, format="json")


@pytest.fixture(params=["the framework", "the shortcut"])
def page(
    request: pytest.FixtureRequest, client_for: Callable[..., APIClient], ada: Annotator
) -> Page:
    """Ada's page, which has answered once and is remembered."""
    browser: Any = client_for(ada)
    if request.param == "the shortcut":
        browser = WsgiBrowser(browser, AnswerShortcut(get_wsgi_application()))
    found = Page(browser, ada.project)
    assert found.answer().status_code == 201
    key = found.browser.cookies["sessionid"].value
    assert recognition.recall(key, ada.project.slug) is not None
    return found


def test_who_asks_is_not_looked_up_before_the_transaction(page: Page) -> None:
    with CaptureQueriesContext(connection) as queries:
        stored = page.answer()
    assert stored.status_code == 201
    assert stored["Vary"] == "Cookie"
    tables = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    assert "django_session" not in tables[0]
    assert sum("django_session" in one for one in tables) == 1


def test_a_session_that_has_ended_answers_nothing(page: Page) -> None:
    Session.objects.all().delete()
    assert page.answer().status_code in (401, 403)
    assert Annotation.objects.count() == 1


def test_a_session_that_has_run_out_answers_nothing(page: Page) -> None:
    Session.objects.update(expire_date=timezone.now())
    assert page.answer().status_code in (401, 403)
    assert Annotation.objects.count() == 1


def test_a_session_that_names_somebody_else_speaks_for_them(page: Page, ada: Annotator) -> None:
    bea = make_annotator(ada.project, "Bea")
    session = page.browser.session
    session["annotators"] = {str(ada.project_id): bea.pk}
    session.save()
    assert page.answer().json()["code"] == "assignment_not_found"
    assert Annotation.objects.count() == 1


def test_who_was_paused_since_is_told_so(page: Page) -> None:
    Annotator.objects.update(paused_at=NOW, paused_reason="STAFF")
    assert page.answer().json()["code"] == "annotator_paused"
    assert Annotation.objects.count() == 1


def test_a_project_that_was_archived_since_is_not_there(page: Page) -> None:
    Project.objects.update(archived_at=NOW)
    assert page.answer().status_code in (403, 404)
    assert Annotation.objects.count() == 1


def test_a_label_that_came_since_can_be_said(page: Page, ada: Annotator) -> None:
    projects.add_label(project_id=ada.project_id, name="Rice", now=NOW)
    assert page.answer("rice").status_code == 201
    assert Annotation.objects.latest("pk").labels.get().label.code == "rice"


def test_an_answer_after_somebody_was_seen_elsewhere_is_plain(page: Page) -> None:
    Annotator.objects.update(last_seen_at=NOW)
    assert page.answer().status_code == 201
    seen = Annotator.objects.get().last_seen_at
    assert seen is not None
    assert seen > NOW
