"""`predict` answers with a group of labels where no label is likely enough."""

from __future__ import annotations

import pytest
from django.utils import timezone

from labeling.services import label_groups
from ml.tests.serving.kitchen import BLUE, RED, YELLOW, Kitchen, ask, client_with, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def grouped(kitchen: Kitchen) -> Kitchen:
    kitchen.open()
    label_groups.set_groups(
        project_id=kitchen.project.pk,
        group_of={"apple": "Produce", "leek": "Produce"},
        now=timezone.now(),
    )
    return kitchen


def test_backs_off_to_the_group_where_no_label_is_certain_enough(grouped: Kitchen) -> None:
    client = client_with(grouped.project, "predict")

    red, yellow = ask(client, grouped.project, picture(RED), picture(YELLOW)).json()["results"]

    assert (red["answer"]["label"], red["answer"]["level"]) == ("apple", "label")
    assert red["answer"]["probability"] == red["top"][0]["probability"]
    assert yellow["accepted"] is False
    assert (yellow["answer"]["label"], yellow["answer"]["level"]) == ("produce", "group")
    both = {row["label"]: row["probability"] for row in yellow["top"]}
    assert yellow["answer"]["probability"] == pytest.approx(both["apple"] + both["leek"])


def test_a_stored_answer_keeps_its_group(grouped: Kitchen) -> None:
    client = client_with(grouped.project, "predict")
    (yellow,) = ask(client, grouped.project, picture(YELLOW)).json()["results"]

    again = client.get(f"/api/v1/predictions/{yellow['id']}").json()

    assert again["answer"] == yellow["answer"]


def test_answers_with_nothing_where_no_group_is_certain_enough(grouped: Kitchen) -> None:
    grouped.promote(grouped.version(threshold=0.99999))
    client = client_with(grouped.project, "predict")

    (blue,) = ask(client, grouped.project, picture(BLUE)).json()["results"]

    assert blue["top"][0]["label"] == "water"
    assert blue["answer"] is None
