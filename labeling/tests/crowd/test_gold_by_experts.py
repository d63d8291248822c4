"""Gold by experts who manage nothing: kept from a decision, or set on images they look for."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from labeling.models import (
    Annotation,
    Annotator,
    Consensus,
    GoldReference,
    Image,
    Partition,
    Project,
    User,
)
from labeling.selectors import gold as gold_selectors
from labeling.services import adjudication, quarantine, roster
from labeling.tests import worlds
from labeling.tests.crowd.browser import Browser, Json
from labeling.tests.crowd.conftest import Browse

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(project: Project) -> list[Annotator]:
    three = [worlds.make_annotator(project, name) for name in ("Ada", "Ben", "Cleo")]
    worlds.active(project, three)
    return three


@pytest.fixture
def disputed(project: Project, people: list[Annotator]) -> Image:
    Project.objects.filter(pk=project.pk).update(votes_pool=2, vote_cap_pool=2)
    (image,) = worlds.make_images(project, 1)
    for who, label in zip(people[:2], ("milk", "juice"), strict=True):
        worlds.direct(who, image, label)
    assert Consensus.objects.get(image=image).state == "DISPUTED"
    return image


def decide(tab: Browser, image: Image, label: str | None = "milk") -> Json:
    body = {"kind": "LABEL" if label else "CANT_TELL", "label": label}
    done: Json = tab.post(f"projects/{tab.slug}/expert/{image.public_id}", body, status=201)
    return done


def experts_page(tab: Browser) -> Json:
    found: Json = tab.get(f"projects/{tab.slug}/expert")
    return found


def test_a_decision_may_be_kept_as_gold_and_stays_one_decision(
    browse: Browse, expert: User, disputed: Image
) -> None:
    tab = browse(expert)
    done = decide(tab, disputed)
    assert done["gold"] == {"may_be_gold": True, "why_not": None, "is_gold": False}

    tab.set_gold([disputed], "milk", note="The cap is blue.")

    page = experts_page(tab)
    assert (page["settled_by_you"], page["gold_by_you"]) == (1, 1)
    assert Annotation.objects.filter(image=disputed, is_expert=True).count() == 1
    assert GoldReference.objects.get(image=disputed).note == "The cap is blue."


def test_another_label_as_gold_is_another_word(
    browse: Browse, expert: User, disputed: Image
) -> None:
    tab = browse(expert)
    decide(tab, disputed, "milk")

    tab.set_gold([disputed], "juice")

    label = Consensus.objects.get(image=disputed).label
    assert label is not None
    assert label.code == "juice"
    assert Annotation.objects.filter(image=disputed, is_expert=True).count() == 2


def test_gold_set_unasked_is_no_settled_question(
    browse: Browse, expert: User, project: Project
) -> None:
    tab = browse(expert)

    tab.set_gold(worlds.make_images(project, 3))

    page = experts_page(tab)
    assert (page["settled_by_you"], page["gold_by_you"]) == (0, 3)


def test_an_audit_image_is_refused_as_gold_only_after_the_decision(
    browse: Browse, expert: User, project: Project, people: list[Annotator]
) -> None:
    (image,) = worlds.make_images(project, 1, Partition.AUDIT)
    for who, label in zip(people, ("milk", "juice", "milk"), strict=True):
        worlds.direct(who, image, label)
    adjudication.open_due(project_id=project.pk, now=worlds.NOW)
    tab = browse(expert)

    before = experts_page(tab)["items"]
    after = decide(tab, image)["gold"]

    assert [one.keys() for one in before] == [{"image"}]
    assert not after["may_be_gold"]
    assert "measures" in after["why_not"]


def test_who_cannot_tell_has_no_gold_to_keep(browse: Browse, expert: User, disputed: Image) -> None:
    gold = decide(browse(expert), disputed, None)["gold"]

    assert gold == {
        "may_be_gold": False,
        "why_not": "Only a label can be gold.",
        "is_gold": False,
    }


def test_an_expert_looks_for_gold_among_images_that_may_be_it(
    browse: Browse, expert: User, volunteer: Annotator, project: Project, disputed: Image
) -> None:
    images = worlds.make_images(project, 5)
    worlds.make_images(project, 2, Partition.AUDIT)
    Image.objects.filter(pk=images[0].pk).update(flagged_at=worlds.NOW)
    tab = browse(expert)
    tab.set_gold(images[1:2])
    address = f"projects/{tab.slug}/gold-candidates"

    found = tab.get(address)
    first, second, third = [one["image"]["id"] for one in found["items"]]
    rest = tab.get(address, after=first, count="1")

    assert found["left"] == 3
    assert {first, second, third} == {str(image.public_id) for image in images[2:]}
    assert [one["image"]["id"] for one in rest["items"]] == [second]
    assert [one.keys() for one in found["items"]] == [{"image"}] * 3
    refused = browse(volunteer).client.get(f"/api/v1/{address}")
    assert refused.status_code == 403


def test_references_of_an_expert_in_quarantine_stay_aside_without_the_name(
    browse: Browse, expert: User, manager: User, project: Project
) -> None:
    images = worlds.make_images(project, 2)
    browse(expert).set_gold(images, "milk")
    setter = Annotator.objects.get(user=expert)
    quarantine.quarantine(
        annotator_id=setter.pk, user_id=manager.pk, now=worlds.NOW, clock=lambda: worlds.NOW
    )

    roster.anonymise(
        annotator_id=setter.pk,
        display_name=setter.display_name,
        user_id=manager.pk,
        is_by_owner=True,
        now=worlds.NOW,
    )

    assert gold_selectors.count(project.pk) == 0
    assert not GoldReference.objects.filter(set_by__isnull=False).exists()
    quarantine.lift(
        annotator_id=setter.pk, user_id=manager.pk, now=worlds.NOW, clock=lambda: worlds.NOW
    )
    assert gold_selectors.count(project.pk) == 2
    listed = browse(manager).get(f"projects/{project.slug}/gold")["results"]
    assert {row["set_by"] for row in listed} == {f"Somebody {setter.pk}"}


def test_references_of_before_find_whose_word_they_are(
    browse: Browse, expert: User, project: Project
) -> None:
    images = worlds.make_images(project, 2)
    browse(expert).set_gold(images)
    setter = Annotator.objects.get(user=expert)
    GoldReference.objects.update(annotator=None)
    migration = import_module("labeling.migrations.0008_annotators_of_gold")

    migration.fill(apps, connection.schema_editor())
    by_login = set(GoldReference.objects.values_list("annotator_id", flat=True))
    GoldReference.objects.update(annotator=None)
    Annotator.objects.filter(pk=setter.pk).update(user=None)  # the name taken out
    migration.fill(apps, connection.schema_editor())

    assert by_login == {setter.pk}
    assert set(GoldReference.objects.values_list("annotator_id", flat=True)) == {setter.pk}


def test_a_set_of_labels_is_decided_whole_and_may_be_gold(
    browse: Browse, expert: User, disputed: Image, project: Project
) -> None:
    Project.objects.filter(pk=project.pk).update(mode="MULTI")
    tab = browse(expert)

    done = tab.post(
        f"projects/{tab.slug}/expert/{disputed.public_id}",
        {"kind": "LABEL", "labels": ["milk", "juice"]},
        status=201,
    )

    assert set(done["annotation"]["labels"]) == {"milk", "juice"}
    assert done["gold"]["may_be_gold"]
    assert Consensus.objects.get(image=disputed).state == "RESOLVED"
