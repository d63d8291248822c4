"""The pages and the addresses that machines ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

PAGES = ("/", "/label/demo", "/join/some-token", "/try/demo", "/expert/demo")
STAFF = ("/staff", "/staff/", "/staff/demo/versions")


@pytest.fixture
def built(tmp_path: Path, settings: Settings) -> Path:
    (tmp_path / "index.html").write_text("<p>volunteers</p>")
    (tmp_path / "staff.html").write_text("<p>staff</p>")
    settings.FRONTEND_DIR = tmp_path
    return tmp_path


@pytest.mark.parametrize(
    ("address", "content"),
    [*((page, "volunteers") for page in PAGES), *((page, "staff") for page in STAFF)],
)
@pytest.mark.usefixtures("built")
def test_a_page_is_served_fresh_with_the_csrf_cookie(
    client: Client, address: str, content: str
) -> None:
    answer = client.get(address)

    assert answer.status_code == 200
    assert content in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert "csrftoken" in answer.cookies
    assert "default-src 'self'" in answer["Content-Security-Policy"]


def test_says_what_to_do_while_the_pages_are_not_built(
    client: Client, tmp_path: Path, settings: Settings
) -> None:
    settings.FRONTEND_DIR = tmp_path

    answer = client.get("/")

    assert answer.status_code == 503
    assert "make setup" in answer.content.decode()


def test_a_page_is_only_read(client: Client) -> None:
    assert client.post("/").status_code == 405


def test_alive_without_a_database(client: Client) -> None:
    answer = client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "alive"


@pytest.mark.django_db
def test_not_ready_without_broker_and_backbone_and_says_so(
    client: Client, tmp_path: Path, settings: Settings
) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    settings.BACKBONE_DIR = tmp_path

    answer = client.get("/readyz")

    checks = answer.json()["checks"]
    assert answer.status_code == 503
    assert answer.json()["status"] == "not_ready"
    assert [name for name, check in checks.items() if not check["ok"]] == ["broker", "backbone"]
    assert "export_backbone" in checks["backbone"]["message"]
    assert set(checks) == {"database", "migrations", "broker", "backbone", "champions"}


@pytest.mark.django_db
def test_the_schema_is_openapi_3_1_and_the_docs_run_under_the_policy(client: Client) -> None:
    schema = client.get("/api/v1/schema/?format=json")
    docs = client.get("/api/v1/docs/")

    assert schema.json()["openapi"].startswith("3.1")
    assert docs.status_code == 200
    text = docs.content.decode()
    assert "<script>" not in text
    assert "https://" not in text.split("<body")[1]
    assert client.get("/api/v1/docs/?script=").status_code == 200


def test_an_address_that_is_none_says_so_and_leads_back(client: Client) -> None:
    answer = client.get("/nowhere")

    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()
    assert 'href="/"' in answer.content.decode()


def test_pages_that_name_no_icon_get_the_icon(client: Client) -> None:
    assert client.get("/favicon.ico")["Location"] == "/static/icon.svg"
