from __future__ import annotations

import uuid

import pytest

from labeling.models import (
    Annotation,
    AnnotationLabel,
    Assignment,
    AssignmentState,
    Consensus,
    ConsensusState,
    Image,
    Membership,
    Mode,
    Partition,
    QueueEntry,
    Reason,
    Role,
    User,
)
from labeling.services import annotations as annotation_service
from labeling.services import queue
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
    top_up,
)

pytestmark = pytest.mark.django_db


def test_stores_an_answer_and_resolves_the_image() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    held = claim(make_annotator(project))[0]
    stored = submit(held, "soy milk")
    assert not stored.is_repeat
    assert AnnotationLabel.objects.get(annotation=stored.annotation).label.code == "soy-milk"
    held.refresh_from_db()
    assert held.state == AssignmentState.ANSWERED
    found = Consensus.objects.get(image=image)
    assert (found.state, found.label and found.label.code) == (ConsensusState.RESOLVED, "soy-milk")
    assert not QueueEntry.objects.filter(image=image, state="OPEN").exists()


def test_tells_who_listens_once_it_is_committed(
    django_capture_on_commit_callbacks: object,
) -> None:
    from labeling import events

    heard: list[int] = []

    def listen(sender: object, annotation_id: int, **_: object) -> None:
        heard.append(annotation_id)

    project = make_project()
    make_images(project, 1)
    held = claim(make_annotator(project))[0]
    events.annotation_submitted.connect(listen)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        stored = submit(held)
        assert heard == []
    assert heard == [stored.annotation.pk]


def test_gives_the_first_result_again_for_the_same_key() -> None:
    project = make_project()
    make_images(project, 1)
    held, key = claim(make_annotator(project))[0], uuid.uuid4()
    first = submit(held, key=key)
    again = submit(held, key=key, now=later(4000))
    assert again.is_repeat
    assert again.annotation.pk == first.annotation.pk
    assert Annotation.objects.count() == 1


def test_refuses_a_key_that_comes_with_another_answer() -> None:
    project = make_project()
    make_images(project, 1)
    held, key = claim(make_annotator(project))[0], uuid.uuid4()
    submit(held, "milk", key=key)
    with pytest.raises(annotation_service.KeyReusedError):
        submit(held, "soy milk", key=key)


def test_refuses_a_second_answer_to_an_image() -> None:
    project = make_project()
    make_images(project, 1)
    held = claim(make_annotator(project))[0]
    submit(held, "milk")
    with pytest.raises(annotation_service.AlreadyAnsweredError):
        submit(held, "soy milk")


def test_refuses_the_assignment_of_another_person() -> None:
    project = make_project()
    make_images(project, 1)
    held = claim(make_annotator(project, "Bea"))[0]
    held.annotator = make_annotator(project, "Ada")
    with pytest.raises(annotation_service.AssignmentNotFoundError):
        submit(held)


def test_accepts_an_expired_assignment_while_the_image_is_free() -> None:
    project = make_project()
    make_images(project, 1)
    held = claim(make_annotator(project))[0]
    queue.expire(now=later(301))
    submit(held, now=later(400))
    assert Consensus.objects.get().state == ConsensusState.RESOLVED


def test_refuses_an_expired_assignment_that_somebody_else_holds() -> None:
    project = make_project()
    make_images(project, 1)
    held = claim(make_annotator(project, "Bea"))[0]
    queue.expire(now=later(301))
    claim(make_annotator(project, "Ada"), now=later(302))
    with pytest.raises(annotation_service.AssignmentExpiredError, match="somebody else"):
        submit(held, now=later(400))
    assert Annotation.objects.count() == 0


def test_refuses_an_expired_assignment_that_somebody_else_has_answered() -> None:
    project = make_project()
    make_images(project, 1)
    held = claim(make_annotator(project, "Bea"))[0]
    queue.expire(now=later(301))
    submit(claim(make_annotator(project, "Ada"), now=later(302))[0], now=later(303))
    with pytest.raises(annotation_service.AssignmentExpiredError):
        submit(held, now=later(400))


def test_accepts_an_expired_assignment_whose_image_left_the_queue_undecided() -> None:
    project = make_project()
    make_images(project, 1)
    held = claim(make_annotator(project))[0]
    queue.expire(now=later(301))
    QueueEntry.objects.update(state="CLOSED")
    submit(held, now=later(400))
    assert Consensus.objects.get().state == ConsensusState.RESOLVED


@pytest.mark.parametrize(
    ("kind", "label", "says"),
    [
        ("LABEL", None, "label is missing"),
        ("LABEL", "cat", "Not a label"),
        ("UNDO", None, "Unknown kind"),
        ("FLAG", None, "needs its reason"),
    ],
)
def test_refuses_an_answer_that_says_nothing(kind: str, label: str | None, says: str) -> None:
    project = make_project()
    make_images(project, 1)
    held = claim(make_annotator(project))[0]
    with pytest.raises(annotation_service.InvalidAnswerError, match=says):
        submit(held, label, kind=kind)
    held.refresh_from_db()
    assert held.state == AssignmentState.OPEN


