"""Whoever is known is answered before the rest of the framework, and nobody can tell from outside.

What must count at once all the same is in `test_recognition`.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from labeling.models import Annotation
from labeling.selectors import recognition
from labeling.tests.worlds import make_annotator, make_images, make_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse
    from pytest_django.fixtures import SettingsWrapper
    from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "a" * 32
COUNTED = "labeling.tests.queue.test_shortcut.Counting"
all_the_way: list[str] = []


class Counting:
    """A middleware inside the outermost one."""

    def __init__(self, get_response: Callable[[Any], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        all_the_way.append(request.path_info)
        return self._get_response(request)


class Page:
    """A page that checks whose it is, as browsers make it do."""

    def __init__(self, browser: APIClient, slug: str) -> None:
        self.browser, self.path = browser, f"/api/v1/projects/{slug}"
        browser.cookies["csrftoken"] = TOKEN
        claimed = self.post("assignments", client="tab")
        self.held = [one["id"] for one in claimed.json()["assignments"]]

    def post(self, where: str, token: str = TOKEN, host: str = "testserver", **body: Any) -> Any:
        headers = {"x-csrftoken": token, "host": host}
        return self.browser.post(f"{self.path}/{where}", body, format="json", headers=headers)

    def answer(self, token: str = TOKEN, host: str = "testserver") -> Any:
        body = {"kind": "LABEL", "labels": ["milk"], "key": str(uuid.uuid4()), "client": "tab"}
        return self.post("annotations", token, host, assignment=self.held[0], **body)

    def answer_next(self) -> Any:
        reply = self.answer()
        self.held.pop(0)
        return reply


@pytest.fixture
def page(client_for: Callable[..., APIClient], settings: SettingsWrapper) -> Page:
    outermost, *others = settings.MIDDLEWARE
    settings.MIDDLEWARE = [outermost, COUNTED, *others]
    project = make_project()
    make_images(project, 12)
    all_the_way.clear()
    return Page(client_for(make_annotator(project), csrf=True), project.slug)


def test_who_is_known_is_answered_at_once_with_the_same_headers(page: Page) -> None:
    first, second = page.answer_next(), page.answer_next()
    assert (first.status_code, second.status_code) == (201, 201)
    assert len(all_the_way) == 2  # the claim and the first answer
    assert first.json().keys() == second.json().keys()
    assert second["Content-Length"] == str(len(second.content))
    assert "default-src" in second["Content-Security-Policy"]
    told = [{**one.headers, "Content-Length": ""} for one in (first, second)]
    assert told[0] == told[1]


def test_a_repeat_is_the_same_answer(page: Page) -> None:
    page.answer_next()
    body = {"kind": "LABEL", "labels": ["milk"], "key": str(uuid.uuid4()), "client": "tab"}
    body["assignment"] = page.held[0]
    replies = [page.post("annotations", **body) for _ in range(2)]
    assert [one.status_code for one in replies] == [201, 200]
    assert replies[0].json()["annotation"]["id"] == replies[1].json()["annotation"]["id"]


def test_another_site_is_refused_in_the_usual_words(page: Page) -> None:
    page.answer_next()
    reply = page.answer(token="b" * 32)
    assert (reply.status_code, reply.json()["code"]) == (403, "csrf_failed")
    assert Annotation.objects.count() == 1


def test_another_host_is_refused(page: Page) -> None:
    page.answer_next()
    assert page.answer(host="elsewhere.example").status_code == 400
    assert Annotation.objects.count() == 1


def test_who_is_forgotten_goes_all_the_way_and_is_known_again(page: Page) -> None:
    page.answer_next()
    recognition.forget()
    all_the_way.clear()
    assert [page.answer_next().status_code for _ in range(2)] == [201, 201]
    assert len(all_the_way) == 1
