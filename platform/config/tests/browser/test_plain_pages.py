"""The pages that are no app: the API's own page, an address that leads nowhere, a dead link."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from config.tests.browser.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("look", ["desktop", "dark_desktop", "phone"])
def test_the_page_of_the_api_opens_without_a_complaint(
    look: str, address: str, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(look)
    page = visitor.page

    reply = page.goto(f"{address}/api/v1/docs/")

    assert reply is not None
    # The header names its directives in any order, with or without a semicolon after the last.
    policy = {part.strip() for part in reply.headers["content-security-policy"].split(";")}
    assert "style-src 'self'" in policy
    expect(page.get_by_role("heading", level=1)).to_have_text("The API")
    expect(page.get_by_text("create_token owner")).to_be_visible()
    expect(page.get_by_text(f"{address}/api/v1/projects/demo/predict")).to_be_visible()
    visitor.shot(f"api-docs-{look}")
    operation = page.locator(".opblock", has_text="/predict").first
    expect(operation).to_be_visible()
    operation.get_by_role("button").first.click()
    expect(operation.get_by_text("Responses").first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).margin") == "0px"
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(28, 32, 34)" if look == "dark_desktop" else "rgb(246, 245, 241)")
    # A visitor fails at its end if the console had a word to say.


@pytest.mark.parametrize("look", ["desktop", "dark_desktop", "phone"])
@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/no/such/page", "There is no such page"),
        ("/login/not-a-token", "This link does not work"),
        ("/resume/not-a-token", "This link does not work"),
    ],
)
def test_a_dead_end_says_so_and_leads_on(
    look: str, path: str, title: str, address: str, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(look)
    page = visitor.page

    page.goto(f"{address}{path}")

    expect(page).to_have_title(f"{title} · Larder")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    assert visitor.barriers() == []
    visitor.shot(f"{look}{path.replace('/', '-')}")
    page.get_by_role("link", name="To the start page").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
