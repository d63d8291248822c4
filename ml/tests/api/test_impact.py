"""What a volunteer is told of their answers: counts, and the classifier where it is shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from labeling.tests import worlds
from labeling.tests.rows import Annotator
from ml.models import ModelVersion
from ml.tests.api.audited import Audited
from ml.tests.serving.kitchen import LABELS, Kitchen, browser_of

pytestmark = pytest.mark.django_db
WRONG = (*LABELS[1:], LABELS[0])
"""A version that takes every label for another."""


@pytest.fixture
def volunteer(audited: Audited) -> Annotator:
    """Joined an hour ago."""
    joined = timezone.now() - timedelta(hours=1)
    who = worlds.make_annotator(audited.project, "Vera")
    Annotator.objects.filter(pk=who.pk).update(created_at=joined)
    return who


def told(who: Annotator, audited: Audited) -> dict[str, Any]:
    response = browser_of(who).get(f"/api/v1/projects/{audited.project.slug}/impact")
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def served_before(audited: Audited, version: ModelVersion) -> None:
    """Let a version have served two hours ago, before the one that serves now."""
    ModelVersion.objects.filter(pk=version.pk).update(
        promoted_at=timezone.now() - timedelta(hours=2)
    )


def test_answers_are_counted_and_said_in_true_sentences(
    audited: Audited, volunteer: Annotator
) -> None:
    empty = told(volunteer, audited)
    audited.answer(audited.images["apple", "apple"][0], "apple", by=volunteer)
    audited.answer(audited.images["apple", "apple"][1], "leek", by=volunteer)
    audited.answer(audited.images["apple", "leek"][0], None, by=volunteer)

    found = told(volunteer, audited)

    assert (empty["answers"], empty["resolved"]) == (0, 0)
    assert (found["answers"], found["images"], found["days"]) == (3, 3, 1)
    assert found["agreed"] <= found["resolved"] <= 2
    assert found["sentences"][0] == "You have answered 3 images."


def test_the_classifier_is_said_to_be_better_only_where_it_is_shown(
    audited: Audited, volunteer: Annotator
) -> None:
    served_before(audited, audited.kitchen.version(WRONG))
    # 5 images that only the version of now gets right are not enough: e = 10 < 20.
    too_few = told(volunteer, audited)
    for image in audited.add("leek", 4):
        audited.answer(image, "leek")
    enough = told(volunteer, audited)

    assert too_few["accuracy"] is None
    assert "better" not in " ".join(too_few["sentences"])
    assert enough["accuracy"]["is_better"] is True
    then, now = enough["accuracy"]["then"], enough["accuracy"]["now"]
    assert then["estimate"] < now["estimate"]
    assert then["n"] == now["n"]
    assert now["low"] < now["estimate"] < now["high"]
    assert "better than when you joined" in enough["sentences"][-1]


def test_who_joined_before_the_first_classifier_hears_only_how_good_it_is(
    audited: Audited, volunteer: Annotator
) -> None:
    few = told(volunteer, audited)
    for image in audited.add("leek", 3):
        audited.answer(image, "leek")
    found = told(volunteer, audited)

    assert found["accuracy"] is None
    assert "never learned from" in found["sentences"][-1]
    # Seven audit images were too few for any figure.
    assert few["accuracy"] is None
    assert "too few images" in few["sentences"][-1]
    assert " of 100" not in " ".join(few["sentences"])


def test_a_worse_classifier_is_not_praised(audited: Audited, volunteer: Annotator) -> None:
    served_before(audited, audited.version)
    for image in audited.add("leek", 10):
        audited.answer(image, "leek")
    audited.kitchen.promote(audited.kitchen.version(WRONG))

    found = told(volunteer, audited)

    assert found["accuracy"] is None
    assert "better" not in " ".join(found["sentences"])


def test_without_a_classifier_nothing_is_claimed(kitchen: Kitchen) -> None:
    who = worlds.make_annotator(kitchen.project)
    response = browser_of(who).get(f"/api/v1/projects/{kitchen.project.slug}/impact")

    assert response.json()["accuracy"] is None
    assert "not been measured" in response.json()["sentences"][-1]
