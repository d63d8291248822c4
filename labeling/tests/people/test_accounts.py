from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from labeling.models import (
    Annotator,
    AuditEvent,
    LoginLink,
    Membership,
    Project,
    Role,
    Token,
    User,
)
from labeling.services import people
from labeling.services.tokens import InvalidTokenRequestError
from labeling.tests.factories import NOW, PASSWORD, make_user

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., APIClient]


def token_of(user: User, project: Project | None = None, **fields: Any) -> str:
    values: dict[str, Any] = {"scopes": ["read"], "now": timezone.now(), "name": "test", **fields}
    project_id = project.pk if project else None
    return people.create_token(user_id=user.pk, project_id=project_id, **values)[1]


def bearer(client: APIClient, secret: str) -> APIClient:
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def test_the_owners_password_is_drawn_and_only_its_hash_is_stored(db: None) -> None:
    owner, password = people.create_owner(username="owner")
    _, second = people.create_owner(username="other")

    assert owner.is_superuser
    assert owner.check_password(password)
    assert password not in str(User.objects.values_list())
    assert password != second
    assert len(password) >= 16


def test_a_weak_or_default_password_is_refused(db: None) -> None:
    for password in ("admin", "qwerty123456", "1q2w3e4r5t6y"):
        with pytest.raises(people.WeakPasswordError):
            people.create_owner(username="owner", password=password)

    assert not User.objects.exists()


def test_a_fresh_database_has_no_account_and_no_token(db: None) -> None:
    assert not User.objects.exists()
    assert not Token.objects.exists()


def test_there_is_no_way_to_register(db: None, client_for: ClientFor) -> None:
    for path in ("session/register", "users", "register", "signup", "accounts/signup"):
        response = client_for().post(f"/api/v1/{path}", {"username": "a", "password": PASSWORD})

        assert response.status_code == 404
    assert not User.objects.exists()


def test_signing_in_gives_the_session_a_new_key(client_for: ClientFor) -> None:
    user, browser = make_user("ada"), client_for()
    session = browser.session
    session["planted"] = True
    session.save()
    browser.cookies["sessionid"] = session.session_key or ""

    response = browser.post("/api/v1/session/login", {"username": "ada", "password": PASSWORD})

    assert response.json()["user"]["username"] == user.username
    assert browser.cookies["sessionid"].value != session.session_key


def test_a_wrong_password_and_an_unknown_name_look_the_same(client_for: ClientFor) -> None:
    make_user("ada")

    answers = [
        client_for().post("/api/v1/session/login", {"username": name, "password": "x" * 12})
        for name in ("ada", "nobody")
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].json() == answers[1].json()


