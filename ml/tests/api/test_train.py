"""The train buttons: what they start, and what they refuse."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from labeling.tests import factories
from labeling.tests.rows import AuditEvent, Project
from ml import tasks
from ml.models import Champion, ModelVersion, TrainingRun
from ml.tests.loop.world import World
from ml.tests.serving.kitchen import Kitchen, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    """A project with sixty labels and a champion that has seen them all."""
    made = World.make(pool=90)
    made.label_some(60)
    assert made.refit().kind == "deployed"
    assert made.refit().kind == "current"
    return made


def manager_of(project: Project) -> Any:
    return signed_in(factories.make_member(project, "MANAGER"))


def train(client: Any, project: Project, kind: str) -> Any:
    return client.post(
        f"/api/v1/staff/projects/{project.slug}/train", {"kind": kind}, format="json"
    )


def test_the_button_refits_the_head_though_nothing_is_new(world: World) -> None:
    asked = train(manager_of(world.project), world.project, "head")
    assert asked.status_code == 202
    assert (asked.json()["kind"], asked.json()["state"]) == ("HEAD", "QUEUED")

    tasks.refit_head(project_id=world.project.pk)

    run = TrainingRun.objects.get(public_id=asked.json()["id"])
    assert run.state == "SUCCEEDED"
    assert run.model_version is not None
    assert run.model_version.number == 2
    assert Champion.objects.get().model_version_id == run.model_version_id


def test_the_button_twice_gives_the_same_run(world: World) -> None:
    client = manager_of(world.project)
    first, second = (train(client, world.project, "head").json() for _ in range(2))
    assert first["id"] == second["id"]
    assert AuditEvent.objects.filter(verb="train").count() == 2


def test_the_sweep_finds_what_the_button_queued(world: World) -> None:
    from ml.services import due

    def kinds() -> list[str]:
        found = due.find(now=timezone.now())
        return [work.kind for work in found if work.project_id == world.project.pk]

    assert "refit" not in kinds()
    train(manager_of(world.project), world.project, "head")
    assert "refit" in kinds()


def test_a_fine_tune_is_queued_once(world: World) -> None:
    client = manager_of(world.project)
    first, second = (train(client, world.project, "finetune") for _ in range(2))

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert first.json()["kind"] == "FINETUNE"
    page = client.get(f"/api/v1/staff/projects/{world.project.slug}/overview").json()
    assert [run["kind"] for run in page["training"]["active"]] == ["FINETUNE"]
    listed = client.get(f"/api/v1/staff/projects/{world.project.slug}/runs").json()
    assert [run["kind"] for run in listed] == ["FINETUNE", "HEAD"]
    assert listed[1]["version"] == 1


def test_a_refit_before_the_first_label_is_not_listed() -> None:
    empty = World.make(pool=20)
    assert empty.refit().kind == "waiting"
    assert TrainingRun.objects.get(project=empty.project).state == "SUCCEEDED"

    path = f"/api/v1/staff/projects/{empty.project.slug}/runs"
    client = manager_of(empty.project)
    assert client.get(path).json() == []

    TrainingRun.objects.update(state="FAILED", error="No space left.")
    train(client, empty.project, "head")
    listed = client.get(path).json()
    assert [(run["state"], run["version"]) for run in listed] == [
        ("QUEUED", None),
        ("FAILED", None),
    ]


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ({"finetune_enabled": False}, "finetune_not_enabled"),
        ({"monthly_budget": 0}, "budget_exhausted"),
    ],
)
def test_a_fine_tune_that_may_not_be_is_refused(
    world: World, setting: dict[str, Any], code: str
) -> None:
    Project.objects.filter(pk=world.project.pk).update(**setting)
    refused = train(manager_of(world.project), world.project, "finetune")

    assert (refused.status_code, refused.json()["code"]) == (409, code)
    assert refused.json()["message"]
    assert not TrainingRun.objects.filter(kind="FINETUNE").exists()


def test_a_fine_tune_needs_labels(kitchen: Kitchen) -> None:
    refused = train(manager_of(kitchen.project), kitchen.project, "finetune")
    assert (refused.status_code, refused.json()["code"]) == (409, "too_few_labels")


def test_a_challenger_that_waits_holds_the_next_fine_tune(world: World) -> None:
    ModelVersion.objects.filter(number=1).update(kind="FINETUNE", state="CHALLENGER")
    refused = train(manager_of(world.project), world.project, "finetune")
    assert (refused.status_code, refused.json()["code"]) == (409, "finetune_not_enabled")


def test_something_else_cannot_be_trained(world: World) -> None:
    refused = train(manager_of(world.project), world.project, "everything")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")


def test_the_month_shows_what_was_spent(world: World) -> None:
    TrainingRun.objects.update(cost=Decimal("1.25"), created_at=timezone.now())
    page = manager_of(world.project).get(f"/api/v1/staff/projects/{world.project.slug}/overview")
    assert page.json()["training"]["budget"]["month_spent"] == 1.25
