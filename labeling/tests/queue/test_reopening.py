"""A new label reopens the audit images that fitted none."""

from __future__ import annotations

import pytest

from labeling.models import (
    Adjudication,
    AdjudicationKind,
    Annotation,
    AuditEvent,
    Consensus,
    Image,
    Partition,
    Project,
)
from labeling.services import decisions, schemes
from labeling.tests.worlds import (
    NOW,
    claim,
    direct,
    later,
    make_annotator,
    make_images,
    make_project,
    submit,
    top_up,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> Project:
    return make_project(audit_serving_share=1.0, votes_audit=1)


def states(images: list[Image]) -> list[str]:
    rows = dict(Consensus.objects.filter(image__in=images).values_list("image_id", "state"))
    return [rows[image.pk] for image in images]


def test_images_that_fitted_no_label_are_asked_of_the_same_person_again(world: Project) -> None:
    ada = make_annotator(world)
    none, milk = make_images(world, 2, Partition.AUDIT)
    (pool,) = make_images(world, 1)
    direct(ada, none, kind="NONE_OF_THESE")
    direct(ada, pool, kind="NONE_OF_THESE")
    direct(ada, milk, "milk")

    schemes.add_label(project_id=world.pk, name="Cream", now=later(1))

    assert states([none, milk, pool]) == ["OPEN", "RESOLVED", "NONE_OF_THESE"]
    event = AuditEvent.objects.get(verb="label_added")
    assert event.detail["audit_images_asked_again"] == 1
    top_up(world, later(2))
    (held,) = claim(ada, now=later(3))
    assert held.image_id == none.pk
    submit(held, "cream", now=later(4))
    assert Consensus.objects.get(image=none, label__code="cream").state == "RESOLVED"
    assert Annotation.objects.filter(image=none, kind="NONE_OF_THESE").count() == 1


def test_one_voice_among_many_for_none_of_these_reopens_nothing(world: Project) -> None:
    Project.objects.filter(pk=world.pk).update(votes_audit=3)
    people = [make_annotator(world, name) for name in ("Ada", "Bob", "Cy")]
    (image,) = make_images(world, 1, Partition.AUDIT)
    for who, label in zip(people, ("milk", "milk", None), strict=True):
        direct(who, image, label, kind="LABEL" if label else "NONE_OF_THESE")
    assert states([image]) == ["RESOLVED"]

    schemes.add_label(project_id=world.pk, name="Cream", now=later(1))

    assert states([image]) == ["RESOLVED"]
    assert Annotation.objects.filter(image=image, withdrawn_at__isnull=True).count() == 3


def test_an_experts_word_that_nothing_fits_is_asked_for_again(world: Project) -> None:
    ada, eve = make_annotator(world), make_annotator(world, "Eve")
    (image,) = make_images(world, 1, Partition.AUDIT)
    direct(ada, image, kind="NONE_OF_THESE")
    asked = Adjudication.objects.create(
        project=world, image=image, kind=AdjudicationKind.AGREEMENT_SAMPLE, probability=0.2,
        created_at=NOW,
    )  # fmt: skip
    decisions.adjudicate(
        project_id=world.pk, image_id=image.pk, annotator_id=eve.pk, kind="NONE_OF_THESE",
        label_code=None, now=NOW,
    )  # fmt: skip

    schemes.add_label(project_id=world.pk, name="Cream", now=later(1))

    asked.refresh_from_db()
    assert asked.settled_at is None
    assert states([image]) == ["OPEN"]
