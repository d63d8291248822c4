"""A real Chromium against the real server, with projects made through the services.

The built pages are needed: `make setup` builds them. `LARDER_SCREENSHOTS=folder` keeps pictures.
"""

from __future__ import annotations

import io
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from config import rendered
from labeling.services import images, invitations, people, projects, queue, split_groups

# Playwright keeps an event loop in this thread; Django must still answer its own questions here.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

AXE = Path(django_settings.BASE_DIR) / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WCAG_AA = {"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"}
LOOKS = ("desktop", "dark_desktop", "phone", "dark_phone")
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}
HELD: dict[str, Any] = {
    "viewport": PHONE,
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
WAIT_MS = 45_000
"""Of whatever is waited for: a machine under load is no reason to fail."""
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Use a file for SQLite: the server's threads cannot share one connection to memory."""
    database = django_settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        folder = tmp_path_factory.mktemp("database")
        database["TEST"] = {**database.get("TEST", {}), "NAME": str(folder / "browser.sqlite3")}


@dataclass(frozen=True)
class World:
    """A project with drawn pictures, and the way in."""

    project_id: int
    slug: str
    address: str
    invitation: str


def _picture(kind: str, rng: np.random.Generator) -> io.BytesIO:
    buffer = io.BytesIO()
    rendered.draw(kind, rng).resize((640, 640)).save(buffer, "JPEG", quality=88)
    buffer.seek(0)
    return buffer


def make_world(address: str, *, pictures: int, classes: list[str] | None = None) -> World:
    """Make a project through the services: pictures drawn, in the pool, in the queue."""
    now = timezone.now()
    rng = np.random.default_rng(5)
    project = projects.create_project(
        name="Pantry shelf",
        classes=classes or list(rendered.KINDS),
        now=now,
        description="Drawn pictures of what stands on a shelf.",
    )
    projects.set_guide(
        project_id=project.pk,
        guide="Look at the thing in the middle.\nSay what it is.\nUnsure? Say so; that helps.",
        now=now,
    )
    kinds = list(rendered.KINDS)
    stored = [
        images.ingest(
            project_id=project.pk,
            upload=_picture(kinds[number % len(kinds)], rng),
            original_name=f"{number}.jpg",
            source="drawn",
            licence="CC0",
            uploaded_by_id=None,
            now=now,
        )
        for number in range(pictures)
    ]
    split_groups.set_partitions(
        project_id=project.pk,
        decisions=[split_groups.GroupDecision([one.image_id], partition="POOL") for one in stored],
        now=now,
        rng=rng,
    )
    queue.top_up(project_id=project.pk, now=now, rng=rng)
    _, token = invitations.invite(
        project_id=project.pk, role="VOLUNTEER", use_limit=9, ttl=timedelta(days=1), now=now
    )
    return World(project.pk, project.slug, address, f"{address}/join/{token}")


class UnderWay:
    """How many requests the server is at."""

    def __init__(self) -> None:
        self.count = 0
        self._counting = threading.Lock()
        request_started.connect(self._begun, weak=False)
        request_finished.connect(self._ended, weak=False)

    def _begun(self, **_: Any) -> None:
        with self._counting:
            self.count += 1

    def _ended(self, **_: Any) -> None:
        with self._counting:
            self.count -= 1


UNDER_WAY = UnderWay()
LONGEST_WAIT_S = 45.0
LOOKED = """() => {
  const pass = (ms) => new Promise((done) => setTimeout(done, ms));
  const drawn = new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return Promise.race([drawn, pass(200)]).then(() => pass(300));
}"""


@pytest.fixture(autouse=True)
def nothing_left_under_way(live_server: LiveServer) -> Iterator[None]:
    """Let requests end before the tables are emptied: keys are given again in the next test.

    A page that is closed leaves its last request to the server, which may write once they are
    empty, into the world of the next test.
    """
    begun = UNDER_WAY.count
    yield
    deadline = time.monotonic() + LONGEST_WAIT_S
    while UNDER_WAY.count > begun and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.fixture
def address(live_server: LiveServer, settings: Settings) -> str:
    """Where the server is, which it also puts into the links it makes."""
    settings.PUBLIC_URL = live_server.url
    return str(live_server.url)


@pytest.fixture
def world(address: str) -> World:
    """Eight labels, six pictures."""
    return make_world(address, pictures=6)


@pytest.fixture
def large_world(address: str) -> World:
    """More labels than keys."""
    names = [*rendered.KINDS, *(f"Shelf good {number:02}" for number in range(35))]
    return make_world(address, pictures=6, classes=names)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail("No Chromium on the PATH. Install it: apt-get install chromium.")
    if not (Path(django_settings.FRONTEND_DIR) / "index.html").is_file():
        pytest.fail("The pages are not built. Run: make setup.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


class Visitor:
    """A browser window with what the tests need to say about it."""

    def __init__(self, page: Page, shots: Path | None) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._shots = shots
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)

    def _listen(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def carry(self, world: World, session: str) -> None:
        """Be signed in already."""
        self.page.context.add_cookies(
            [{"name": "sessionid", "value": session, "url": world.address}]
        )

    def join(self, world: World, name: str = "Robin") -> None:
        """Join by the invitation and come to the labeling page, its first guide closed."""
        page = self.page
        page.goto(world.invitation)
        page.get_by_label("What should we call you?").fill(name)
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Join").click()
        page.get_by_role("link", name="Start labeling").click()
        page.get_by_role("button", name="Start labeling").click()
        self.sees_an_image()

    def sees_an_image(self) -> str:
        """Wait for an image that may be answered; give its address."""
        element = self.page.locator(".viewer-image")
        element.wait_for()
        self.looks()
        return element.get_attribute("src") or ""

    def looks(self) -> None:
        """Look for as long as the page wants: it takes no answer to what nobody can have seen.

        By the page's own clock, once it has drawn: under load it may be later than ours.
        """
        self.page.evaluate(LOOKED)

    def press(self, key: str) -> str:
        """Answer with a key and give the address of the image that is there afterwards."""
        image = self.page.locator(".viewer-image")
        before = image.get_attribute("src") or ""
        self.page.keyboard.press(key)
        # Where the page waits for the server's word, the old one stays for a while.
        expect(image).not_to_have_attribute("src", before)
        return self.sees_an_image()

    def waits_until(self, is_so: Callable[[], object]) -> None:
        """Let the page go on until something is so that the page does not show."""
        deadline = time.monotonic() + WAIT_MS / 1000
        while not is_so():
            assert time.monotonic() < deadline, "it did not come to be"
            self.page.wait_for_timeout(50)

    def shot(self, name: str) -> None:
        if self._shots:
            self.page.screenshot(path=str(self._shots / f"{name}.png"))

    def barriers(self) -> list[str]:
        """Give what axe-core finds against WCAG 2.2 AA here, and its other serious findings."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate(
            "tags => axe.run(document, { resultTypes: ['violations'], runOnly: tags })",
            [*WCAG_AA, "best-practice"],
        )
        return [
            f"{rule['id']}: {rule['help']} {[node['html'][:120] for node in rule['nodes'][:3]]}"
            for rule in found["violations"]
            if rule["impact"] in {"serious", "critical"} or not WCAG_AA.isdisjoint(rule["tags"])
        ]


@pytest.fixture
def shots() -> Path | None:
    folder = os.environ.get("LARDER_SCREENSHOTS")
    if not folder:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)


@pytest.fixture
def desktop(chromium: Browser, shots: Path | None) -> Iterator[Visitor]:
    yield from _visit(chromium, shots, viewport=DESKTOP)


@pytest.fixture
def dark_desktop(chromium: Browser, shots: Path | None) -> Iterator[Visitor]:
    yield from _visit(chromium, shots, viewport=DESKTOP, color_scheme="dark")


@pytest.fixture
def phone(chromium: Browser, shots: Path | None) -> Iterator[Visitor]:
    yield from _visit(chromium, shots, **HELD, color_scheme="light")


@pytest.fixture
def dark_phone(chromium: Browser, shots: Path | None) -> Iterator[Visitor]:
    yield from _visit(chromium, shots, **HELD, color_scheme="dark")


def _visit(chromium: Browser, shots: Path | None, **options: Any) -> Iterator[Visitor]:
    context: BrowserContext = chromium.new_context(reduced_motion="reduce", **options)
    visitor = Visitor(context.new_page(), shots)
    yield visitor
    visitor.page.unroute_all(behavior="ignoreErrors")
    context.close()
    assert visitor.complaints == [], "the page complained in its console"


@pytest.fixture
def expert(world: World) -> str:
    """The session of a signed-in expert of the project."""
    user, _ = people.create_owner(username="expert-person")
    now = timezone.now()
    people.set_role(project_id=world.project_id, user_id=user.pk, role="EXPERT", now=now)
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value
