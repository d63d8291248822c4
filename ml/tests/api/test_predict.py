"""`predict` at the HTTP boundary: answers, errors, privacy, who may ask."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from labeling.selectors import projects as project_selectors
from labeling.services import schemes
from labeling.tests import factories
from labeling.tests.images.test_pictures import HEIC
from labeling.tests.rows import Image, Project, Token
from ml.models import ModelVersion, Prediction
from ml.services import serving
from ml.tests.inference.tiny import PREPROCESSING
from ml.tests.serving.kitchen import (
    BLUE,
    GREEN,
    GREY,
    LABELS,
    RED,
    Kitchen,
    ask,
    browser_of,
    client_with,
    file,
    picture,
    signed_in,
)

pytestmark = pytest.mark.django_db


def top(reply: Any, place: int = 0) -> str:
    return str(reply.json()["results"][place]["top"][0]["label"])


def test_answers_each_picture_in_its_order(served: Kitchen) -> None:
    reply = ask(
        client_with(served.project, "predict"), served.project, *map(picture, (RED, GREEN, BLUE))
    )

    assert reply.status_code == 200
    assert [top(reply, place) for place in range(3)] == ["apple", "leek", "water"]
    version = ModelVersion.objects.get()
    one = reply.json()["results"][0]
    probabilities = [entry["probability"] for entry in one["top"]]
    assert one["name"] == "0.png"
    assert one["mode"] == "SINGLE"
    assert one["top"][0]["name"] == "Apple"
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)
    assert one["accepted"] is True
    assert one["uncertainty"] == pytest.approx(1 - (probabilities[0] - probabilities[1]))
    assert one["model_version"] == {
        "id": str(version.public_id), "number": 1, "evidence": "PROVISIONAL"
    }  # fmt: skip
    assert (one["queued"], one["queue_note"]) == (False, None)
    assert Prediction.objects.get(public_id=one["id"]).accepted


def test_the_probability_is_the_one_computed_by_hand(served: Kitchen) -> None:
    reply = ask(client_with(served.project, "predict"), served.project, picture(RED))

    import numpy as np

    channels = np.array(RED) / 255
    seen = (channels - PREPROCESSING.mean) / PREPROCESSING.std
    scores = 8.0 * seen / np.linalg.norm(seen)
    wanted = np.exp(scores[0]) / np.exp(scores).sum()
    # One pixel is off by a shade, and the ingest's JPEG by another.
    assert reply.json()["results"][0]["top"][0]["probability"] == pytest.approx(wanted, abs=0.01)


def test_a_picture_of_nothing_known_is_not_accepted(served: Kitchen) -> None:
    served.promote(served.version(threshold=0.99))
    one = ask(client_with(served.project, "predict"), served.project, picture(GREY)).json()

    assert one["results"][0]["top"]
    assert one["results"][0]["accepted"] is False


def test_k_says_how_many_labels_are_named(served: Kitchen) -> None:
    client = client_with(served.project, "predict")
    for k, named in ((1, 1), (2, 2), (3, 3), (100, 3)):
        reply = ask(client, served.project, picture(), k=k)
        assert len(reply.json()["results"][0]["top"]) == named
    for strange in (0, 101, "many"):
        refused = ask(client, served.project, picture(), k=strange)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
        assert "k" in refused.json()["detail"]


def test_a_bad_picture_gets_its_error_while_the_others_are_answered(served: Kitchen) -> None:
    reply = ask(
        client_with(served.project, "predict"),
        served.project,
        picture(RED),
        b"not a picture",
        b"",
        picture(BLUE)[:-80],
        picture(GREEN),
    )

    results = reply.json()["results"]
    assert reply.status_code == 200
    assert [result.get("error", {}).get("code") for result in results] == [
        None, "wrong_type", "empty", "truncated", None
    ]  # fmt: skip
    assert all(set(result) == {"name", "error"} for result in results[1:4])
    assert (top(reply, 0), top(reply, 4)) == ("apple", "leek")
    assert Prediction.objects.count() == 2


@pytest.mark.parametrize(
    ("count", "code"), [(0, "no_images"), (33, "too_many_images"), (201, "too_many_images")]
)
def test_refuses_no_pictures_and_too_many(served: Kitchen, count: int, code: str) -> None:
    refused = ask(client_with(served.project, "predict"), served.project, *[picture()] * count)

    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert set(refused.json()) == {"code", "message", "detail"}
    assert not Prediction.objects.exists()


def test_takes_thirty_two(served: Kitchen) -> None:
    pictures = [picture((RED, GREEN, BLUE)[place % 3], place) for place in range(32)]
    reply = ask(client_with(served.project, "predict"), served.project, *pictures)

    assert [top(reply, place) for place in range(32)] == [LABELS[n % 3] for n in range(32)]


def test_takes_a_single_heic_photograph(served: Kitchen) -> None:
    reply = client_with(served.project, "predict").post(
        f"/api/v1/projects/{served.project.slug}/predict",
        {"image": file(HEIC, "IMG_1.HEIC")},
        format="multipart",
    )

    (one,) = reply.json()["results"]
    assert one["name"] == "IMG_1.HEIC"
    assert one["top"][0]["label"] in LABELS


def test_a_form_that_is_none_is_refused_in_our_words(served: Kitchen) -> None:
    refused = client_with(served.project, "predict").post(
        f"/api/v1/projects/{served.project.slug}/predict", {"images": []}, format="json"
    )
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_media_type")
    assert refused.json()["message"].endswith("Send multipart/form-data.")


def test_there_is_no_answer_without_a_champion(kitchen: Kitchen) -> None:
    refused = ask(client_with(kitchen.project, "predict"), kitchen.project, picture())

    assert (refused.status_code, refused.json()["code"]) == (409, "no_champion")
    assert refused.json()["message"]


def test_a_version_can_be_pinned(served: Kitchen) -> None:
    served.promote(served.version(("water", "apple", "leek")))
    client = client_with(served.project, "predict")

    newest, by_query, by_field = (
        ask(client, served.project, picture(RED)),
        ask(client, served.project, picture(RED), query="?version=1"),
        ask(client, served.project, picture(RED), version=1),
    )

    assert [top(reply) for reply in (newest, by_query, by_field)] == ["water", "apple", "apple"]
    assert newest.json()["results"][0]["model_version"]["number"] == 2
    assert by_query.json()["results"][0]["model_version"]["number"] == 1


def test_a_pinned_version_that_is_not_there_is_refused(served: Kitchen) -> None:
    served.promote(served.version())
    ModelVersion.objects.filter(number=1).update(head=None)
    client = client_with(served.project, "predict")

    pruned = ask(client, served.project, picture(), query="?version=1")
    unknown = ask(client, served.project, picture(), query="?version=99")
    strange = ask(client, served.project, picture(), query="?version=newest")

    assert (pruned.status_code, pruned.json()["code"]) == (410, "version_pruned")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_such_version")
    assert (strange.status_code, strange.json()["code"]) == (400, "invalid")


def test_says_when_a_version_has_been_proven_and_a_label_renamed(served: Kitchen) -> None:
    client = client_with(served.project, "predict")
    ask(client, served.project, picture())
    ModelVersion.objects.update(evidence="PROVEN")
    scheme = project_selectors.current_scheme(served.project.pk)
    schemes.rename_label(label_id=scheme.label_ids[0], name="Red apple", now=timezone.now())

    for query in ("", "?version=1"):
        one = ask(client, served.project, picture(), query=query).json()["results"][0]
        assert one["model_version"]["evidence"] == "PROVEN"
        assert one["top"][0] == {
            "label": "apple", "name": "Red apple", "probability": one["top"][0]["probability"]
        }  # fmt: skip


def test_without_queueing_nothing_of_a_picture_is_stored(served: Kitchen) -> None:
    Project.objects.update(may_queue_uploads=True)
    before = stored_files()
    ask(client_with(served.project, "predict", "queue"), served.project, picture())

    assert not Image.objects.exists()
    assert stored_files() == before
    assert Prediction.objects.get().image_id is None


def stored_files() -> list[str]:
    def walk(folder: str) -> list[str]:
        folders, files = default_storage.listdir(folder)
        return [f"{folder}/{name}" for name in files] + [
            found for name in folders for found in walk(f"{folder}/{name}")
        ]

    return sorted(walk("."))


# --- who may ask -------------------------------------------------------------------------------


def test_a_token_needs_the_scope(served: Kitchen) -> None:
    refused = ask(client_with(served.project, "read", "queue"), served.project, picture())
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert "predict" in refused.json()["message"]


def test_a_token_expires(served: Kitchen) -> None:
    client = client_with(served.project, "predict", ttl=timedelta(days=1))
    assert ask(client, served.project, picture()).status_code == 200
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    refused = ask(client, served.project, picture())
    assert (refused.status_code, refused.json()["code"]) == (401, "authentication_failed")


def test_a_stranger_is_asked_for_a_token(served: Kitchen, client: Any) -> None:
    from rest_framework.test import APIClient

    refused = ask(APIClient(), served.project, picture())
    assert refused.status_code == 401
    assert refused.json()["code"] == "not_authenticated"
    assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_another_project_does_not_exist_for_a_token(served: Kitchen) -> None:
    other = Kitchen.make()
    user = factories.make_member(served.project, "MANAGER")
    bound = client_with(other.project, "predict", user=user)
    outsider = client_with(None, "predict", member_of=other.project)

    for client in (bound, outsider):
        refused = ask(client, served.project, picture())
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert (
        ask(client_with(None, "predict", user=user), served.project, picture()).status_code == 200
    )


def test_a_busy_client_is_told_how_long_to_wait(
    served: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "labeling.api.throttling.SteadyThrottle.THROTTLE_RATES", {"predict": "2/min"}
    )
    client = client_with(served.project, "predict")
    codes = [ask(client, served.project, picture()).status_code for _ in range(2)]
    refused = ask(client, served.project, picture())

    assert codes == [200, 200]
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert 0 < int(refused.headers["Retry-After"]) <= 61


def test_a_joined_browser_asks_with_its_csrf_token_only(served: Kitchen) -> None:
    browser = browser_of(factories.make_annotator(served.project), csrf=True)
    refused = ask(browser, served.project, picture())
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")

    browser.cookies["csrftoken"] = "a" * 32
    browser.credentials(HTTP_X_CSRFTOKEN="a" * 32)
    assert top(ask(browser, served.project, picture())) == "apple"


def test_a_member_asks_without_a_token(served: Kitchen) -> None:
    browser = signed_in(factories.make_member(served.project, "VOLUNTEER"))
    assert top(ask(browser, served.project, picture(GREEN))) == "leek"
    stranger = signed_in(factories.make_user())
    assert ask(stranger, served.project, picture()).status_code == 404


# --- labels ------------------------------------------------------------------------------------


def labels(client: Any, project: Project) -> Any:
    return client.get(f"/api/v1/projects/{project.slug}/labels")


def test_lists_the_labels_before_there_is_a_champion(kitchen: Kitchen) -> None:
    annotator = factories.make_annotator(kitchen.project)
    body = labels(browser_of(annotator), kitchen.project).json()

    assert body["champion"] is None
    assert body["labels"] == [{"code": code, "name": code.title()} for code in LABELS]
    assert (body["mode"], body["scheme_version"], body["may_queue"]) == ("SINGLE", 1, False)


def test_lists_the_version_that_would_answer(served: Kitchen) -> None:
    Project.objects.update(may_queue_uploads=True)
    for scopes, may_queue in (
        (("predict", "queue"), True),
        (("predict",), False),
        (("read",), False),
    ):
        body = labels(client_with(served.project, *scopes), served.project).json()
        assert body["champion"]["number"] == 1
        assert body["champion"]["evidence"] == "PROVISIONAL"
        assert body["may_queue"] is may_queue
    assert labels(client_with(served.project, "export"), served.project).status_code == 403


# --- keys --------------------------------------------------------------------------------------


def test_the_same_key_gives_the_same_reply(served: Kitchen) -> None:
    client, key = client_with(served.project, "predict"), str(uuid.uuid4())
    first = ask(client, served.project, picture(), key=key)
    served.promote(served.version(("water", "apple", "leek")))
    again = ask(client, served.project, picture(), key=key)

    assert again.json() == first.json()
    assert Prediction.objects.count() == 1


def test_a_key_with_another_request_is_refused(served: Kitchen) -> None:
    client, key = client_with(served.project, "predict"), str(uuid.uuid4())
    ask(client, served.project, picture(RED), key=key)
    for refused in (
        ask(client, served.project, picture(GREEN), key=key),
        ask(client, served.project, picture(RED), key=key, k=1),
        ask(client, served.project, picture(RED), key=key, query="?version=1"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "key_reused")


def test_keys_of_different_tokens_never_meet(served: Kitchen) -> None:
    key = str(uuid.uuid4())
    first = ask(client_with(served.project, "predict"), served.project, picture(RED), key=key)
    other = ask(client_with(served.project, "predict"), served.project, picture(GREEN), key=key)
    assert (top(first), top(other)) == ("apple", "leek")


def test_a_key_is_kept_for_a_day(served: Kitchen) -> None:
    from ml.models import IdempotentReply

    client, key = client_with(served.project, "predict"), str(uuid.uuid4())
    ask(client, served.project, picture(RED), key=key)
    IdempotentReply.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert top(ask(client, served.project, picture(GREEN), key=key)) == "leek"
    assert IdempotentReply.objects.count() == 1


def test_a_refusal_is_not_kept_under_a_key(kitchen: Kitchen) -> None:
    client, key = client_with(kitchen.project, "predict"), str(uuid.uuid4())
    assert ask(client, kitchen.project, picture(), key=key).status_code == 409
    kitchen.open()
    assert ask(client, kitchen.project, picture(), key=key).status_code == 200


def test_a_key_that_is_too_long_is_refused(served: Kitchen) -> None:
    refused = ask(client_with(served.project, "predict"), served.project, picture(), key="x" * 81)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")


def test_a_host_without_the_backbone_says_so(served: Kitchen, settings: Any) -> None:
    serving.forget()
    for path in settings.BACKBONE_DIR.iterdir():
        path.unlink()
    for name in default_storage.listdir("backbones")[1]:
        default_storage.delete(f"backbones/{name}")
    refused = ask(client_with(served.project, "predict"), served.project, picture())
    assert (refused.status_code, refused.json()["code"]) == (503, "backbone_missing")
