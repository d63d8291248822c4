"""A head of another kind, started by staff: the gate decides, and the usual kind goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from labeling.tests import factories
from labeling.tests.rows import Project
from ml import tasks
from ml.heads import challenger
from ml.models import ModelState, ModelVersion, TrainingRun
from ml.selectors import registry
from ml.services import common_ground, fitting, refit, verdicts_again
from ml.tests.loop.world import World
from ml.tests.serving.kitchen import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> Iterator[World]:
    made = World.make(pool=90, noise=1.4)
    made.label_some(60)
    assert made.refit().kind == "deployed"
    yield made
    common_ground.forget()


def ask(world: World) -> Any:
    manager = signed_in(factories.make_member(world.project, "MANAGER"))
    path = f"/api/v1/staff/projects/{world.project.slug}/train"
    return manager.post(path, {"kind": "logistic"}, format="json")


def champion(world: World) -> int:
    found = registry.champion(world.project.pk)
    assert found is not None
    return found.number


def test_it_is_judged_by_its_own_folds_and_its_verdict_comes_out_again(world: World) -> None:
    asked = ask(world)
    assert asked.status_code == 202, asked.json()

    tasks.refit_head(project_id=world.project.pk)

    run = TrainingRun.objects.get(public_id=asked.json()["id"])
    version = ModelVersion.objects.get(number=2)
    assert (run.trigger, run.state, run.model_version) == ("logistic", "SUCCEEDED", version)
    assert version.metrics[fitting.HEAD_KIND] == "logistic"
    is_better = version.gate["difference"] < 0
    assert (version.state == ModelState.CHAMPION) == is_better
    assert version.verdict.startswith(("Better: ", "Not better, so ", "Refused as worse: "))
    (again,) = verdicts_again.of_version(world.project.pk, 2)
    assert again.agrees, again.note


def test_one_that_is_better_serves_until_the_usual_kind_is_no_worse(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = challenger.fit

    def better(labeled: Any, kind: str, **more: Any) -> Any:
        """The same head, said to have been sure of all that it was asked."""
        fitted = real(labeled, kind, **more)
        sure = 0.998 * np.eye(3)[labeled.targets.argmax(axis=1)] + 0.002 / 3
        return type(fitted)(fitted.head, sure, 0.02, fitted.log_losses, fitted.choice)

    monkeypatch.setattr(challenger, "fit", better)
    refit.request(project_id=world.project.pk, trigger="logistic", now=world.now)
    made = world.refit()
    assert made.kind == "deployed", ModelVersion.objects.get(number=2).verdict
    assert champion(world) == 2

    world.label_some(3)
    assert world.refit().kind == "refused"
    assert champion(world) == 2
    assert world.refit().kind == "current"


def test_a_refused_one_leaves_nothing_unlearned(world: World) -> None:
    world.label_some(5)
    refit.request(project_id=world.project.pk, trigger="logistic", now=world.now)
    world.refit()

    usual = world.refit()

    assert usual.kind in {"deployed", "refused"}
    version = ModelVersion.objects.get(number=usual.version or 0)
    assert (version.n_labels, fitting.HEAD_KIND in version.metrics) == (65, False)
    assert world.refit().kind == "current"


def test_where_it_cannot_be_the_reason_is_said(world: World) -> None:
    refit.request(project_id=world.project.pk, trigger="staff", now=world.now)
    assert ask(world).json()["code"] == "refit_under_way"
    world.refit()
    Project.objects.filter(pk=world.project.pk).update(mode="MULTI")
    refused = ask(world)
    assert refused.status_code == 409
    assert "several" in refused.json()["message"]
    young = World.make(pool=3)
    assert "no classifier yet" in ask(young).json()["message"]
