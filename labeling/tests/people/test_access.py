"""Who may reach what: each test walks over every address that the API has."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from django.urls import URLPattern, URLResolver
from rest_framework.test import APIClient

from labeling.api import urls
from labeling.models import Annotator, Project, Role, User
from labeling.services import people
from labeling.tests.factories import make_image, make_member

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., APIClient]
Case = tuple[str, str]
METHODS = ("get", "post", "patch", "delete")


def routes() -> Iterator[tuple[str, str]]:
    """Every method and address of labeling's API, with `<...>` left open."""
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern | URLResolver)
        view = getattr(pattern, "callback", None)
        route = str(pattern.pattern)
        for method in METHODS:
            if view is not None and hasattr(view.view_class, method):
                yield method, route


PROJECT_ROUTES = [(method, route) for method, route in routes() if "<slug:slug>" in route]
STAFF_ROUTES = [(m, route) for m, route in PROJECT_ROUTES if route.startswith("staff/")]
FOR_EXPERTS = [(m, route) for m, route in STAFF_ROUTES if "/label-errors" in route]
"""Settling doubted labels is an expert's work, wherever its page stands."""


def address(route: str, project: Project) -> str:
    filled = route.replace("<slug:slug>", project.slug).replace("<slug:code>", "milk")
    filled = re.sub(r"<int:\w+>", "1", filled)
    return "/api/v1/" + re.sub(r"<uuid:\w+>", str(uuid.uuid4()), filled)


def ask(client: APIClient, method: str, route: str, project: Project) -> int:
    return int(getattr(client, method)(address(route, project)).status_code)


def test_there_is_something_to_walk_over() -> None:
    assert len(PROJECT_ROUTES) > 25
    assert len(STAFF_ROUTES) > 12


@pytest.mark.parametrize("case", PROJECT_ROUTES)
def test_a_stranger_gets_nowhere(project: Project, client_for: ClientFor, case: Case) -> None:
    assert ask(client_for(), *case, project) == 401


@pytest.mark.parametrize("case", PROJECT_ROUTES)
def test_to_an_outsider_the_project_does_not_exist(
    project: Project, outsider: User, client_for: ClientFor, case: Case
) -> None:
    assert ask(client_for(outsider), *case, project) == 404


@pytest.mark.parametrize("case", PROJECT_ROUTES)
def test_an_outsiders_token_does_not_tell_either(
    project: Project, outsider: User, client_for: ClientFor, case: Case
) -> None:
    from django.utils import timezone

    _, secret = people.create_token(
        user_id=outsider.pk,
        project_id=None,
        name="x",
        scopes=["predict"],
        now=timezone.now(),
    )
    client = client_for()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")

    assert ask(client, *case, project) == 404


@pytest.mark.parametrize("case", PROJECT_ROUTES)
def test_an_annotator_of_another_project_is_an_outsider(
    project: Project,
    volunteer: Annotator,
    other_project: Project,
    client_for: ClientFor,
    case: Case,
) -> None:
    assert ask(client_for(volunteer), *case, other_project) == 404


@pytest.mark.parametrize("case", STAFF_ROUTES)
def test_the_staff_room_is_closed_to_volunteers_and_experts(
    project: Project, volunteer: Annotator, expert: User, client_for: ClientFor, case: Case
) -> None:
    assert ask(client_for(volunteer), *case, project) == 403
    if case not in FOR_EXPERTS:
        assert ask(client_for(expert), *case, project) == 403


@pytest.mark.parametrize("case", FOR_EXPERTS)
def test_an_expert_may_settle_doubted_labels(
    project: Project, expert: User, client_for: ClientFor, case: Case
) -> None:
    assert ask(client_for(expert), *case, project) in (200, 400)


@pytest.mark.parametrize("case", STAFF_ROUTES)
def test_who_left_a_project_is_an_outsider(
    project: Project, client_for: ClientFor, case: Case
) -> None:
    former = make_member(project, Role.MANAGER)
    former.memberships.update(ended_at="2026-01-01T00:00:00Z")

    assert ask(client_for(former), *case, project) == 404


