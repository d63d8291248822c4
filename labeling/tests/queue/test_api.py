from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from labeling.models import (
    Annotation,
    Annotator,
    Assignment,
    Consensus,
    Image,
    ImagePrior,
    LabelScheme,
    Membership,
    Partition,
    Project,
    QueueEntry,
    Reason,
    Role,
    User,
)
from labeling.services import image_priors, queue
from labeling.tests.factories import make_member
from labeling.tests.worlds import NOW, active, direct, make_annotator, make_images, make_project

pytestmark = pytest.mark.django_db
Browser = Callable[..., APIClient]


@pytest.fixture
def world() -> Project:
    return make_project()


@pytest.fixture
def ada(world: Project) -> Annotator:
    return make_annotator(world, "Ada")


@pytest.fixture
def browser(client_for: Browser, ada: Annotator) -> APIClient:
    return client_for(ada)


def post(browser: APIClient, project: Project, path: str, **body: Any) -> Any:
    return browser.post(f"/api/v1/projects/{project.slug}/{path}", body, format="json")


def answer(browser: APIClient, project: Project, assignment: str, **more: Any) -> Any:
    body = {"kind": "LABEL", "labels": ["milk"], "key": str(uuid.uuid4()), "client": "tab", **more}
    return post(browser, project, "annotations", assignment=assignment, **body)


def held(browser: APIClient, project: Project) -> list[dict[str, Any]]:
    return list(post(browser, project, "assignments", client="tab").json()["assignments"])


def test_claims_answers_and_gets_the_next_image(browser: APIClient, world: Project) -> None:
    make_images(world, 5)
    claimed = post(browser, world, "assignments", client="tab").json()
    assert len(claimed["assignments"]) == 3
    assert claimed["done"] is None
    assert claimed["progress"] == {"labeled": 0, "total": 5, "mine": 0, "skipped": 0}
    first = claimed["assignments"][0]
    answered = answer(browser, world, first["id"], time_spent_ms=800, shown={"order": [1]})
    assert answered.status_code == 201
    body = answered.json()
    assert body["annotation"]["labels"] == ["milk"]
    assert body["annotation"]["image"] == first["image"]
    assert body["progress"] == {"labeled": 1, "total": 5, "mine": 1, "skipped": 0}
    ids = [one["id"] for one in body["assignments"]]
    assert ids[:2] == [one["id"] for one in claimed["assignments"][1:]]
    assert len(ids) == 3


def test_who_joined_stays_that_person_beside_a_login_and_after_it(
    browser: APIClient, world: Project
) -> None:
    make_images(world, 5)
    first, second, _ = held(browser, world)
    answer(browser, world, first["id"])

    # The staff link, opened in another tab of the same browser.
    browser.force_login(make_member(world, Role.MANAGER))

    assert answer(browser, world, second["id"]).status_code == 201
    assert {row.annotator.display_name for row in Annotation.objects.all()} == {"Ada"}
    page = browser.get(f"/api/v1/projects/{world.slug}/labeling").json()
    assert page["progress"]["mine"] == 2
    assert browser.get(f"/api/v1/staff/projects/{world.slug}").status_code == 200

    browser.post("/api/v1/session/logout")
    after = browser.get("/api/v1/session").json()
    assert (after["user"], after["annotators"][0]["display_name"]) == (None, "Ada")
    browser.post("/api/v1/session/logout")
    assert browser.get("/api/v1/session").json()["annotators"] == []


def test_a_retry_gives_the_first_answer(browser: APIClient, world: Project) -> None:
    make_images(world, 5)
    first, key = held(browser, world)[0]["id"], str(uuid.uuid4())
    stored = answer(browser, world, first, key=key, time_spent_ms=800)
    again = answer(browser, world, first, key=key, time_spent_ms=2400)
    assert (stored.status_code, again.status_code) == (201, 200)
    assert again.json()["annotation"] == stored.json()["annotation"]
    assert len(again.json()["assignments"]) == 3
    assert Annotation.objects.count() == 1


def test_a_key_with_another_answer_is_refused(browser: APIClient, world: Project) -> None:
    make_images(world, 5)
    first, key = held(browser, world)[0]["id"], str(uuid.uuid4())
    answer(browser, world, first, key=key)
    refused = answer(browser, world, first, key=key, labels=["oat-milk"])
    assert (refused.status_code, refused.json()["code"]) == (409, "key_reused")


