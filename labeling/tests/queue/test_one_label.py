"""Questions about one label: does this picture show milk? Yes, no, can't tell."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeling.models import (
    Annotation,
    AnnotationLabel,
    Annotator,
    Assignment,
    Consensus,
    ConsensusState,
    Image,
    Partition,
    Project,
    QueueEntry,
)
from labeling.selectors import consensus as consensus_selectors
from labeling.selectors import doubts, exports, questions
from labeling.services import annotations as annotation_service
from labeling.services import queue
from labeling.services.answers import InvalidAnswerError
from labeling.services.queue import RefillEntry
from labeling.tests.worlds import (
    NOW,
    active,
    claim,
    direct,
    later,
    make_annotator,
    make_images,
    make_project,
    make_scheme,
    submit,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.test import APIClient

    Browser = Callable[[Annotator], APIClient]

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(mode="MULTI", votes_audit=1)


def ask(image: Image, label: str = "soy-milk") -> int:
    return queue.refill(
        project_id=image.project_id,
        entries=[RefillEntry(image.pk, 0.0, 1.0, questions.policy(label))],
        policy="uherding 1",
        model_version=None,
        now=NOW,
    )


def held(annotator: Annotator, client: str = "tab") -> Assignment:
    return claim(annotator, count=1, client=client)[0]


def posterior(image: Image) -> list[float]:
    row = Consensus.objects.get(image=image)
    found: list[float] = np.frombuffer(bytes(row.posterior), dtype=np.float32).tolist()
    return found


@pytest.mark.parametrize(("kind", "known"), [("YES", 0.75), ("NO", 0.25), ("UNSURE", 0.5)])
def test_an_answer_is_evidence_for_that_label_alone(
    project: Project, kind: str, known: float
) -> None:
    (image,) = make_images(project, 1)
    ask(image)

    submit(held(make_annotator(project)), kind=kind)

    assert posterior(image) == [0.5, known, 0.5]
    said = AnnotationLabel.objects.get(annotation__image=image)
    assert (said.label.code, said.value) == ("soy-milk", kind)
    row = Consensus.objects.get(image=image)
    assert (row.state, row.n_votes) == (ConsensusState.OPEN, 0)
    taught = consensus_selectors.training_rows(project.pk)
    assert taught.posteriors.tolist() == ([] if kind == "UNSURE" else [[0.5, known, 0.5]])


def test_whoever_is_asked_about_all_labels_still_decides_the_picture() -> None:
    project = make_project(mode="MULTI", votes_audit=1, vote_cap_pool=4)
    (image,) = make_images(project, 1)
    active(project, [make_annotator(project, name) for name in ("Flo", "Gus", "Hal", "Ida")])
    ask(image)
    submit(held(make_annotator(project)), kind="YES")

    direct(make_annotator(project, "Ben"), image, "milk")

    row = Consensus.objects.get(image=image)
    assert (row.state, row.n_votes) == (
        ConsensusState.OPEN,
        1,
    )  # One yes, one no: soy milk is tied.
    assert posterior(image) == [0.75, 0.5, 0.25]
    direct(make_annotator(project, "Eve"), image, "soy milk")
    assert Consensus.objects.get(image=image).state == ConsensusState.OPEN  # Milk is tied now.
    direct(make_annotator(project, "Joe"), image, "soy milk")
    row = Consensus.objects.get(image=image)
    assert row.state == ConsensusState.RESOLVED
    assert posterior(image) == pytest.approx([0.375, 0.7, 0.125])


def test_a_question_is_asked_as_often_as_an_image_needs_votes(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(votes_pool=2)
    (image,) = make_images(project, 1)
    people = [make_annotator(project, name) for name in ("Ada", "Ben", "Eve")]
    active(project, people)
    ask(image)

    submit(held(people[0]), kind="YES")

    assert posterior(image) == [0.5, 0.5, 0.5]  # One of two: nothing is learned from it yet.
    assert QueueEntry.objects.get(image=image).state == "OPEN"
    submit(held(people[1]), kind="YES")
    assert posterior(image) == pytest.approx([0.5, 5 / 6, 0.5])
    assert QueueEntry.objects.get(image=image).state == "CLOSED"


def test_an_undo_takes_the_evidence_back_and_asks_the_same_question(project: Project) -> None:
    (image,) = make_images(project, 1)
    ask(image)
    ada = make_annotator(project)
    said = submit(held(ada), kind="YES").annotation

    undone = annotation_service.undo(
        annotator_id=ada.pk, annotation_public_id=said.public_id, key=uuid.uuid4(), now=later(1)
    )

    assert posterior(image) == [0.5, 0.5, 0.5]
    assert undone.assignment is not None
    assert questions.asked_code(undone.assignment.policy) == "soy-milk"
    submit(undone.assignment, kind="NO", now=later(2))
    assert posterior(image) == [0.5, 0.25, 0.5]


def test_a_retry_stores_one_answer(project: Project) -> None:
    (image,) = make_images(project, 1)
    ask(image)
    assignment, key = held(make_annotator(project)), uuid.uuid4()

    first = submit(assignment, kind="NO", key=key)
    again = submit(assignment, kind="NO", key=key)

    assert again.is_repeat
    assert first.annotation.pk == again.annotation.pk
    assert Annotation.objects.filter(image=image).count() == 1


@pytest.mark.parametrize("kind", ["LABEL", "NONE_OF_THESE", "CANT_TELL"])
def test_an_answer_about_the_picture_is_refused_where_one_label_was_asked(
    project: Project, kind: str
) -> None:
    (image,) = make_images(project, 1)
    ask(image)
    assignment = held(make_annotator(project))

    with pytest.raises(InvalidAnswerError, match="soy-milk alone"):
        submit(assignment, "milk", kind=kind)

    submit(assignment, kind="SKIP")
    assert Annotation.objects.get(image=image).kind == "SKIP"


def test_yes_is_refused_where_the_picture_was_asked(project: Project) -> None:
    make_images(project, 1)

    with pytest.raises(InvalidAnswerError, match="about the picture"):
        submit(held(make_annotator(project)), kind="YES")


def test_a_label_retired_meanwhile_leaves_the_picture_to_be_answered(project: Project) -> None:
    (image,) = make_images(project, 1)
    ask(image)
    assignment = held(make_annotator(project))
    make_scheme(project, ["milk", "oat milk"])

    submit(assignment, "milk")

    assert Consensus.objects.get(image=image).state == ConsensusState.RESOLVED


def test_an_answer_about_a_label_removed_meanwhile_is_told_so(project: Project) -> None:
    (image,) = make_images(project, 1)
    ask(image)
    assignment = held(make_annotator(project))
    make_scheme(project, ["milk", "oat milk"])

    with pytest.raises(InvalidAnswerError, match=r"soy-milk was removed .* Reload the page"):
        submit(assignment, "soy milk", kind="YES")


def test_no_audit_image_is_ever_asked_about_one_label(project: Project) -> None:
    (image,) = make_images(project, 1, Partition.AUDIT)

    assert ask(image) == 0


def test_an_export_says_what_was_said_of_the_label_and_names_no_set(project: Project) -> None:
    (image,) = make_images(project, 1)
    ask(image)
    submit(held(make_annotator(project)), kind="NO")

    (answer,) = exports.answer_rows(project.pk)
    (row,) = exports.image_rows(project.pk)

    assert (answer["kind"], answer["labels"]) == ("NO", {"soy-milk": "NO"})
    assert (row["state"], row["label"], row["label_set"]) == ("OPEN", None, None)


def test_the_page_is_told_which_label_and_nothing_of_why(
    project: Project, client_for: Browser
) -> None:
    first = make_images(project, 2)[0]
    browser, path = client_for(make_annotator(project)), f"/api/v1/projects/{project.slug}"
    ask(first)
    queue.top_up_now(project_id=project.pk, now=NOW)

    (asked,) = post(browser, f"{path}/assignments", client="tab", count=1)["assignments"]

    assert asked["asks"] == "soy-milk"
    assert "policy" not in asked
    said = {"assignment": asked["id"], "key": str(uuid.uuid4()), "kind": "YES", "client": "tab"}
    answered = post(browser, f"{path}/annotations", **said)
    assert answered["annotation"]["labels"] == ["soy-milk"]
    assert "soy milk" in answered["after"]["sentence"]
    assert [one["asks"] for one in answered["assignments"]] == [None]


def post(browser: APIClient, path: str, **body: Any) -> Any:
    reply = browser.post(path, body, format="json")
    assert reply.status_code in (200, 201), reply.content
    return reply.json()


def test_a_second_opinion_of_one_label_confirms_it_or_asks_for_the_picture_again(
    project: Project,
) -> None:
    kept, doubted = make_images(project, 2)
    ada, ben = make_annotator(project), make_annotator(project, "Ben")
    active(project, [ada, ben, make_annotator(project, "Cleo")])
    for image in (kept, doubted):
        direct(ada, image, "milk")
    assert questions.may_be_asked_again([kept.pk, doubted.pk]) == {kept.pk, doubted.pk}
    again = questions.policy_again("milk")
    entries = [RefillEntry(image.pk, -image.pk, 1.0, again) for image in (kept, doubted)]

    opened = queue.refill(
        project_id=project.pk, entries=entries, policy="uherding 1", model_version=None, now=NOW
    )

    assert opened == 2
    submit(held(ben), kind="YES")
    submit(held(ben), kind="NO")
    assert Consensus.objects.get(image=kept).state == ConsensusState.RESOLVED
    assert posterior(kept) == pytest.approx([5 / 6, 0.25, 0.25])
    assert Consensus.objects.get(image=doubted).state == ConsensusState.OPEN
    assert posterior(doubted) == [0.5, 0.25, 0.25]
    assert not QueueEntry.objects.filter(project=project, state="OPEN").exists()
    assert questions.asked_again(project.pk) == 2
    found = doubts.found(project.pk)
    assert (found.is_several, found.asked, found.answered, found.otherwise) == (True, 2, 2, 1)


def test_second_opinions_are_counted_among_themselves(project: Project) -> None:
    ada = make_annotator(project)
    policies = [questions.policy("milk")] * 1500 + [questions.policy_again("milk")]
    Assignment.objects.bulk_create(
        Assignment(
            project=project,
            image=image,
            annotator=ada,
            state="ANSWERED",
            reason="ACQUIRED",
            policy=policy,
            selection_probability=1.0,
            serve_number=place,
            created_at=NOW,
            expires_at=NOW,
        )
        for place, (image, policy) in enumerate(
            zip(make_images(project, len(policies)), policies, strict=True)
        )
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    with CaptureQueriesContext(connection) as asked:
        assert questions.asked_again(project.pk) == 1

    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {asked[0]['sql']}")
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
    assert "assignment_asked_again" in plan


def test_a_quarrel_about_one_label_goes_to_experts_where_nobody_is_left_to_ask(
    project: Project,
) -> None:
    """Both have answered, and nobody is asked about a picture twice: it stayed open for ever."""
    (image,) = make_images(project, 1)
    ada, ben = make_annotator(project), make_annotator(project, "Ben")
    active(project, [ada, ben])
    direct(ada, image, "milk")
    again = [RefillEntry(image.pk, 0.0, 1.0, questions.policy_again("milk"))]
    queue.refill(
        project_id=project.pk, entries=again, policy="uherding 1", model_version=None, now=NOW
    )

    submit(held(ben), kind="NO")

    assert Consensus.objects.get(image=image).state == ConsensusState.DISPUTED
    assert QueueEntry.objects.get(project=project, state="OPEN").reason == "DISPUTE"
