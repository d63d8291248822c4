"""`predict` where a picture may bear several labels."""

from __future__ import annotations

from typing import Any

import pytest

from labeling.tests import factories
from labeling.tests.rows import Annotation, Image, Project
from ml.models import Prediction
from ml.services import feedback
from ml.tests.serving.kitchen import (
    BLUE,
    RED,
    YELLOW,
    Kitchen,
    ask,
    client_with,
    picture,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def several(kitchen: Kitchen) -> Kitchen:
    return kitchen.open_several()


def test_a_picture_of_two_things_gets_both_labels(several: Kitchen) -> None:
    client = client_with(several.project, "predict")

    yellow, red = ask(client, several.project, picture(YELLOW), picture(RED)).json()["results"]

    assert yellow["mode"] == "MULTI"
    assert set(yellow["labels"]) == {"apple", "leek"}
    assert red["labels"] == ["apple"]
    said = [entry["probability"] for entry in yellow["top"]]
    assert said == sorted(said, reverse=True)
    assert sum(said) > 1.5
    assert [entry["accepted"] for entry in yellow["top"]] == [True, True, False]
    assert yellow["accepted"] is True


def test_all_accepted_labels_come_however_few_were_asked_for(several: Kitchen) -> None:
    reply = ask(client_with(several.project, "predict"), several.project, picture(YELLOW), k=1)

    (one,) = reply.json()["results"]
    assert len(one["top"]) == 2
    assert len(one["labels"]) == 2


def test_a_label_without_a_threshold_is_never_accepted(several: Kitchen) -> None:
    client = client_with(several.project, "predict")

    (blue,) = ask(client, several.project, picture(BLUE)).json()["results"]

    assert blue["top"][0]["label"] == "water"
    assert blue["top"][0]["probability"] > 0.9
    assert (blue["labels"], blue["accepted"]) == ([], False)


def test_uncertainty_is_that_of_the_most_doubtful_label(several: Kitchen) -> None:
    (one,) = ask(client_with(several.project, "predict"), several.project, picture(YELLOW)).json()[
        "results"
    ]

    doubts = [1 - abs(2 * entry["probability"] - 1) for entry in one["top"]]
    assert one["uncertainty"] == pytest.approx(max(doubts))


def test_a_stored_answer_keeps_its_set(several: Kitchen) -> None:
    client = client_with(several.project, "predict")
    (one,) = ask(client, several.project, picture(YELLOW)).json()["results"]

    again = client.get(f"/api/v1/predictions/{one['id']}").json()

    assert again["labels"] == one["labels"]
    assert again["top"] == one["top"]


def test_feedback_on_one_label_is_no_answer_to_all(several: Kitchen) -> None:
    Project.objects.filter(pk=several.project.pk).update(may_queue_uploads=True)
    client: Any = client_with(several.project, "predict", "queue")
    ask(client, several.project, picture(YELLOW), queue="true")
    row = Prediction.objects.get()
    assert row.image is not None
    Image.objects.filter(pk=row.image.pk).update(partition="POOL", inclusion_probability=0.88)
    annotator = factories.make_annotator(several.project)

    given = feedback.give(
        prediction_id=row.pk,
        annotator_id=annotator.pk,
        right=True,
        label_code=None,
        now=row.created_at,
    )

    assert given.answer == feedback.AnswerState.NOT_STORED
    assert not Annotation.objects.exists()
