"""A prediction afterwards: who sees it, what people said, what became of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from labeling.services import images
from labeling.tests import factories, worlds
from labeling.tests.rows import Annotation, Image
from ml import tasks
from ml.services import retention
from ml.tests.api.uploads import decide, opened, queueing, results
from ml.tests.serving.kitchen import (
    BLUE,
    Kitchen,
    ask,
    browser_of,
    client_with,
    picture,
    signed_in,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def open_kitchen(served: Kitchen) -> Kitchen:
    return opened(served)


def look(client: Any, one: dict[str, Any] | str) -> Any:
    public_id = one if isinstance(one, str) else one["id"]
    return client.get(f"/api/v1/predictions/{public_id}")


def say(client: Any, one: dict[str, Any], **body: Any) -> Any:
    return client.post(f"/api/v1/predictions/{one['id']}/feedback", body, format="json")


def test_a_prediction_can_be_read_again(open_kitchen: Kitchen) -> None:
    client = client_with(open_kitchen.project, "predict")
    (one,) = results(ask(client, open_kitchen.project, picture(), k=2))
    again = look(client, one).json()

    assert again["project"] == open_kitchen.project.slug
    for name in ("id", "mode", "top", "accepted", "uncertainty", "model_version", "queued"):
        assert again[name] == one[name]
    assert (again["feedback"], again["human"]) == (None, None)


def test_the_human_answer_appears_once_people_agree(open_kitchen: Kitchen) -> None:
    client = queueing(open_kitchen)
    (one,) = results(ask(client, open_kitchen.project, picture(), queue="true"))
    decide(open_kitchen, "POOL")
    assert look(client, one).json()["human"] is None

    worlds.direct(factories.make_annotator(open_kitchen.project), Image.objects.get(), "leek")

    human = look(client, one).json()["human"]
    assert (human["state"], human["label"], human["name"]) == ("RESOLVED", "leek", "Leek")
    assert human["resolved_at"]


def test_only_the_asker_and_managers_see_a_prediction(open_kitchen: Kitchen) -> None:
    project = open_kitchen.project
    asker = browser_of(factories.make_annotator(project))
    (one,) = results(ask(asker, project, picture()))

    assert look(asker, one).status_code == 200
    for role in ("MANAGER", "OWNER"):
        assert look(signed_in(factories.make_member(project, role)), one).status_code == 200
    for nobody in (
        browser_of(factories.make_annotator(project)),
        signed_in(factories.make_member(project, "EXPERT")),
        signed_in(factories.make_user()),
        client_with(project, "predict"),
        client_with(Kitchen.make().project, "predict"),
    ):
        refused = look(nobody, one)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
        assert say(nobody, one, right=True).status_code == 404
    missing = look(asker, "00000000-0000-4000-8000-000000000000")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_a_tokens_prediction_is_its_own(open_kitchen: Kitchen) -> None:
    user = factories.make_member(open_kitchen.project, "VOLUNTEER")
    mine = client_with(open_kitchen.project, "predict", user=user)
    other = client_with(open_kitchen.project, "predict", user=user)
    (one,) = results(ask(mine, open_kitchen.project, picture()))

    assert look(mine, one).status_code == 200
    assert look(other, one).status_code == 404
    assert look(signed_in(user), one).status_code == 404


def test_feedback_is_kept_once(open_kitchen: Kitchen) -> None:
    client = client_with(open_kitchen.project, "predict")
    (one,) = results(ask(client, open_kitchen.project, picture()))

    first = say(client, one, right=False, label="leek")
    again = say(client, one, right=False, label="leek")
    other = say(client, one, right=True)

    assert first.status_code == 200
    assert (first.json()["right"], first.json()["label"]) == (False, "leek")
    assert first.json()["answer"] == "not_stored"
    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, "feedback_given")
    assert look(client, one).json()["feedback"]["label"] == "leek"


def test_wrong_may_be_said_without_knowing_better(open_kitchen: Kitchen) -> None:
    client = client_with(open_kitchen.project, "predict")
    (one,) = results(ask(client, open_kitchen.project, picture()))
    assert say(client, one, right=False).json()["label"] is None


def test_right_names_the_likeliest_label(open_kitchen: Kitchen) -> None:
    client = client_with(open_kitchen.project, "predict")
    (one,) = results(ask(client, open_kitchen.project, picture(BLUE)))
    assert say(client, one, right=True).json()["label"] == "water"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"right": False, "label": "cat"}, "unknown_label"),
        ({"right": True, "label": "leek"}, "invalid"),
        ({"right": False, "label": "apple"}, "invalid"),
        ({"label": "leek"}, "invalid"),
        ({}, "invalid"),
    ],
)
def test_feedback_that_makes_no_sense_is_refused(
    open_kitchen: Kitchen, body: dict[str, Any], code: str
) -> None:
    client = client_with(open_kitchen.project, "predict")
    (one,) = results(ask(client, open_kitchen.project, picture()))
    refused = say(client, one, **body)

    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert look(client, one).json()["feedback"] is None


def queue_from_a_browser(kitchen: Kitchen) -> tuple[Any, Any, dict[str, Any]]:
    annotator = factories.make_annotator(kitchen.project)
    browser = browser_of(annotator)
    (one,) = results(ask(browser, kitchen.project, picture(), queue="true"))
    return annotator, browser, one


def test_feedback_waits_for_the_partition_and_becomes_an_answer(open_kitchen: Kitchen) -> None:
    annotator, browser, one = queue_from_a_browser(open_kitchen)
    assert say(browser, one, right=False, label="leek").json()["answer"] == "waiting"
    tasks.settle_feedback()
    assert not Annotation.objects.exists()

    decide(open_kitchen, "POOL")
    tasks.settle_feedback()
    tasks.settle_feedback()

    answer = Annotation.objects.get()
    assert (answer.annotator_id, answer.kind) == (annotator.pk, "LABEL")
    assert [row.label.code for row in answer.labels.all()] == ["leek"]
    assert say(browser, one, right=False, label="leek").json()["answer"] == "recorded"
    assert look(browser, one).json()["human"]["label"] == "leek"


def test_feedback_on_a_decided_picture_is_an_answer_at_once(open_kitchen: Kitchen) -> None:
    _, browser, one = queue_from_a_browser(open_kitchen)
    decide(open_kitchen, "POOL")
    assert say(browser, one, right=True).json()["answer"] == "recorded"
    assert Annotation.objects.count() == 1


@pytest.mark.parametrize("is_decided_first", [True, False])
def test_the_audit_slice_never_takes_feedback(
    open_kitchen: Kitchen, is_decided_first: bool
) -> None:
    _, browser, one = queue_from_a_browser(open_kitchen)
    if is_decided_first:
        decide(open_kitchen, "AUDIT")
    say(browser, one, right=True)
    decide(open_kitchen, "AUDIT")
    tasks.settle_feedback()

    assert not Annotation.objects.exists()
    assert say(browser, one, right=True).json()["answer"] == "not_stored"
    assert look(browser, one).json()["feedback"]["right"] is True


def test_a_second_opinion_of_one_person_stays_feedback(open_kitchen: Kitchen) -> None:
    annotator, browser, one = queue_from_a_browser(open_kitchen)
    decide(open_kitchen, "POOL")
    worlds.direct(annotator, Image.objects.get(), "water")
    assert say(browser, one, right=True).json()["answer"] == "not_stored"
    assert Annotation.objects.count() == 1


def test_a_managers_feedback_leaves_the_prediction_to_its_asker(open_kitchen: Kitchen) -> None:
    _, browser, one = queue_from_a_browser(open_kitchen)
    decide(open_kitchen, "POOL")
    manager = factories.make_member(open_kitchen.project, "MANAGER")

    assert say(signed_in(manager), one, right=True).json()["answer"] == "recorded"

    assert Annotation.objects.get().annotator.user_id == manager.pk
    assert look(browser, one).status_code == 200


def test_a_clients_feedback_is_no_persons_answer(open_kitchen: Kitchen) -> None:
    client = queueing(open_kitchen)
    (one,) = results(ask(client, open_kitchen.project, picture(), queue="true"))
    decide(open_kitchen, "POOL")
    assert say(client, one, right=True).json()["answer"] == "not_stored"
    assert not Annotation.objects.exists()


def test_a_removed_picture_takes_no_answer(open_kitchen: Kitchen) -> None:
    _, browser, one = queue_from_a_browser(open_kitchen)
    say(browser, one, right=True)
    images.remove_image(image_id=Image.objects.get().pk, user_id=None, now=timezone.now())
    decide(open_kitchen, "POOL")
    tasks.settle_feedback()
    assert not Annotation.objects.exists()


def test_after_ninety_days_only_what_somebody_came_back_to_is_kept(
    open_kitchen: Kitchen, settings: Settings
) -> None:
    client = queueing(open_kitchen)
    ((plain,), (told,), (queued,)) = (
        results(ask(client, open_kitchen.project, picture(BLUE))),
        results(ask(client, open_kitchen.project, picture(BLUE))),
        results(ask(client, open_kitchen.project, picture(), queue="true")),
    )
    say(client, told, right=True)
    now = timezone.now()
    almost, after = now + timedelta(days=89), now + timedelta(days=91)

    retention.drop_stale(now=almost)
    assert look(client, plain).status_code == 200
    settings.PREDICTION_DAYS = 0
    retention.drop_stale(now=after)
    assert look(client, plain).status_code == 200
    settings.PREDICTION_DAYS = 90
    dropped = retention.drop_stale(now=after)

    assert dropped.predictions == 1
    assert [look(client, one).status_code for one in (plain, told, queued)] == [404, 200, 200]


def test_replies_to_retries_are_dropped_after_a_day_and_not_before(open_kitchen: Kitchen) -> None:
    client = client_with(open_kitchen.project, "predict")
    ask(client, open_kitchen.project, picture(), key="once")
    now = timezone.now()

    assert retention.drop_stale(now=now + timedelta(hours=23)).replies == 0
    assert retention.drop_stale(now=now + timedelta(hours=25)).replies == 1
