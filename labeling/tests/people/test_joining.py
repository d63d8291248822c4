from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from labeling.models import Annotator, Invitation, Membership, Project, Role, User
from labeling.services import people
from labeling.services.invitations import (
    ConsentMissingError,
    InvalidInvitationError,
    InvalidNameError,
    InvitationNotValidError,
)
from labeling.tests.factories import NOW, make_annotator, make_member

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., APIClient]


def link(project: Project, role: str = Role.VOLUNTEER, **fields: object) -> str:
    values = {"use_limit": 5, "ttl": timedelta(days=3650), **fields}
    return people.invite(project_id=project.pk, role=role, now=NOW, **values)[1]  # type: ignore[arg-type]


def join(token: str, name: str = "Ada", **fields: object) -> tuple[Annotator, str]:
    values = {"consented": True, "now": NOW, **fields}
    return people.accept_invitation(token=token, display_name=name, **values)  # type: ignore[arg-type]


def accept(client: APIClient, token: str, name: str = "Ada") -> dict[str, object]:
    body = {"display_name": name, "consent": True}
    response = client.post(f"/api/v1/invitations/{token}/accept", body)
    assert response.status_code == 201, response.content
    answer: dict[str, object] = response.json()
    return answer


def test_only_a_digest_of_the_secrets_is_stored(project: Project) -> None:
    token = link(project)

    annotator, resume = join(token)

    stored = [*Invitation.objects.values_list(), *Annotator.objects.values_list()]
    assert len(token) >= 43
    assert token not in str(stored)
    assert resume not in str(stored)
    assert people.resume(token=resume, now=NOW) == annotator


def test_an_invitation_holds_its_limit(project: Project) -> None:
    token = link(project, use_limit=2)
    join(token, "Ada")
    join(token, "Bo")

    with pytest.raises(InvitationNotValidError, match="used up"):
        join(token, "Cy")

    assert Invitation.objects.get().uses == 2
    assert Annotator.objects.count() == 2


