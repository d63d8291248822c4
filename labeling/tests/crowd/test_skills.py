from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest

from labeling.models import AnnotationKind, Annotator, AnnotatorSkill, Consensus, Image, Partition
from labeling.services import annotations as annotation_service
from labeling.tests.crowd.crowds import assert_sums_hold, rows
from labeling.tests.worlds import NOW, direct, make_annotator, make_images, make_project

pytestmark = pytest.mark.django_db


def test_one_vote_alone_tells_nothing_about_its_author() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    direct(make_annotator(project), image)
    assert not AnnotatorSkill.objects.exists()
    assert Consensus.objects.get().counted is None


def test_a_second_vote_tells_about_both() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    ada, bea = make_annotator(project), make_annotator(project)
    direct(ada, image)
    direct(bea, image)
    for row in AnnotatorSkill.objects.all():
        assert row.n_right > 0.9
        assert row.n_right + row.n_wrong == pytest.approx(1)
        assert row.by_label["milk"][0] == pytest.approx(row.n_right)
    assert set(AnnotatorSkill.objects.values_list("annotator_id", flat=True)) == {ada.pk, bea.pk}


def test_who_disagrees_with_two_others_is_mostly_wrong() -> None:
    project = make_project(votes_pool=3)
    (image,) = make_images(project, 1)
    people = [make_annotator(project) for _ in range(3)]
    for who, label in zip(people, ("milk", "milk", "soy milk"), strict=True):
        direct(who, image, label)
    skill = AnnotatorSkill.objects.get(annotator=people[2])
    assert skill.n_wrong > 0.8
    assert skill.confusions["milk>soy-milk"] > 0.8


def test_an_expert_tells_about_everyone_who_answered() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    ada, expert = make_annotator(project), make_annotator(project, "Expert")
    direct(ada, image)
    adjudicate(expert, image, "soy-milk")
    assert rows(project.pk) == {ada.pk: (0.0, 1.0, {"soy-milk>milk": 1.0})}


def test_can_not_tell_is_neither_right_nor_wrong() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    ada, expert = make_annotator(project), make_annotator(project, "Expert")
    direct(ada, image, kind="CANT_TELL")
    adjudicate(expert, image, "milk")
    assert not AnnotatorSkill.objects.exists()


def test_none_of_these_can_be_right() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    ada, expert = make_annotator(project), make_annotator(project, "Expert")
    direct(ada, image, kind="NONE_OF_THESE")
    annotation_service.adjudicate(
        project_id=project.pk,
        image_id=image.pk,
        annotator_id=expert.pk,
        kind=AnnotationKind.NONE_OF_THESE,
        label_code=None,
        now=NOW,
    )
    assert rows(project.pk)[ada.pk] == (1.0, 0.0, {">": 1.0})


def test_undo_takes_back_exactly_what_an_answer_had_added() -> None:
    project = make_project(votes_pool=3)
    first, second = make_images(project, 2)
    ada, bea, cem = (make_annotator(project) for _ in range(3))
    for who in (ada, bea):
        direct(who, first)
    before = rows(project.pk)
    direct(ada, second, "soy milk")
    answer = direct(cem, second, "milk")
    assert rows(project.pk) != before
    undo(answer)
    assert_equal(rows(project.pk), before, but=cem.pk)


def test_every_one_of_the_last_twenty_answers_can_be_taken_back() -> None:
    project = make_project(votes_pool=2)
    images = make_images(project, 20)
    ada, bea = make_annotator(project), make_annotator(project)
    for number, image in enumerate(images):
        direct(ada, image, "milk" if number % 3 else "soy milk")
    answers = [direct(bea, image) for image in images]
    assert_sums_hold(project.pk)
    for answer in answers:
        undo(answer)
        assert_sums_hold(project.pk)
    for right, wrong, confusions in rows(project.pk).values():
        assert right == pytest.approx(0, abs=1e-9)
        assert wrong == pytest.approx(0, abs=1e-9)
        assert confusions == {}


def test_an_experts_second_thought_replaces_the_first() -> None:
    project = make_project()
    (image,) = make_images(project, 1)
    ada, expert = make_annotator(project), make_annotator(project, "Expert")
    direct(ada, image)
    adjudicate(expert, image, "soy-milk")
    adjudicate(expert, image, "milk")
    assert rows(project.pk) == {ada.pk: (1.0, 0.0, {"milk>milk": 1.0})}


def test_counts_are_the_sum_of_what_images_say_they_have_added() -> None:
    project = make_project(votes_pool=3)
    images = make_images(project, 30) + make_images(project, 10, Partition.AUDIT)
    people = [make_annotator(project) for _ in range(4)]
    rng = np.random.default_rng(0)
    given = []
    for image in images:
        for who in people[: rng.integers(1, 5)]:
            given.append(direct(who, image, rng.choice(["milk", "soy milk", "oat milk"])))
    for answer in given[-20::3]:
        undo(answer)
    assert_sums_hold(project.pk)


def test_a_skilled_annotator_outweighs_two_of_whom_little_good_is_known() -> None:
    project = make_project(votes_pool=3, vote_cap_pool=3)
    (image,) = make_images(project, 1)
    good, *bad = (make_annotator(project) for _ in range(3))
    AnnotatorSkill.objects.create(annotator=good, n_right=300, n_wrong=1, updated_at=NOW)
    for who in bad:
        AnnotatorSkill.objects.create(annotator=who, n_right=10, n_wrong=30, updated_at=NOW)
    direct(good, image, "milk")
    for who in bad:
        direct(who, image, "soy milk")
    found = Consensus.objects.get(image=image)
    posterior = np.frombuffer(bytes(found.posterior), dtype=np.float32)
    assert posterior.argmax() == 0


# --- helpers ------------------------------------------------------------------------------


def adjudicate(expert: Annotator, image: Image, code: str) -> None:
    annotation_service.adjudicate(
        project_id=image.project_id,
        image_id=image.pk,
        annotator_id=expert.pk,
        kind=AnnotationKind.LABEL,
        label_code=code,
        now=NOW,
    )


def undo(answer: Any) -> None:
    annotation_service.undo(
        annotator_id=answer.annotator_id,
        annotation_public_id=answer.public_id,
        key=uuid.uuid4(),
        now=NOW,
    )


def assert_equal(found: Any, expected: Any, *, but: int) -> None:
    for annotator, (right, wrong, confusions) in found.items():
        if annotator == but:
            assert right + wrong == pytest.approx(0, abs=1e-9)
            continue
        assert (right, wrong) == pytest.approx(expected[annotator][:2])
        assert confusions == pytest.approx(expected[annotator][2])
