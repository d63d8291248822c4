"""The figures about labels to come: computed from stored rows, stored, shown, and acted upon."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from labeling.tests import factories, worlds
from labeling.tests.rows import Annotation, AuditEvent, Partition, Project
from ml.evaluation import forecast
from ml.models import Outlook
from ml.selectors import accuracy, embeddings, ground, outlook_words, savings, versions
from ml.selectors import outlook as selector
from ml.services import acquisition, due, outlook
from ml.tests.loop.world import World
from ml.tests.serving.kitchen import signed_in

pytestmark = pytest.mark.django_db


def make_world(labels: int = 48, audit: int = 36, target: float | None = 0.97) -> World:
    """A project with a champion and an answered audit slice; noisy enough for a curve."""
    embeddings.forget()
    made = World.make(pool=70, audit=audit, noise=1.6, target_accuracy=target)
    made.label_some(labels)
    made.label_some(audit, Partition.AUDIT)
    made.refit()
    return made


def compute(made: World, **settings: Any) -> dict[str, Any]:
    if settings:
        Project.objects.filter(pk=made.project.pk).update(**settings)
    return selector.compute(made.project.pk)


def test_the_way_to_the_target_is_a_range_in_labels_answers_minutes_and_cost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = make_world()
    found = compute(made)

    assert (found["labels"], found["audit_images"], found["version"]) == (48, 36, 1)
    assert found["audit_answered"] == 36
    # A fifth to all of the labels, each measured on the same audit images.
    assert [point["labels"] for point in found["curve"]] == [10, 14, 20, 27, 35, 41, 48]
    assert all(point["low"] < point["accuracy"] < point["high"] for point in found["curve"])
    # Drawn on from the last point to twice the labels, ever higher.
    assert (found["band"][0]["labels"], found["band"][-1]["labels"]) == (48, 96)
    assert found["band"][0]["middle"] < found["band"][-1]["middle"]
    assert found["advice"]["kind"] == "go_on"
    # Of one accuracy one interval: the sentence quotes the one that the overview shows.
    pointer = versions.pointer(made.project.pk)
    assert pointer is not None
    shown = accuracy.page(made.project.pk, pointer.version)["overall"]
    assert (found["advice"]["low"], found["advice"]["high"]) == (shown["low"], shown["high"])
    assert f"{round(100 * shown['low'])} % to" in found["advice"]["sentence"]

    # So few audit images leave a range too wide to tell (`test_forecast.py`): one by hand.
    ahead = forecast.Forecast(58, 68, 108, None, 0.99)
    monkeypatch.setattr(forecast, "forecast", lambda *_, **__: ahead)
    Annotation.objects.filter(project=made.project).update(time_spent_ms=6000)
    overall = compute(made)["overall"]
    assert overall["refusal"] is None
    assert overall["more_labels"] == {"low": 10, "middle": 20, "high": 60}
    # 84 answers of 6 seconds for 48 labels so far: what is to come takes as much each.
    assert overall["answers_a_label"] == pytest.approx(84 / 48)
    assert overall["more_answers"] == pytest.approx({"low": 18, "middle": 35, "high": 100})
    assert overall["minutes"] == pytest.approx({"low": 1.8, "middle": 3.5, "high": 10})
    assert "97 % is likely reached with 10 to 60 more labels" in overall["sentence"]
    assert overall["pictures_left"] == 70 - 48


@pytest.mark.parametrize(
    ("more", "left", "begins", "ends"),
    [
        ((10, 20, 60), 60, "likely reached with 10 to 60 more labels", "these ranges)."),
        ((10, 20, 60), 59, "likely", "Pictures left to label: 59; more of them may be needed."),
        ((10, 20, 60), 9, "likely", "Pictures left to label: 9; more of them are needed."),
        ((0, 20, 60), 80, "perhaps reached already, and likely with up to 60", "these ranges)."),
    ],
)
def test_the_forecast_says_where_there_are_too_few_pictures(
    more: tuple[int, int, int], left: int, begins: str, ends: str
) -> None:
    ranges = dict(zip(("low", "middle", "high"), more, strict=True))
    figures = {"more_labels": ranges, "more_answers": ranges, "minutes": None, "cost": ranges}

    said = outlook_words.forecast({**figures, "pictures_left": left}, 0.9)

    assert said.startswith(f"90 % is {begins}")
    assert said.endswith(ends)


def test_a_forecast_that_the_data_cannot_carry_is_refused_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = make_world(target=None)
    no_target = compute(made)["overall"]
    assert (no_target["refusal"], no_target["labels"]) == ("no_target", None)

    met = compute(made, target_accuracy=0.5)
    assert met["overall"]["refusal"] == "already_there"
    assert met["advice"]["kind"] == "target_met"
    assert "supported" in {row["standing"] for row in met["per_label"]}

    monkeypatch.setattr(selector, "FEWEST_AUDIT", 37)
    few = compute(made)
    assert few["overall"]["refusal"] == "few_audit"
    assert few["overall"]["sentence"].endswith(
        "takes 37 audit images with an agreed label; so far: 36."
    )
    assert {row["standing"] for row in few["per_label"]} == {"unknown"}


def test_without_a_champion_there_is_nothing_to_go_by() -> None:
    embeddings.forget()
    found = compute(World.make(pool=3))
    assert (found["overall"]["refusal"], found["advice"], found["gain"]) == (
        "no_champion", None, None
    )  # fmt: skip


def test_labels_that_were_all_drawn_at_random_are_worth_random_ones() -> None:
    made = make_world()
    found = ground.of_project(made.project.pk, rng=np.random.default_rng(1))
    assert found is not None
    drawn = replace(found, is_random=np.ones(found.n, dtype=np.bool_))

    page = savings.page(drawn, rng=np.random.default_rng(2))

    assert page["ratio_low"] < 1 < page["ratio_high"]
    # 48 labels for 84 answers, audit included; at most all 70 pictures at one answer.
    assert page["low"] < 48 - 84 < page["high"] <= 70 - 84
    # Half of them ask what a head on the other half would lend.
    assert (page["random_labels"], page["answers"]) == (24, 84)
    assert f"{page['random_right']} of the last 24 pictures drawn at random" in page["sentence"]
    # Nobody has drawn any at random here: nothing says how far to trust the classifier.
    assert savings.page(found, rng=np.random.default_rng(2))["refusal"] == "few_random"


def test_figures_are_computed_when_they_are_due_and_staff_read_them() -> None:
    made = make_world(labels=12, audit=3)
    project_id, now = made.project.pk, made.now
    address = f"/api/v1/staff/projects/{made.project.slug}/forecast"
    manager = signed_in(factories.make_member(made.project, "MANAGER"))
    assert manager.get(address).json()["figures"] is None
    assert outlook.is_due(project_id, now=now)
    assert ("outlook", project_id) in [(one.kind, one.project_id) for one in due.find(now=now)]

    assert outlook.update(project_id=project_id, now=now)
    assert not outlook.update(project_id=project_id, now=now)
    later = now + timedelta(seconds=90)
    assert not outlook.is_due(project_id, now=later)
    stored = Outlook.objects.get(project=made.project)
    assert stored.model_version is not None
    assert (stored.target, stored.computed_at) == (0.97, now)
    assert manager.get(address).json()["figures"] == compute(made)
    stranger = signed_in(factories.make_member(made.project, "VOLUNTEER"))
    assert stranger.get(address).status_code in (403, 404)

    Project.objects.filter(pk=project_id).update(target_accuracy=0.7)
    assert outlook.is_due(project_id, now=later)


def test_answers_bring_quick_figures_soon_and_slow_ones_after_ten_minutes() -> None:
    made = make_world(labels=12, audit=3)
    project_id, now = made.project.pk, made.now
    outlook.update(project_id=project_id, now=now)
    rows = Outlook.objects.filter(project=made.project)
    rows.update(seconds=2.0)
    assert not outlook.is_due(project_id, now=now + timedelta(minutes=11)), "nobody has answered"

    made.label_some(1)

    assert not outlook.is_due(project_id, now=now + timedelta(seconds=99))
    assert outlook.is_due(project_id, now=now + timedelta(seconds=100))
    rows.update(seconds=60.0)
    assert not outlook.is_due(project_id, now=now + timedelta(seconds=599))
    assert outlook.is_due(project_id, now=now + timedelta(minutes=10))


def test_a_function_that_does_not_pay_is_set_aside_until_it_may() -> None:
    embeddings.forget()
    project = World.make(pool=3).project
    stored = Outlook(project=project, asked_at=project.created_at)

    def look(chance: float) -> str:
        figures = {"gain": {"chance": chance, "n": 60}}
        outlook.choose(stored, project, figures, project.created_at)
        return stored.fallback

    assert [look(chance) for chance in (0.4, 0.05, 0.4, 0.6)] == [
        "", "max_herding", "max_herding", ""
    ]  # fmt: skip
    stored.save()
    wanted = (selector.fallback(project.pk), selector.fallback(project.pk + 1))
    assert wanted == ("", "")
    events = AuditEvent.objects.filter(project=project, verb="acquisition_fallback")
    assert events.count() == 2
    assert "60 labels" in events.earliest("pk").target


def test_the_fallback_chooses_in_place_of_the_own_function() -> None:
    embeddings.forget()
    project = World.make(pool=3).project
    labeled = acquisition.Labeled(np.arange(90), np.full(3, 30.0))
    own = acquisition.function_name(project, labeled, has_head=True)
    Outlook.objects.create(project=project, asked_at=project.created_at, fallback="max_herding")

    assert own == "uherding"
    assert acquisition.function_name(project, labeled, has_head=True) == "max_herding"


def test_other_pictures_are_drawn_for_those_that_have_no_vector_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = make_world()
    worlds.make_images(made.project, 100)  # 22 unlabeled ones have a vector
    monkeypatch.setattr(ground, "STOP_SET_SIZE", 20)

    found = ground.of_project(made.project.pk, rng=np.random.default_rng(0))

    assert found is not None
    assert (len(found.stop_set), len(found.stop_groups)) == (20, 20)