def test_an_expired_and_taken_assignment_is_refused_with_a_reason(
    browser: APIClient, world: Project
) -> None:
    make_images(world, 1)
    first = held(browser, world)[0]["id"]
    Assignment.objects.update(expires_at=NOW)
    queue.expire(now=NOW)
    direct(make_annotator(world, "Bea"), Image.objects.get())
    refused = answer(browser, world, first)
    assert (refused.status_code, refused.json()["code"]) == (409, "assignment_expired")
    assert "somebody else" in refused.json()["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"labels": ["cat"]},
        {"labels": []},
        {"kind": "UNDO"},
        {"kind": "FLAG", "labels": []},
        {"client": "a b"},
        {"key": "1"},
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(
    browser: APIClient, world: Project, body: dict[str, Any]
) -> None:
    make_images(world, 1)
    refused = answer(browser, world, held(browser, world)[0]["id"], **body)
    assert refused.status_code == 400
    assert refused.json()["code"] in {"invalid", "invalid_answer"}


@pytest.mark.parametrize(
    "shown",
    [
        '{"x": NaN}',
        '{"x": "\\ud800"}',
        '{"x": "\\u0000"}',
        '{"x": ' + "[" * 9000 + "]" * 9000 + "}",
        '{"x": "' + "a" * 30_000 + '"}',
    ],
    ids=["no number", "half a character", "NUL", "too deep", "a book"],
)
def test_what_no_database_stores_is_refused(browser: APIClient, world: Project, shown: str) -> None:
    make_images(world, 1)
    first = held(browser, world)[0]["id"]
    refused = browser.generic(
        "POST",
        f"/api/v1/projects/{world.slug}/annotations",
        f'{{"assignment":"{first}","key":"{uuid.uuid4()}","kind":"LABEL","labels":["milk"],'
        f'"client":"tab","shown":{shown}}}',
        content_type="application/json",
    )
    assert refused.status_code == 400
    assert Annotation.objects.count() == 0


def test_the_usual_way_answers_as_the_short_one_does(browser: APIClient, world: Project) -> None:
    make_images(world, 8)
    first, second, *_ = held(browser, world)
    short = answer(browser, world, first["id"])
    # A field the page never sends makes the request take the usual way.
    usual = answer(browser, world, second["id"], from_elsewhere=1)
    assert short.status_code == usual.status_code == 201
    assert shape(short.json())["annotation"] == shape(usual.json())["annotation"]
    assert short.json().keys() == usual.json().keys()
    assert short["Content-Type"] == usual["Content-Type"]
    refused = answer(browser, world, first["id"])
    refused_usually = answer(browser, world, first["id"], from_elsewhere=1)
    assert refused.status_code == refused_usually.status_code == 409
    assert refused.json() == refused_usually.json()


def test_undo_gives_the_image_again(browser: APIClient, world: Project) -> None:
    make_images(world, 5)
    first = held(browser, world)[0]
    stored = answer(browser, world, first["id"]).json()["annotation"]
    undone = post(browser, world, f"annotations/{stored['id']}/undo", key=str(uuid.uuid4()))
    assert undone.status_code == 200
    assert undone.json()["assignment"]["image"] == first["image"]
    assert undone.json()["progress"]["mine"] == 0
    assert browser.get(f"/api/v1/projects/{world.slug}/annotations?mine=1").json() == {
        "results": []
    }


def test_lists_the_own_answers_newest_first(browser: APIClient, world: Project) -> None:
    make_images(world, 5)
    direct(make_annotator(world, "Bea"), Image.objects.latest("pk"))
    stored = [
        answer(browser, world, one["id"]).json()["annotation"] for one in held(browser, world)
    ]
    listed = browser.get(f"/api/v1/projects/{world.slug}/annotations?mine=1").json()["results"]
    assert [one["id"] for one in listed] == [one["id"] for one in reversed(stored)]


def test_renews_and_gives_back(browser: APIClient, world: Project, ada: Annotator) -> None:
    make_images(world, 5)
    held(browser, world)
    assert "expires_at" in post(browser, world, "assignments/renew", client="tab").json()
    assert post(browser, world, "assignments/release", client="other").status_code == 204
    assert Assignment.objects.filter(state="OPEN").count() == 3
    assert post(browser, world, "assignments/release", client="tab").status_code == 204
    assert Assignment.objects.filter(state="OPEN").count() == 0


def test_a_page_loaded_anew_finds_what_its_beacon_was_giving_back(
    browser: APIClient, world: Project
) -> None:
    make_images(world, 9)
    before = [one["id"] for one in held(browser, world)]
    left = post(browser, world, "assignments/release", client="tab", may_return="true")
    assert left.status_code == 204
    assert [one["id"] for one in held(browser, world)] == before


def test_a_beacon_gives_back_with_its_token_in_the_form(
    client_for: Browser, world: Project, ada: Annotator
) -> None:
    make_images(world, 5)
    browser = client_for(ada, csrf=True)
    queue.claim(project_id=world.pk, annotator_id=ada.pk, count=3, client="tab", now=NOW)
    address = f"/api/v1/projects/{world.slug}/assignments/release"
    token = "a" * 32
    browser.cookies["csrftoken"] = token
    form = {"client": "tab"}
    assert browser.post(address, form, format="multipart").status_code == 403
    form["csrfmiddlewaretoken"] = token
    assert browser.post(address, form, format="multipart").status_code == 204
    assert Assignment.objects.filter(state="OPEN").count() == 0


def test_the_page_gets_everything_in_few_queries(
    browser: APIClient, world: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make_images(world, 5)
    with django_assert_max_num_queries(14):
        page = browser.get(f"/api/v1/projects/{world.slug}/labeling").json()
    assert [label["code"] for label in page["labels"]] == ["milk", "soy-milk", "oat-milk"]
    assert [special["kind"] for special in page["specials"]] == [
        "SKIP",
        "CANT_TELL",
        "NONE_OF_THESE",
    ]
    assert page["annotator"]["display_name"] == "Ada"
    assert page["project"]["client_window"] == 3
    assert page["progress"] == {"labeled": 0, "total": 5, "mine": 0, "skipped": 0}


def test_a_stranger_sees_no_project(client_for: Browser, world: Project) -> None:
    other = make_annotator(make_project(), "Mallory")
    for browser in (client_for(), client_for(other)):
        answer = browser.get(f"/api/v1/projects/{world.slug}/labeling")
        assert answer.status_code in {401, 403, 404}
        assert post(browser, world, "assignments", client="tab").status_code in {401, 403, 404}


# --- rule 7: the page tells nothing before the answer ---------------------------------------


def given_for(reason: str, client_for: Browser) -> tuple[Any, APIClient, Project]:
    """Claim one image whose stream is `reason`, as a member who may get disputes too."""
    is_audit = reason == Reason.AUDIT
    project = make_project(client_window=1, dispute_serving_share=float(reason == Reason.DISPUTE))
    make_images(project, 1, Partition.AUDIT if is_audit else Partition.POOL)
    image = Image.objects.get(project=project)
    user = User.objects.create(username=f"expert of {project.pk}")
    Membership.objects.create(project=project, user=user, role=Role.EXPERT, created_at=NOW)
    QueueEntry.objects.create(
        project=project,
        image=image,
        reason=reason,
        priority=1.5,
        open_slots=1,
        selection_probability=0.5,
        policy="margin 1",
        model_version=uuid.uuid4() if reason == Reason.ACQUIRED else None,
        created_at=NOW,
    )
    Project.objects.filter(pk=project.pk).update(
        audit_serving_share=float(is_audit),
        random_arm_share=float(reason == Reason.RANDOM),
        gold_serving_share=float(reason == Reason.GOLD),
    )
    browser = client_for(user)
    return post(browser, project, "assignments", client="tab"), browser, project


def shape(value: Any) -> Any:
    """The keys and the kinds of values, without the values."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return f"{type(value).__name__} {len(value)}" if isinstance(value, str) else value


def test_nothing_tells_one_reason_from_another_before_the_answer(client_for: Browser) -> None:
    payloads, headers = [], []
    for reason in Reason.values:
        claimed, _, project = given_for(reason, client_for)
        assert Assignment.objects.get(project=project).reason == reason
        payloads.append(shape(claimed.json()))
        headers.append(dict(claimed.headers.items()))
    assert len(payloads[0]["assignments"]) == 1
    assert all(payload == payloads[0] for payload in payloads)
    assert all(header == headers[0] for header in headers)


def test_asking_again_tells_nothing_either(client_for: Browser) -> None:
    shapes = []
    for reason in Reason.values:
        claimed, browser, project = given_for(reason, client_for)
        first = claimed.json()["assignments"][0]["id"]
        again = post(browser, project, "assignments", client="tab")
        assert [one["id"] for one in again.json()["assignments"]] == [first]
        shapes.append((shape(again.json()), dict(again.headers.items())))
    assert all(one == shapes[0] for one in shapes)


def test_a_claim_takes_as_long_for_every_reason(client_for: Browser) -> None:
    """The same statements whatever the stream, so there is nothing to time."""
    statements = {}
    for reason in (Reason.ACQUIRED, Reason.AUDIT, Reason.RANDOM, Reason.GOLD):
        _, browser, project = given_for(reason, client_for)
        post(browser, project, "assignments/release", client="tab")
        who = Annotator.objects.get(project=project).pk
        with CaptureQueriesContext(connection) as queries:
            claimed = queue.claim(
                project_id=project.pk, annotator_id=who, count=1, client="tab", now=NOW
            )
        assert len(claimed.assignments) == 1
        statements[reason] = [query["sql"].split(None, 1)[0] for query in queries]
    assert len({tuple(one) for one in statements.values()}) == 1


def test_only_an_acquired_image_explains_itself_after_the_answer(client_for: Browser) -> None:
    said = {}
    for reason in Reason.values:
        claimed, browser, project = given_for(reason, client_for)
        if reason != Reason.AUDIT:
            image_priors.store(
                project_id=project.pk,
                scheme_id=LabelScheme.objects.get(project=project).pk,
                image_ids=[Image.objects.get(project=project).pk],
                probabilities=_row(),
                model_version=uuid.uuid4(),
                now=NOW,
            )
        answered = answer(browser, project, claimed.json()["assignments"][0]["id"])
        said[reason] = answered.json()["after"]["sentence"]
    assert ImagePrior.objects.count() == 4
    assert said[Reason.ACQUIRED] == "The classifier was torn between soy milk and oat milk."
    others = {said[reason] for reason in Reason.values if reason != Reason.ACQUIRED}
    assert len(others) == 1
    assert "classifier" not in others.pop()


def _row() -> Any:
    import numpy as np

    return np.array([[0.1, 0.5, 0.4]], dtype=np.float32)


# --- experts ----------------------------------------------------------------------------------


@pytest.fixture
def disputed(world: Project) -> Image:
    Project.objects.filter(pk=world.pk).update(votes_pool=2, vote_cap_pool=2)
    people = [make_annotator(world, name) for name in ("Bea", "Cem")]
    active(world, people)
    (image,) = make_images(world, 1)
    direct(people[0], image, "milk")
    direct(people[1], image, "oat milk")
    return image


def test_an_expert_decides_a_dispute_blind(
    client_for: Browser, world: Project, disputed: Image
) -> None:
    user = User.objects.create(username="eve")
    Membership.objects.create(project=world, user=user, role=Role.EXPERT, created_at=NOW)
    browser = client_for(user)
    address = f"/api/v1/projects/{world.slug}/expert"
    listed = browser.get(address).json()["items"]
    assert [row["image"]["id"] for row in listed] == [str(disputed.public_id)]
    assert listed[0].keys() == {"image"}
    decided = browser.post(
        f"{address}/{disputed.public_id}", {"kind": "LABEL", "label": "oat-milk"}, format="json"
    )
    assert decided.status_code == 201
    assert decided.json()["answers"] == [
        {"label": "milk", "kind": "LABEL", "count": 1},
        {"label": "oat-milk", "kind": "LABEL", "count": 1},
    ]
    assert browser.get(address).json()["items"] == []
    found = Consensus.objects.get(image=disputed)
    assert found.label is not None
    assert found.label.code == "oat-milk"


def test_a_volunteer_sees_no_disputes(browser: APIClient, world: Project) -> None:
    assert browser.get(f"/api/v1/projects/{world.slug}/expert").status_code == 403


def test_there_is_one_address_for_experts_questions(client_for: Browser, world: Project) -> None:
    user = User.objects.create(username="eve")
    Membership.objects.create(project=world, user=user, role=Role.EXPERT, created_at=NOW)
    assert client_for(user).get(f"/api/v1/projects/{world.slug}/disputes").status_code == 404
