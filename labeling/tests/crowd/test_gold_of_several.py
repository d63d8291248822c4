"""Gold where pictures may show several labels: right is who says every known label rightly."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from labeling.models import (
    Annotator,
    AnnotatorSkill,
    Consensus,
    GoldReference,
    Image,
    Label,
    Project,
    User,
)
from labeling.selectors import exports, gold_sets, label_use, onboarding, projects
from labeling.selectors import gold as selectors
from labeling.services import annotations as service
from labeling.tests import worlds
from labeling.tests.crowd.conftest import Browse

pytestmark = pytest.mark.django_db


@pytest.fixture
def images(project: Project) -> list[Image]:
    """Of the first an expert says milk and juice, of the second milk alone."""
    Project.objects.filter(pk=project.pk).update(mode="MULTI", gold_serving_share=1.0)
    project.refresh_from_db()
    return worlds.make_images(project, 2)


@pytest.fixture
def tab(browse: Browse, expert: User, images: list[Image]) -> Any:
    found = browse(expert)
    given = [{"image": str(images[0].public_id), "label": "milk", "further": ["juice"]}]
    given.append({"image": str(images[1].public_id), "label": "milk"})
    done = found.post(f"projects/{found.slug}/gold", {"references": given})
    assert [one["status"] for one in done["results"]] == ["set", "set"]
    return found


def answer(project: Project, who: Annotator, image: Image, *codes: str, kind: str = "LABEL") -> Any:
    (assignment,) = [
        one for one in worlds.claim(who, 5) if one.image_id == image.pk
    ]  # gold alone is served
    return service.submit(
        annotator_id=who.pk,
        assignment_public_id=assignment.public_id,
        key=uuid.uuid4(),
        request_hash=service.hash_of(str(assignment.public_id), kind, list(codes)),
        kind=kind,
        label_codes=list(codes),
        flag_reason="",
        time_spent_ms=900,
        shown={},
        now=worlds.NOW,
    ).annotation


def counts(who: Annotator) -> tuple[int, int]:
    found = selectors.tally(who.pk)
    return found.right, found.wrong


def test_a_reference_names_all_labels_and_decides_the_picture(
    tab: Any, images: list[Image]
) -> None:
    listed = tab.get(f"projects/{tab.slug}/gold")["results"]

    of_both = next(one for one in listed if one["image"]["id"] == str(images[0].public_id))
    assert of_both["label"]["code"] == "milk"
    assert [one["code"] for one in of_both["further"]] == ["juice"]
    assert Consensus.objects.get(image=images[0]).is_expert
    rows = {row["image"]: row["label_set"] for row in exports.image_rows(images[0].project_id)}
    assert set((rows[str(images[0].public_id)] or "").split("|")) == {"juice", "milk"}
    gold = {row["image"]: row["further"] for row in exports.gold_rows(images[0].project_id)}
    assert gold == {str(images[0].public_id): "juice", str(images[1].public_id): None}
    used = {one.code: one.gold for one in label_use.of_project(images[0].project_id)}
    assert (used["milk"], used["juice"]) == (2, 1)


@pytest.mark.parametrize(
    "case",
    [
        (("milk", "juice"), (1, 0)),
        (("juice", "milk"), (1, 0)),
        (("milk",), (0, 1)),
        (("milk", "juice", "apple"), (0, 1)),
    ],
)
def test_right_is_who_names_just_its_labels(
    tab: Any,
    project: Project,
    volunteer: Annotator,
    images: list[Image],
    case: tuple[tuple[str, ...], tuple[int, int]],
) -> None:
    codes, expected = case
    answer(project, volunteer, images[0], *codes)

    assert counts(volunteer) == expected
    skill = AnnotatorSkill.objects.get(annotator=volunteer)
    assert (skill.n_gold_right, skill.n_gold_wrong) == expected


def test_who_sees_none_is_wrong_and_who_cannot_tell_is_neither(
    tab: Any, project: Project, volunteer: Annotator, images: list[Image]
) -> None:
    answer(project, volunteer, images[0], kind="CANT_TELL")
    assert counts(volunteer) == (0, 0)
    answer(project, volunteer, images[1], kind="NONE_OF_THESE")
    assert counts(volunteer) == (0, 1)
    assert selectors.by_reference([images[1].pk])[images[1].pk].wrong == 1


def test_a_label_made_since_the_reference_counts_for_nothing(
    tab: Any, project: Project, volunteer: Annotator, images: list[Image]
) -> None:
    GoldReference.objects.update(created_at=worlds.later(1))
    codes = [label.code for label in projects.labels(project.pk)]
    worlds.make_scheme(project, [*codes, "rice"])
    Label.objects.filter(code="rice", project=project).update(created_at=worlds.later(2))

    said = answer(project, volunteer, images[0], "milk", "juice", "rice")

    assert counts(volunteer) == (1, 0)
    reference = selectors.of_image(images[0].pk)
    assert reference is not None
    assert gold_sets.are_right({said.pk: reference.pk}) == {said.pk: True}


def test_an_other_set_replaces_the_reference_and_the_same_changes_nothing(
    tab: Any, images: list[Image]
) -> None:
    def set_again(*further: str) -> str:
        given = {"image": str(images[0].public_id), "label": "milk", "further": list(further)}
        (one,) = tab.post(f"projects/{tab.slug}/gold", {"references": [given]})["results"]
        status: str = one["status"]
        return status

    assert set_again("juice") == "unchanged"
    assert set_again("apple") == "changed"
    reference = selectors.of_image(images[0].pk)
    assert reference is not None
    assert {label.code for label in selectors.labels_of(reference)} == {"milk", "apple"}
    assert set_again("nonsense") == "refused"


def test_a_reference_with_a_label_retired_since_is_served_no_more(
    tab: Any, project: Project, images: list[Image]
) -> None:
    Label.objects.filter(project=project, code="juice").update(retired_at=worlds.NOW)

    served = selectors.servable(project.pk).values_list("image_id", flat=True)
    assert list(served) == [images[1].pk]


def test_a_newcomer_is_told_all_labels(
    tab: Any, project: Project, volunteer: Annotator, images: list[Image]
) -> None:
    Project.objects.filter(pk=project.pk).update(onboarding_images=2)
    said = answer(project, volunteer, images[0], "milk", "apple")
    said.assignment.policy = selectors.ONBOARDING

    told = onboarding.practice(said)

    assert told is not None
    assert told.label[1] == "Milk and Juice"
    assert replace(told, note="").sentence == "Not quite: our experts say Milk and Juice."


def test_one_label_an_image_takes_no_further_ones(
    tab: Any, project: Project, images: list[Image]
) -> None:
    Project.objects.filter(pk=project.pk).update(mode="SINGLE")
    given = {"image": str(images[1].public_id), "label": "milk", "further": ["juice"]}

    (one,) = tab.post(f"projects/{tab.slug}/gold", {"references": [given]})["results"]

    assert (one["status"], one["code"]) == ("refused", "one_label")