def test_refuses_a_label_that_was_retired() -> None:
    project = make_project()
    make_images(project, 1)
    held = claim(make_annotator(project))[0]
    make_scheme(project, ["milk", "oat milk"])
    with pytest.raises(annotation_service.InvalidAnswerError, match="soy-milk"):
        submit(held, "soy milk")


def test_takes_several_labels_only_where_the_project_does() -> None:
    for mode, is_taken in ((Mode.SINGLE, False), (Mode.MULTI, True)):
        project = make_project(mode=mode)
        (image,) = make_images(project, 1)
        ada = make_annotator(project)
        try:
            annotation_service.record_direct(
                annotator_id=ada.pk,
                image_id=image.pk,
                kind="LABEL",
                label_codes=["milk", "oat-milk"],
                key=uuid.uuid4(),
                now=NOW,
            )
        except annotation_service.InvalidAnswerError:
            assert not is_taken
        else:
            assert is_taken


def test_a_flag_takes_the_image_out_of_the_queue() -> None:
    project = make_project(votes_pool=3)
    (image,) = make_images(project, 1)
    held = claim(make_annotator(project))[0]
    submit(held, kind="FLAG", flag_reason="PERSON")
    assert Image.objects.get(pk=image.pk).flagged_at == NOW
    assert not QueueEntry.objects.filter(state="OPEN").exists()
    assert claim(make_annotator(project, "Bea")) == []


def test_a_skip_leaves_the_image_to_others() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    ada = make_annotator(project, "Ada")
    submit(claim(ada)[0], kind="SKIP")
    assert claim(ada) == []
    assert [one.image_id for one in claim(make_annotator(project, "Bea"))] == [image.pk]


def test_asks_as_many_people_as_the_audit_policy_wants() -> None:
    project = make_project(audit_serving_share=1.0, votes_audit=3)
    make_images(project, 1, Partition.AUDIT)
    people = [make_annotator(project, name) for name in ("Ada", "Bea", "Cem", "Dot")]
    active(project, people)
    held = [claim(who) for who in people]
    assert [len(one) for one in held] == [1, 1, 1, 0]
    for (one,) in held[:3]:
        submit(one)
    found = Consensus.objects.get(image=held[0][0].image)
    assert (found.state, found.n_votes, found.effective_votes) == ("RESOLVED", 3, 3.0)


def test_keeps_asking_until_people_agree() -> None:
    project = make_project(votes_pool=2, vote_cap_pool=3)
    people = [make_annotator(project, name) for name in ("Ada", "Bea", "Cem")]
    active(project, people)
    (image,) = make_images(project, 1)
    submit(claim(people[0])[0], "milk")
    submit(claim(people[1])[0], "oat milk")
    assert Consensus.objects.get(image=image).state == ConsensusState.OPEN
    submit(claim(people[2])[0], "oat milk")
    assert Consensus.objects.get(image=image).state == ConsensusState.RESOLVED


def test_a_dispute_goes_to_an_expert_whose_answer_decides() -> None:
    project = make_project(votes_pool=2, vote_cap_pool=2, dispute_serving_share=1.0)
    people = [make_annotator(project, name) for name in ("Ada", "Bea", "Cem")]
    active(project, people)
    (image,) = make_images(project, 1)
    submit(claim(people[0])[0], "milk")
    submit(claim(people[1])[0], "oat milk")
    assert Consensus.objects.get(image=image).state == ConsensusState.DISPUTED
    assert QueueEntry.objects.get(state="OPEN").reason == Reason.DISPUTE
    assert claim(people[2]) == []
    user = User.objects.create(username="eve")
    Membership.objects.create(project=project, user=user, role=Role.EXPERT, created_at=NOW)
    submit(claim(make_annotator(project, "Eve", user=user))[0], "soy milk")
    found = Consensus.objects.get(image=image)
    assert (found.state, found.is_expert) == (ConsensusState.RESOLVED, True)
    assert found.label is not None
    assert found.label.code == "soy-milk"
    assert not QueueEntry.objects.filter(state="OPEN").exists()


def test_an_answer_given_elsewhere_takes_the_image_out_of_the_window() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    top_up(project)
    ada = make_annotator(project)
    claim(ada)
    direct(ada, image)
    assert Assignment.objects.get().state == AssignmentState.RELEASED
    assert not QueueEntry.objects.filter(state="OPEN").exists()


def test_refuses_a_late_answer_where_only_an_expert_is_waited_for() -> None:
    project = make_project(votes_pool=2, vote_cap_pool=2)
    people = [make_annotator(project, name) for name in ("Ada", "Bea", "Cem")]
    active(project, people)
    (image,) = make_images(project, 1)
    late = claim(people[2])[0]
    queue.release(annotator_id=people[2].pk, now=NOW)
    direct(people[0], image, "milk")
    direct(people[1], image, "oat milk")
    assert QueueEntry.objects.get(image=image, state="OPEN").reason == Reason.DISPUTE
    with pytest.raises(annotation_service.AssignmentExpiredError):
        submit(late)