def test_the_limit_holds_even_when_the_look_at_it_was_too_early(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = link(project, use_limit=1)
    early = people.live_invitation(token=token, now=NOW)
    join(token, "Ada")
    # A second request that read the row before the first had counted its use.
    monkeypatch.setattr("labeling.services.invitations.live_invitation", lambda **_: early)

    with pytest.raises(InvitationNotValidError):
        join(token, "Bo")

    assert Annotator.objects.count() == 1


def test_an_expired_or_withdrawn_invitation_lets_nobody_in(project: Project) -> None:
    expired, withdrawn = link(project, ttl=timedelta(hours=1)), link(project)
    invitation = people.live_invitation(token=withdrawn, now=NOW)
    people.revoke_invitation(invitation_id=invitation.pk, user_id=None, now=NOW)

    with pytest.raises(InvitationNotValidError, match="expired"):
        join(expired, now=NOW + timedelta(hours=1))
    with pytest.raises(InvitationNotValidError, match="withdrawn"):
        join(withdrawn)
    with pytest.raises(InvitationNotValidError, match="no such"):
        join("made-up")


def test_nobody_joins_without_consent_or_a_name(project: Project) -> None:
    token = link(project)

    with pytest.raises(ConsentMissingError):
        join(token, consented=False)
    for name in ("", "   ", "\u200b\x00", "x" * 61):
        with pytest.raises(InvalidNameError):
            join(token, name)

    assert Invitation.objects.get().uses == 0


def test_the_words_that_were_agreed_to_are_kept(project: Project) -> None:
    annotator, _ = join(link(project))
    Project.objects.update(consent="Something else")

    annotator.refresh_from_db()
    assert annotator.consent_text == project.consent
    assert annotator.consented_at == NOW


def test_nobody_becomes_owner_by_link(project: Project) -> None:
    with pytest.raises(InvalidInvitationError):
        link(project, Role.OWNER)


def test_an_expert_without_an_account_gets_one_that_has_no_password(project: Project) -> None:
    annotator, _ = join(link(project, Role.EXPERT))

    assert annotator.user is not None
    assert not annotator.user.has_usable_password()
    assert Membership.objects.get(user=annotator.user).role == Role.EXPERT


def test_an_invitation_never_takes_a_higher_role_away(project: Project, manager: User) -> None:
    join(link(project, Role.EXPERT), user_id=manager.pk)

    live = Membership.objects.get(user=manager, ended_at__isnull=True)
    assert live.role == Role.MANAGER


def test_who_joins_again_is_the_same_person(project: Project) -> None:
    token = link(project)
    first, old = join(token, "Ada")

    again, new = join(token, "ada", annotator_ids=[first.pk])

    assert again == first
    assert Invitation.objects.get().uses == 1
    assert people.resume(token=new, now=NOW) == first
    with pytest.raises(people.LinkNotValidError):
        people.resume(token=old, now=NOW)


def test_another_name_on_the_same_tablet_is_another_person(project: Project) -> None:
    token = link(project)
    first, _ = join(token, "Ada")

    second, _ = join(token, "Bo", annotator_ids=[first.pk])

    assert second != first


def test_another_name_beside_a_managers_personal_link_is_another_person(
    project: Project, manager: User
) -> None:
    # Their link makes the tablet theirs without signing them in.
    own = make_annotator(project, "Morgan", user=manager)

    kim, _ = join(link(project), "Kim", annotator_ids=[own.pk])

    own.refresh_from_db()
    assert (own.display_name, kim.display_name) == ("Morgan", "Kim")
    assert kim.user is None
    assert join(link(project, Role.EXPERT), "Morgana", annotator_ids=[own.pk])[0] == own


def test_an_annotator_of_another_project_joins_this_one_anew(
    project: Project, other_project: Project
) -> None:
    elsewhere = make_annotator(other_project, "Ada")

    annotator, _ = join(link(project), "Ada", annotator_ids=[elsewhere.pk])

    assert annotator != elsewhere
    assert annotator.project == project


def test_a_stranger_joins_and_may_label(project: Project, client_for: ClientFor) -> None:
    token, browser = link(project), client_for()
    assert browser.get(f"/api/v1/projects/{project.slug}/labeling").status_code == 401

    page = browser.get(f"/api/v1/invitations/{token}").json()
    joined = accept(browser, token)

    assert page["valid"] is True
    assert page["project"]["consent"] == project.consent
    assert joined["project"] == project.slug
    session = browser.get("/api/v1/session").json()
    assert session["user"] is None
    assert session["annotators"][0]["display_name"] == "Ada"
    assert browser.get(f"/api/v1/projects/{project.slug}/labeling").status_code == 200


def test_joining_gives_the_session_a_new_key(project: Project, client_for: ClientFor) -> None:
    browser = client_for(make_annotator(project, "Somebody"))
    before = browser.cookies["sessionid"].value

    accept(browser, link(project))

    assert browser.cookies["sessionid"].value != before


def test_the_personal_link_brings_somebody_back_in_another_browser(
    project: Project, client_for: ClientFor
) -> None:
    joined = accept(client_for(), link(project))
    path = re.sub(r"^https?://[^/]+", "", str(joined["resume_url"]))
    phone = client_for()

    response = phone.get(path)

    assert (response.status_code, response["Location"]) == (302, f"/label/{project.slug}")
    annotators = phone.get("/api/v1/session").json()["annotators"]
    assert annotators[0]["id"] == joined["annotator"]["id"]  # type: ignore[index]


def test_a_managers_personal_link_does_not_open_the_staff_room(
    project: Project, client_for: ClientFor
) -> None:
    own = client_for()
    joined = accept(own, link(project, Role.MANAGER))
    assert own.get(f"/api/v1/staff/projects/{project.slug}").status_code == 200
    path = re.sub(r"^https?://[^/]+", "", str(joined["resume_url"]))
    other = client_for()

    other.get(path)

    assert other.get("/api/v1/session").json()["user"] is None
    assert other.get(f"/api/v1/staff/projects/{project.slug}").status_code == 403


def test_a_link_that_does_not_work_says_so_on_a_page(db: None, client_for: ClientFor) -> None:
    for path in ("/resume/made-up", "/login/made-up"):
        response = client_for().get(path)

        assert response.status_code == 404
        assert b"This link does not work" in response.content


def test_an_invitation_that_ended_says_why(project: Project, client_for: ClientFor) -> None:
    token = link(project, use_limit=1)
    accept(client_for(), token)

    page = client_for().get(f"/api/v1/invitations/{token}").json()
    refused = client_for().post(
        f"/api/v1/invitations/{token}/accept", {"display_name": "Bo", "consent": True}
    )

    assert (page["valid"], "used up" in page["reason"]) == (False, True)
    assert (refused.status_code, refused.json()["code"]) == (410, "invitation_not_valid")


def test_staff_make_list_and_withdraw_links(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    staff = client_for(manager)
    base = f"/api/v1/staff/projects/{project.slug}/invitations"

    made = staff.post(base, {"role": "EXPERT", "use_limit": 3, "days": 7}).json()
    listed = staff.get(base).json()
    withdrawn = staff.post(f"{base}/{made['id']}/revoke")

    assert made["qr_svg"].startswith("<svg")
    assert 'xmlns="http://www.w3.org/2000/svg"' in made["qr_svg"]
    token = made["url"].rsplit("/", 1)[1]
    assert token not in str(listed)
    assert (listed[0]["id"], listed[0]["uses"]) == (made["id"], 0)
    assert withdrawn.status_code == 204
    assert client_for().get(f"/api/v1/invitations/{token}").json()["valid"] is False


def test_a_message_reaches_the_coordinator(
    project: Project, volunteer: Annotator, manager: User, client_for: ClientFor
) -> None:
    sent = client_for(volunteer).post(
        f"/api/v1/projects/{project.slug}/messages", {"text": " The light is bad. "}
    )

    listed = client_for(manager).get(f"/api/v1/staff/projects/{project.slug}/messages").json()
    assert sent.status_code == 204
    assert [(row["display_name"], row["text"]) for row in listed] == [
        ("Volunteer", "The light is bad.")
    ]


def test_the_list_of_people_takes_as_many_queries_for_ten_as_for_one(
    project: Project,
    manager: User,
    client_for: ClientFor,
    django_assert_num_queries: Callable[[int], object],
) -> None:
    for number in range(10):
        make_annotator(project, f"Person {number}")
    make_annotator(project, "Expert", user=make_member(project, Role.EXPERT))
    staff = client_for(manager)

    # The session, the user, the project, the role, the people.
    with django_assert_num_queries(5):  # type: ignore[attr-defined]
        listed = staff.get(f"/api/v1/staff/projects/{project.slug}/people").json()

    assert len(listed) == 11
    assert {row["role"] for row in listed} == {"VOLUNTEER", "EXPERT"}
