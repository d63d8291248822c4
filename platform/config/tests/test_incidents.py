"""What went wrong at other labeling tools cannot happen here unnoticed.

Each test is named after a class of published incidents: requests forged through an import, scripts
in data or settings, models that run when they are read, files beside the folder that is served.
Access, CSRF, uploads and start-up settings have tests of their own beside what they test.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings as ours
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from config.celery import app

ROOT: Path = ours.BASE_DIR
ASKS_OTHERS = {"requests", "httpx", "aiohttp", "urllib3", "ftplib", "smtplib"}
ASKS_OTHERS |= {"urllib.request", "http.client", "socket"}
PICKLES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
MAKES_HTML = re.compile(
    r"innerHTML\s*=[^=]|outerHTML\s*=[^=]|dangerouslySetInnerHTML|insertAdjacentHTML"
    r"|document\.write|\beval\(|new Function\("
)


def served() -> list[Path]:
    """All of Python that a request or a task can reach; tests and benchmarks are not served."""
    found = [*ROOT.glob("labeling/**/*.py"), *ROOT.glob("ml/**/*.py")]
    return [path for path in found if not {"tests", "bench"} & set(path.relative_to(ROOT).parts)]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_no_address_that_somebody_sends_is_ever_fetched() -> None:
    asking = {path.relative_to(ROOT): imported(path) & ASKS_OTHERS for path in served()}

    assert len(asking) > 100
    assert {name: found for name, found in asking.items() if found} == {}


def test_nothing_that_runs_when_it_is_read_is_read() -> None:
    text = {path.relative_to(ROOT): path.read_text() for path in served()}

    assert [path for path in text if imported(ROOT / path) & PICKLES] == []
    loads = [line for said in text.values() for line in said.splitlines() if "torch.load(" in line]
    assert loads
    assert all("weights_only=True" in line for line in loads)
    assert not any("allow_pickle=True" in said for said in text.values())
    assert list(app.conf.accept_content) == ["json"]
    assert app.conf.task_serializer == app.conf.result_serializer == "json"


def test_no_page_makes_html_of_what_people_wrote() -> None:
    pages = [
        path for path in (ROOT / "frontend" / "src").rglob("*.ts*") if ".test." not in path.name
    ]

    assert len(pages) > 100
    assert [path.name for path in pages if MAKES_HTML.search(path.read_text())] == []


def test_a_script_that_got_in_would_not_run(client: Client) -> None:
    policy = dict(
        part.strip().split(" ", 1)
        for part in client.get("/api/v1/schema")["Content-Security-Policy"].split(";")
    )

    assert policy["script-src"] == "'self'"
    assert policy["default-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert "unsafe-eval" not in str(policy)


@pytest.mark.parametrize("step", ["../", "..%2f", "%2e%2e/", "..%5c", "....//"])
@pytest.mark.parametrize("looks_anew", [False, True])
def test_no_file_beside_the_static_ones_is_served(
    tmp_path: Path, settings: Settings, looks_anew: bool, step: str
) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "here.txt").write_text("public")
    (tmp_path / "beside.txt").write_text("secret")
    settings.STATIC_ROOT = tmp_path / "static"
    settings.WHITENOISE_AUTOREFRESH = looks_anew
    client = Client()

    assert client.get("/static/here.txt").getvalue() == b"public"
    for start in ("/static/", "/static"):
        assert client.get(f"{start}{step}beside.txt").status_code == 404


def addresses(resolver: URLResolver, start: str = "") -> list[str]:
    found: list[str] = []
    for each in resolver.url_patterns:
        path = start + str(each.pattern)
        found += [path] if isinstance(each, URLPattern) else addresses(each, path)
    return found


def test_nobody_makes_an_account_of_their_own() -> None:
    known = addresses(get_resolver())

    assert len(known) > 50
    assert [path for path in known if re.search("sign-?up|register|create-?account", path)] == []
