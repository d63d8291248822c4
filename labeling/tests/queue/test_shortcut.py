"""Whoever is known is answered before the rest of the framework, and nobody can tell from outside.

What must count at once all the same is in `test_recognition`.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.core.wsgi import get_wsgi_application

from labeling.api.shortcut import AnswerShortcut
from labeling.models import Annotation
from labeling.selectors import recognition
from labeling.tests.worlds import make_annotator, make_images, make_project
from labeling.tests.wsgi import WsgiBrowser

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.conf import LazySettings
    from django.http import HttpResponse
    from rest_framework.test import APIClient

    from labeling.tests.wsgi import Reply

pytestmark = pytest.mark.django_db(transaction=True)
COUNTED = "labeling.tests.queue.test_shortcut.Counting"
all_the_way: list[str] = []


class Counting:
    """A middleware, which only those pass who go all the way."""

    def __init__(self, get_response: Callable[[Any], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        all_the_way.append(request.path_info)
        return self._get_response(request)


class Page:
    """A page of a browser that asks the outermost application."""

    def __init__(self, browser: WsgiBrowser, slug: str) -> None:
        self.browser, self.path = browser, f"/api/v1/projects/{slug}"
        claimed = self.browser.post(f"{self.path}/assignments", {"client": "tab"})
        self.held = [one["id"] for one in claimed.json()["assignments"]]

    def body(self) -> dict[str, Any]:
        body = {"kind": "LABEL", "labels": ["milk"], "key": str(uuid.uuid4()), "client": "tab"}
        return {**body, "assignment": self.held[0]}

    def send(self, body: dict[str, Any], **headers: str) -> Reply:
        return self.browser.post(f"{self.path}/annotations", body, headers=headers)

    def answer(self) -> Reply:
        reply = self.send(self.body())
        self.held.pop(0)
        return reply


@pytest.fixture
def page(client_for: Callable[..., APIClient], settings: LazySettings) -> Page:
    settings.MIDDLEWARE = [COUNTED, *settings.MIDDLEWARE]
    project = make_project()
    make_images(project, 12)
    all_the_way.clear()
    client = client_for(make_annotator(project))
    return Page(WsgiBrowser(client, AnswerShortcut(get_wsgi_application())), project.slug)


def test_who_is_known_is_answered_at_once_with_the_same_headers(page: Page) -> None:
    first, second = page.answer(), page.answer()
    assert (first.status_code, second.status_code) == (201, 201)
    assert len(all_the_way) == 2  # the claim and the first answer
    assert first.json().keys() == second.json().keys()
    assert second["Content-Length"] == str(len(second.content))
    assert "default-src" in second["Content-Security-Policy"]
    told = [{**one.headers, "Content-Length": ""} for one in (first, second)]
    assert told[0] == told[1]


def test_a_repeat_is_the_same_answer(page: Page) -> None:
    page.answer()
    body = page.body()
    replies = [page.send(body) for _ in range(2)]
    assert [one.status_code for one in replies] == [201, 200]
    assert replies[0].json()["annotation"]["id"] == replies[1].json()["annotation"]["id"]
    assert len(all_the_way) == 2


@pytest.mark.parametrize(
    "headers",
    [{"x-csrftoken": "b" * 32}, {"origin": "https://elsewhere.example"}],
    ids=["another token", "another origin"],
)
def test_another_site_is_refused_in_the_usual_words(page: Page, headers: dict[str, str]) -> None:
    page.answer()
    reply = page.send(page.body(), **headers)
    assert (reply.status_code, reply.json()["code"]) == (403, "csrf_failed")
    assert Annotation.objects.count() == 1


def test_another_host_is_refused(page: Page) -> None:
    page.answer()
    assert page.send(page.body(), host="elsewhere.example").status_code == 400
    assert Annotation.objects.count() == 1


def test_what_is_unusual_goes_all_the_way_with_its_content(page: Page) -> None:
    page.answer()
    reply = page.send({**page.body(), "labels": "milk"})
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid")
    assert "labels" in reply.json()["detail"]


def test_who_is_forgotten_goes_all_the_way_and_is_known_again(page: Page) -> None:
    page.answer()
    recognition.forget()
    all_the_way.clear()
    assert [page.answer().status_code for _ in range(2)] == [201, 201]
    assert len(all_the_way) == 1
