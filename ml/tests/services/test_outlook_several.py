"""The way to a target where pictures may show several labels: all of a picture's labels right."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.tests.rows import Annotation, Project
from ml.evaluation import forecast
from ml.selectors import accuracy, embeddings, ground, outlook_words, versions
from ml.selectors import outlook as selector
from ml.tests.loop.test_several_labels import Landscapes

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> Landscapes:
    embeddings.forget()
    made = Landscapes(pool=110, audit=40, noise=0.9, target_accuracy=0.95)
    made.answer([*made.pool[:70], *made.audit])
    made.refit()
    return made


def test_the_curve_counts_pictures_with_all_labels_right_as_the_overview_does(
    world: Landscapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = selector.compute(world.project.pk)

    assert (found["is_several"], found["labels"], found["audit_images"]) == (True, 70, 40)
    assert [point["labels"] for point in found["curve"]] == [14, 21, 29, 39, 50, 60, 70]
    assert found["curve"][0]["accuracy"] < found["curve"][-1]["accuracy"]
    pointer = versions.pointer(world.project.pk)
    assert pointer is not None
    shown = accuracy.page(world.project.pk, pointer.version)["overall"]
    assert found["curve"][-1]["accuracy"] == pytest.approx(shown["estimate"], abs=0.051)
    assert (found["advice"]["low"], found["advice"]["high"]) == (shown["low"], shown["high"])
    assert "get all their labels right" in found["advice"]["sentence"]
    assert found["per_label"] == []
    assert (found["savings"]["refusal"], found["gain"]) == ("multi_label", None)

    # So few audit images leave a range too wide to tell: one by hand.
    ahead = forecast.Forecast(80, 90, 130, None, 0.99)
    monkeypatch.setattr(forecast, "forecast", lambda *_, **__: ahead)
    Annotation.objects.filter(project=world.project).update(time_spent_ms=6000)
    overall = selector.compute(world.project.pk)["overall"]
    assert overall["more_labels"] == {"low": 10, "middle": 20, "high": 60}
    # 110 answers of 6 seconds for 70 labeled pictures.
    assert overall["more_answers"] == pytest.approx({"low": 16, "middle": 31, "high": 94})
    assert overall["minutes"] == pytest.approx({"low": 1.6, "middle": 3.1, "high": 9.4})
    assert overall["sentence"].startswith(
        "All labels right in 95 % of pictures is likely reached with 10 to 60 more labeled pictures"
    )
    assert overall["pictures_left"] == 40


def test_a_target_that_the_data_cannot_carry_is_refused(world: Landscapes) -> None:
    Project.objects.filter(pk=world.project.pk).update(target_accuracy=None)
    assert selector.compute(world.project.pk)["overall"]["refusal"] == "no_target"
    Project.objects.filter(pk=world.project.pk).update(target_accuracy=0.05)
    assert selector.compute(world.project.pk)["overall"]["refusal"] == "already_there"


def test_before_a_classifier_there_is_nothing_to_go_by() -> None:
    embeddings.forget()
    found = selector.compute(Landscapes(pool=3).project.pk)

    assert found["overall"]["refusal"] == "no_champion"
    assert found["savings"]["refusal"] == "multi_label"


def test_a_head_is_right_only_with_every_label_that_anybody_was_asked_about(
    world: Landscapes,
) -> None:
    found = ground.of_project(world.project.pk, rng=np.random.default_rng(1))
    assert found is not None
    assert found.shown is not None
    head = found.head(np.arange(found.n))
    said = world.said(world.audit) > 0.5
    expected = [(said[at] == world.shows[image.pk]).all() for at, image in enumerate(world.audit)]
    order = [int(key) for key in found.measured.image_ids]
    by_image = dict(zip([image.pk for image in world.audit], expected, strict=True))

    assert found.right(head).mean() == pytest.approx(
        np.mean([by_image[key] for key in order]), abs=0.1
    )
    (first, second), k = ground.said_by([head, head], found.stop_set)
    assert first.tolist() == second.tolist()
    assert k <= 8
    found.shown[:] = 0.5
    assert found.right(head).all()


def test_the_words_of_one_label_an_image_stay() -> None:
    ranges = {"low": 1.0, "middle": 2.0, "high": 3.0}
    figures = {"more_labels": ranges, "more_answers": ranges, "minutes": None, "cost": ranges}
    said = outlook_words.forecast({**figures, "pictures_left": 9}, 0.9)
    assert said.startswith("90 % is likely reached with 1 to 3 more labels, that is")