def test_guessing_is_slowed_down(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    from django.core.cache import cache

    cache.clear()
    monkeypatch.setattr("labeling.api.throttling.LoginThrottle.THROTTLE_RATES", {"login": "3/min"})
    browser = client_for()

    codes = [
        browser.post("/api/v1/session/login", {"username": "a", "password": "b"}).status_code
        for _ in range(4)
    ]

    cache.clear()
    assert codes == [403, 403, 403, 429]


def test_a_dead_cache_keeps_nobody_out(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis.exceptions import ConnectionError as CacheGone

    make_user("ada")
    monkeypatch.setattr("labeling.api.throttling.LoginThrottle.THROTTLE_RATES", {"login": "3/min"})

    def gone(*_: object) -> None:
        raise CacheGone("no cache")

    monkeypatch.setattr("rest_framework.throttling.SimpleRateThrottle.cache.get", gone)

    response = client_for().post("/api/v1/session/login", {"username": "ada", "password": PASSWORD})

    assert response.status_code == 200


def test_signing_out_forgets_what_the_browser_joined(
    volunteer: Annotator, client_for: ClientFor
) -> None:
    browser = client_for(volunteer)

    browser.post("/api/v1/session/logout")

    assert browser.get("/api/v1/session").json()["annotators"] == []


def test_a_sign_in_link_works_once(client_for: ClientFor) -> None:
    user = make_user("ada")
    token = people.make_login_link(user_id=user.pk, now=timezone.now())
    browser, thief = client_for(), client_for()

    first, second = browser.get(f"/login/{token}"), thief.get(f"/login/{token}")

    assert (first.status_code, first["Location"]) == (302, "/staff/")
    assert browser.get("/api/v1/session").json()["user"]["username"] == "ada"
    assert second.status_code == 404
    assert thief.get("/api/v1/session").json()["user"] is None


def test_of_two_uses_of_a_link_at_once_one_wins() -> None:
    token = people.make_login_link(user_id=make_user().pk, now=NOW)

    assert people.use_login_link(token=token, now=NOW).pk
    with pytest.raises(people.LinkNotValidError):
        people.use_login_link(token=token, now=NOW)
    assert LoginLink.objects.get().digest != token


def test_a_link_ends_with_its_hour_and_with_the_account() -> None:
    user = make_user()
    late = people.make_login_link(user_id=user.pk, now=NOW)
    closed = people.make_login_link(user_id=user.pk, now=NOW)

    with pytest.raises(people.LinkNotValidError):
        people.use_login_link(token=late, now=NOW + timedelta(hours=1))
    User.objects.update(is_active=False)
    with pytest.raises(people.LinkNotValidError):
        people.use_login_link(token=closed, now=NOW)


def test_a_token_is_stored_as_a_digest_and_shown_once(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    staff = client_for(manager)

    made = staff.post(
        "/api/v1/staff/tokens",
        {"name": "till", "scopes": ["read", "predict"], "project": project.slug},
    ).json()
    listed = staff.get("/api/v1/staff/tokens").json()

    assert made["token"].startswith("lrd_")
    assert "token" not in listed[0]
    assert made["token"] not in str(Token.objects.values_list())
    assert listed[0]["scopes"] == ["predict", "read"]
    reader = bearer(client_for(), made["token"])
    assert reader.get(f"/api/v1/staff/projects/{project.slug}").status_code == 200


def test_a_token_reads_and_does_not_write(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    client = bearer(client_for(), token_of(manager))

    response = client.patch(f"/api/v1/staff/projects/{project.slug}", {"votes_pool": 5})

    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")


def test_a_token_without_the_scope_does_not_read(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    client = bearer(client_for(), token_of(manager, scopes=["predict"]))

    assert client.get(f"/api/v1/staff/projects/{project.slug}").status_code == 403


def test_a_token_of_one_project_knows_no_other(
    project: Project, other_project: Project, client_for: ClientFor
) -> None:
    owner, _ = people.create_owner(username="everything")
    client = bearer(client_for(), token_of(owner, project))

    assert client.get(f"/api/v1/staff/projects/{project.slug}").status_code == 200
    assert client.get(f"/api/v1/staff/projects/{other_project.slug}").status_code == 404


def test_a_token_cannot_make_tokens_or_set_passwords(manager: User, client_for: ClientFor) -> None:
    client = bearer(client_for(), token_of(manager))

    assert client.post("/api/v1/staff/tokens", {"name": "x", "scopes": ["read"]}).status_code == 403
    assert client.post("/api/v1/session/password", {"password": PASSWORD}).status_code == 403


def test_a_token_ends_when_it_expires_is_revoked_or_its_account_closes(
    project: Project, manager: User, client_for: ClientFor
) -> None:
    path = f"/api/v1/staff/projects/{project.slug}"
    old = token_of(manager, now=timezone.now() - timedelta(days=2), ttl=timedelta(days=1))
    revoked, closed = token_of(manager), token_of(manager)
    row = people.authenticate_token(secret=revoked, now=timezone.now())
    assert row is not None
    client_for(manager).delete(f"/api/v1/staff/tokens/{row.public_id}")

    for secret in (old, revoked, "lrd_made-up", "", "a b"):
        assert bearer(client_for(), secret).get(path).status_code == 401
    User.objects.filter(pk=manager.pk).update(is_active=False)
    assert bearer(client_for(), closed).get(path).status_code == 401


def test_nobody_revokes_another_ones_token(
    manager: User, outsider: User, client_for: ClientFor
) -> None:
    row = people.authenticate_token(secret=token_of(manager), now=timezone.now())
    assert row is not None

    response = client_for(outsider).delete(f"/api/v1/staff/tokens/{row.public_id}")

    assert response.status_code == 404
    row.refresh_from_db()
    assert row.revoked_at is None


def test_a_token_needs_a_known_scope_and_a_name(manager: User) -> None:
    bad: list[dict[str, Any]] = [{"scopes": []}, {"scopes": ["admin"]}, {"name": " "}]
    bad.append({"ttl": timedelta(-1)})
    for fields in bad:
        with pytest.raises(InvalidTokenRequestError):
            token_of(manager, **fields)


def test_using_a_token_is_noted_now_and_then(manager: User) -> None:
    secret = token_of(manager, now=NOW)

    for minute in (0, 1, 7):
        people.authenticate_token(secret=secret, now=NOW + timedelta(minutes=minute))

    assert Token.objects.get().last_used_at == NOW + timedelta(minutes=7)


def test_the_only_owner_stays(project: Project, owner: User, manager: User) -> None:
    with pytest.raises(people.LastOwnerError):
        people.set_role(project_id=project.pk, user_id=owner.pk, role=None, now=NOW)
    people.set_role(project_id=project.pk, user_id=manager.pk, role=Role.OWNER, now=NOW)
    people.set_role(project_id=project.pk, user_id=owner.pk, role=Role.EXPERT, now=NOW)

    ended = Membership.objects.filter(user=owner, ended_at=NOW)
    assert [row.role for row in ended] == [Role.OWNER]
    assert AuditEvent.objects.filter(verb="role_set").count() == 2


def test_choosing_a_password_keeps_this_browser_and_ends_the_others(
    client_for: ClientFor,
) -> None:
    user = make_user("ada")
    here, there = client_for(user), client_for(user)

    changed = here.post("/api/v1/session/password", {"password": "another-long-phrase-9"})

    assert changed.status_code == 204
    assert here.get("/api/v1/session").json()["user"] is not None
    assert there.get("/api/v1/session").json()["user"] is None


def test_commands_print_links_that_work(
    project: Project, capsys: pytest.CaptureFixture[str], client_for: ClientFor
) -> None:
    people.create_owner(username="boss")
    call_command("invite", project.slug, "--uses", "3")
    call_command("login_link")
    call_command("create_token", "boss", "--project", project.slug)

    invitation, sign_in, secret = capsys.readouterr().out.split()

    token = invitation.rsplit("/", 1)[1]
    assert client_for().get(f"/api/v1/invitations/{token}").json()["valid"] is True
    assert client_for().get("/login/" + sign_in.rsplit("/", 1)[1]).status_code == 302
    client = bearer(client_for(), secret)
    assert client.get(f"/api/v1/staff/projects/{project.slug}").status_code == 200


@pytest.fixture
def data(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Path:
    """A data folder in an environment that says nothing about the address."""
    for name in ("LARDER_PORT", "LARDER_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    settings.DATA_DIR, settings.PUBLIC_URL = tmp_path, "http://here.test"
    (tmp_path / "run").mkdir()
    people.create_owner(username="boss")
    return tmp_path


def test_printed_links_have_the_address_that_larder_runs_at(
    project: Project, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("login_link")
    assert capsys.readouterr().out.startswith("http://here.test/login/")
    (data / "run" / "address").write_text("http://192.0.2.7:8123")

    call_command("invite", project.slug)
    call_command("login_link")

    invitation, sign_in = capsys.readouterr().out.split()
    assert invitation.startswith("http://192.0.2.7:8123/join/")
    assert sign_in.startswith("http://192.0.2.7:8123/login/")


@pytest.mark.parametrize("name", ["LARDER_PORT", "LARDER_PUBLIC_URL"])
def test_an_address_in_the_environment_goes_before_the_one_larder_runs_at(
    data: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "run" / "address").write_text("http://192.0.2.7:8123")
    monkeypatch.setenv(name, "whatever the settings made of it")

    call_command("login_link")

    assert capsys.readouterr().out.startswith("http://here.test/login/")


def test_a_token_made_by_command_has_every_scope_that_was_named(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    people.create_owner(username="boss")
    call_command("create_token", "boss", "--scope", "predict", "--scope", "queue")
    call_command("create_token", "boss")

    capsys.readouterr()

    scopes = [sorted(token.scopes) for token in Token.objects.order_by("pk")]
    assert scopes == [["predict", "queue"], ["predict", "read"]]


def test_an_owner_made_by_command_signs_in_with_the_password_it_prints(
    db: None, capsys: pytest.CaptureFixture[str], client_for: ClientFor
) -> None:
    call_command("create_owner", "ada")

    password = capsys.readouterr().out.split()[-1]
    body = {"username": "ada", "password": password}
    assert client_for().post("/api/v1/session/login", body).status_code == 200
    with pytest.raises(CommandError, match="already"):
        call_command("create_owner", "ada")


def test_commands_say_what_is_missing(db: None) -> None:
    for command in (["invite", "nowhere"], ["login_link"], ["create_token", "nobody"]):
        with pytest.raises(CommandError, match="There is no"):
            call_command(*command)