@pytest.mark.parametrize("case", [(m, r) for m, r in routes() if m != "get" and "<slug:slug>" in r])
def test_another_site_can_write_nothing(
    project: Project, volunteer: Annotator, manager: User, client_for: ClientFor, case: Case
) -> None:
    method, route = case
    for who in (volunteer, manager):
        client = client_for(who, csrf=True)
        response = getattr(client, method)(address(route, project))

        assert (response.status_code, response.json()["code"]) == (403, "csrf_failed")


def test_another_site_can_neither_sign_somebody_in_nor_let_them_join(
    project: Project, client_for: ClientFor
) -> None:
    stranger = client_for(csrf=True)

    for path in ("session/login", "session/logout", "invitations/x/accept"):
        response = stranger.post(f"/api/v1/{path}", {"username": "a", "password": "b"})
        assert (response.status_code, response.json()["code"]) == (403, "csrf_failed")


def test_our_own_page_can_write_with_its_csrf_token(
    project: Project, volunteer: Annotator, client_for: ClientFor
) -> None:
    page = client_for(volunteer, csrf=True)
    page.get("/api/v1/session")

    response = page.post(
        f"/api/v1/projects/{project.slug}/messages",
        {"text": "Hello"},
        headers={"x-csrftoken": page.cookies["csrftoken"].value},
    )

    assert response.status_code == 204


def test_a_forgotten_annotator_may_do_nothing_any_more(
    project: Project, volunteer: Annotator, client_for: ClientFor
) -> None:
    browser = client_for(volunteer)
    Annotator.objects.update(anonymised_at="2026-01-01T00:00:00Z")

    response = browser.get(f"/api/v1/projects/{project.slug}/labeling")

    assert response.status_code == 404


def test_staff_of_one_project_reach_no_row_of_another_by_its_id(
    project: Project, other_project: Project, outsider: User, client_for: ClientFor
) -> None:
    """`outsider` owns the other project and names rows of this one inside its own address."""
    staff = client_for(outsider)
    image = make_image(project)
    invitation, _ = people.invite(
        project_id=project.pk, role="VOLUNTEER", use_limit=1, now=image.created_at
    )
    base = f"/api/v1/staff/projects/{other_project.slug}"

    answers = [
        staff.post(f"{base}/images/{image.public_id}/remove"),
        staff.post(f"{base}/images/{image.public_id}/keep"),
        staff.post(f"{base}/invitations/{invitation.public_id}/revoke"),
        staff.get(f"/api/v1/images/{image.public_id}/full"),
        staff.get(f"/api/v1/images/{image.public_id}/thumb"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 5
    image.refresh_from_db()
    invitation.refresh_from_db()
    assert image.removed_at is None
    assert invitation.revoked_at is None
    assert project.slug not in answers[3].content.decode()


def test_only_who_manages_something_makes_projects(
    expert: User, manager: User, volunteer: Annotator, client_for: ClientFor
) -> None:
    body = {"name": "New", "classes": ["A", "B"]}

    assert client_for(expert).post("/api/v1/staff/projects", body).status_code == 403
    assert client_for(volunteer).post("/api/v1/staff/projects", body).status_code == 403
    made = client_for(manager).post("/api/v1/staff/projects", body)
    assert (made.status_code, made.json()["slug"]) == (201, "new")


def test_settings_that_are_not_on_the_list_are_not_changed(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    staff = client_for(manager)
    before = project.seed, project.slug

    staff.patch(
        f"/api/v1/staff/projects/{project.slug}",
        {"seed": 1, "slug": "stolen", "memberships": [], "votes_pool": 2, "guide": "Look twice."},
    )

    project.refresh_from_db()
    assert (project.seed, project.slug) == before
    assert (project.votes_pool, project.guide) == (2, "Look twice.")


def test_the_session_of_a_manager_names_only_their_projects(
    project: Project, other_project: Project, manager: User, client_for: ClientFor
) -> None:
    listed = client_for(manager).get("/api/v1/session").json()["projects"]

    assert listed == [{"slug": project.slug, "name": project.name, "role": "MANAGER"}]
