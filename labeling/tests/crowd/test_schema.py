"""The crowd's API as documented: examples and real replies are what the schema says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from django.core.management import call_command

from labeling.models import Annotator, Image, Partition, Project, User
from labeling.services import adjudication, agreement, anchoring
from labeling.tests import factories, worlds
from labeling.tests.crowd.browser import Browser
from labeling.tests.crowd.conftest import Browse

pytestmark = pytest.mark.django_db
OURS = re.compile(r"/(people|gold|expert|agreement|adjudication|leaderboard|impact|messages)\b")


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("schema") / "schema.json"
    call_command(
        "spectacular", "--validate", "--fail-on-warn", "--format=openapi-json", f"--file={out}"
    )
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def check(schema: dict[str, Any], described: dict[str, Any], value: Any) -> None:
    whole = {**described, "components": schema["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


def examples(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], Any]]:
    for path, methods in schema["paths"].items():
        if not OURS.search(path):
            continue
        for method, operation in methods.items():
            bodies = [*operation["responses"].values(), operation.get("requestBody", {})]
            for body in bodies:
                for content in body.get("content", {}).values():
                    for example in content.get("examples", {}).values():
                        yield f"{method} {path}", content["schema"], example["value"]


def test_every_example_is_what_the_schema_says(schema: dict[str, Any]) -> None:
    names = set()
    for name, described, value in examples(schema):
        check(schema, described, value)
        names.add(name)

    assert len(names) >= 6


class Described(Browser):
    """A browser that holds every reply against the schema."""

    schema: dict[str, Any]
    seen: set[str]

    def held(self, method: str, path: str, status: int, body: Any) -> Any:
        for template, methods in self.schema["paths"].items():
            is_here = re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), f"/api/v1/{path}")
            if is_here and method in methods:
                reply = methods[method]["responses"][str(status)]
                check(self.schema, reply["content"]["application/json"]["schema"], body)
                self.seen.add(f"{method} {template}")
                return body
        raise AssertionError(f"The schema does not know {path}.")

    def get(self, path: str, **query: Any) -> Any:
        return self.held("get", path, 200, super().get(path, **query))

    def post(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        return self.held("post", path, status, super().post(path, body, status=status))


def described(tab: Browser, schema: dict[str, Any], seen: set[str]) -> Described:
    found = Described(tab.client, tab.slug)
    found.schema, found.seen = schema, seen
    return found


@pytest.fixture
def lively(project: Project, browse: Browse, expert: User) -> list[Image]:
    """Gold, a first round, suggestions, a dispute in the audit slice: everything at once."""
    people = [worlds.make_annotator(project, name) for name in ("Ada", "Ben", "Cleo")]
    worlds.active(project, people)
    images = worlds.make_images(project, 12)
    browse(expert).set_gold(images[:4], note="Look at the lid.")
    for image in worlds.make_images(project, 7, Partition.AUDIT):
        for who, label in zip(people, ("milk", "juice", "milk"), strict=True):
            worlds.direct(who, image, label)
    Project.objects.filter(pk=project.pk).update(
        onboarding_images=1, suggestions_enabled=True, leaderboard_enabled=True
    )
    return images


def everything_a_volunteer_does(person: Described) -> None:
    person.get(f"projects/{person.slug}/labeling")
    for _ in range(2):
        person.answer(person.claim()["assignments"][0], "juice")
    person.get(f"projects/{person.slug}/leaderboard")
    person.get(f"projects/{person.slug}/impact")
    Browser(person.client, person.slug).post(
        f"projects/{person.slug}/messages", {"text": "Hello."}, status=204
    )


def everything_an_expert_does(judge: Described, images: list[Image]) -> None:
    for path in ("gold", "gold-candidates", *(f"gold/{images[n].public_id}" for n in (0, 5))):
        judge.get(f"projects/{judge.slug}/{path}")
    judge.set_gold(images[:5])
    judge.post(f"projects/{judge.slug}/gold/withdraw", {"images": [str(images[1].public_id)]})
    waiting = judge.get(f"projects/{judge.slug}/expert")["items"]
    judge.post(
        f"projects/{judge.slug}/expert/{waiting[0]['image']['id']}",
        {"kind": "NONE_OF_THESE", "label": None},
        status=201,
    )


def everything_staff_do(staff: Described, who: Annotator, member: Annotator) -> None:
    room = f"staff/projects/{staff.slug}"
    for path in ("people", "agreement", "adjudication", "messages"):
        staff.get(f"{room}/{path}")
    person = f"{room}/people/{who.public_id}"
    staff.get(person)
    staff.post(f"{person}/pause", {"paused": True})
    staff.post(f"{person}/quarantine", {"quarantined": True})
    staff.post(f"{person}/anonymise", {"display_name": who.display_name})
    staff.post(f"{room}/people/{member.public_id}/role", {"role": "MANAGER"})
    staff.post(f"{room}/agreement")
    message = staff.get(f"{room}/messages")[0]["id"]
    staff.post(f"{room}/messages/{message}/handled", {"handled": True})


def test_real_replies_are_what_the_schema_says(
    schema: dict[str, Any], browse: Browse, project: Project, lively: list[Image], expert: User
) -> None:
    seen: set[str] = set()
    adjudication.open_due(project_id=project.pk, now=worlds.NOW)
    agreement.take(project_id=project.pk, now=worlds.NOW)
    volunteer = factories.make_annotator(project)
    member = factories.make_expert_annotator(project, factories.make_member(project, "EXPERT"))
    boss = factories.make_member(project, "OWNER")

    everything_a_volunteer_does(described(browse(volunteer), schema, seen))
    everything_an_expert_does(described(browse(expert), schema, seen), lively)
    anchoring.measure(project_id=project.pk, now=worlds.NOW)
    everything_staff_do(described(browse(boss), schema, seen), volunteer, member)

    asked = {
        f"{method} {path}"
        for path, methods in schema["paths"].items()
        if OURS.search(path)
        for method in methods
    }
    # One has no reply to describe.
    assert asked - seen == {"post /api/v1/projects/{slug}/messages"}
