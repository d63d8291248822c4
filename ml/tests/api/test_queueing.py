"""Pictures that predict stores and queues: who may, how often, and once."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.utils import timezone

from labeling.tests import factories
from labeling.tests.rows import Image, Project, User
from ml.models import Prediction
from ml.services import idempotency, prediction
from ml.services.prediction import Asker, Question, Queueing, Target, Upload
from ml.tests.api.uploads import opened, queueing, results
from ml.tests.serving.kitchen import (
    GREEN,
    RED,
    Kitchen,
    ask,
    client_with,
    picture,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def open_kitchen(served: Kitchen) -> Kitchen:
    return opened(served)


@pytest.mark.parametrize("queue", ["true", "unsure"])
def test_queueing_needs_the_project_and_the_token(served: Kitchen, queue: str) -> None:
    closed = ask(queueing(served), served.project, picture(), queue=queue)
    Project.objects.update(may_queue_uploads=True)
    without_scope = ask(
        client_with(served.project, "predict"), served.project, picture(), queue=queue
    )

    for refused in (closed, without_scope):
        assert (refused.status_code, refused.json()["code"]) == (403, "queueing_not_allowed")
    assert not Image.objects.exists()
    assert not Prediction.objects.exists()


def test_an_unknown_word_for_queue_is_told_the_words_there_are(open_kitchen: Kitchen) -> None:
    refused = ask(queueing(open_kitchen), open_kitchen.project, picture(), queue="maybe")

    assert refused.status_code == 400
    assert refused.json()["detail"]["queue"] == ['"maybe" is not one of: false, true, unsure.']


def test_a_queued_picture_is_stored_and_waits_for_its_partition(open_kitchen: Kitchen) -> None:
    client = queueing(open_kitchen)
    (one,) = results(ask(client, open_kitchen.project, picture(), queue="true"))

    image = Image.objects.get()
    assert (one["queued"], one["queue_note"]) == (True, None)
    assert (image.source, image.partition) == ("predict", "PENDING")
    assert image.storage_key
    assert Prediction.objects.get().image_id == image.pk


def test_only_unsure_pictures_are_queued_where_that_was_asked(open_kitchen: Kitchen) -> None:
    open_kitchen.promote(open_kitchen.version(threshold=1.01))
    unsure = results(ask(queueing(open_kitchen), open_kitchen.project, picture(), queue="unsure"))
    open_kitchen.promote(open_kitchen.version(threshold=0.1))
    sure = results(
        ask(queueing(open_kitchen), open_kitchen.project, picture(GREEN), queue="unsure")
    )

    assert (unsure[0]["queued"], sure[0]["queued"]) == (True, False)
    assert Image.objects.count() == 1


def test_a_bad_picture_is_not_queued(open_kitchen: Kitchen) -> None:
    bad, good = results(
        ask(queueing(open_kitchen), open_kitchen.project, b"nothing", picture(), queue="true")
    )
    assert "error" in bad
    assert good["queued"]
    assert Image.objects.count() == 1


def test_a_picture_is_kept_once_however_often_it_is_sent(open_kitchen: Kitchen) -> None:
    client = queueing(open_kitchen)
    twice = results(ask(client, open_kitchen.project, picture(), picture(), queue="true"))
    (later,) = results(ask(client, open_kitchen.project, picture(), queue="true"))

    assert [one["queue_note"] and one["queue_note"]["code"] for one in (*twice, later)] == [
        None, "duplicate", "duplicate"
    ]  # fmt: skip
    assert all(one["queued"] for one in (*twice, later))
    assert Image.objects.count() == 1


def test_a_full_hour_answers_without_storing_and_says_when(open_kitchen: Kitchen) -> None:
    Project.objects.update(queued_uploads_per_hour=2)
    client = queueing(open_kitchen)
    pictures = [picture(RED, seed) for seed in range(3)]
    ask(client, open_kitchen.project, pictures[0], queue="true")
    reply = ask(client, open_kitchen.project, *pictures[:3], queue="true")

    duplicate, stored, refused = results(reply)
    assert duplicate["queue_note"]["code"] == "duplicate"
    assert (stored["queued"], stored["queue_note"]) == (True, None)
    assert (refused["queued"], refused["queue_note"]["code"]) == (False, "queue_limit")
    assert refused["top"][0]["label"] == "apple"
    assert 3500 < int(reply.headers["Retry-After"]) <= 3600
    assert int(reply.headers["Retry-After"]) == refused["queue_note"]["retry_after_s"]

    again = ask(client, open_kitchen.project, pictures[1], queue="true")
    assert results(again)[0]["queue_note"]["code"] == "duplicate"
    assert "Retry-After" not in again.headers

    Image.objects.update(created_at=timezone.now() - prediction.HOUR)
    assert results(ask(client, open_kitchen.project, pictures[2], queue="true"))[0]["queued"]
    assert Image.objects.count() == 3


def test_of_two_requests_that_race_with_a_key_one_writes(open_kitchen: Kitchen) -> None:
    """The second arrives while the first is at its slow part: deterministic, no luck needed."""
    project = open_kitchen.project
    target = Target(project.pk, project.mode, project.licence, True, 60)
    question = Question(queue=Queueing.ALL, key="one key")
    asker = Asker(principal="token:1", may_queue=True)
    replies = []

    def send(stream: io.BytesIO) -> None:
        replies.append(
            prediction.answer(
                target=target, uploads=[Upload("a.png", stream)],
                question=question, asker=asker, now=timezone.now(),
            )
        )  # fmt: skip

    class Slow(io.BytesIO):
        """Lets the rival in at its decoding, after two reads for the hash and the key's look-up."""

        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            if self.reads == 3:
                assert not replies
                send(io.BytesIO(picture()))
            return super().read(size)

    send(Slow(picture()))
    assert replies[0] == replies[1]
    assert Prediction.objects.count() == 1
    assert Image.objects.count() == 1


def test_the_loser_of_a_race_gives_the_winners_reply_and_writes_nothing(db: None) -> None:
    now = timezone.now()

    def reply(name: str, make: Any) -> dict[str, Any]:
        return idempotency.first_reply(
            principal="token:1", key="k", request_hash="same", make=make, now=now
        )

    written = []

    def write(name: str) -> dict[str, Any]:
        written.append(name)
        factories.make_user(name)
        return {"by": name}

    def slow() -> Any:
        assert reply("winner", lambda: lambda: write("winner")) == {"by": "winner"}
        return lambda: write("loser")

    assert reply("loser", slow) == {"by": "winner"}
    assert written == ["winner", "loser"]
    assert list(User.objects.values_list("username", flat=True)) == ["winner"]
