"""A newcomer's first round: gold images, explained after each answer and never before."""

from __future__ import annotations

import pytest

from labeling.models import (
    Annotator,
    AnnotatorSkill,
    Assignment,
    Image,
    LabelExample,
    Project,
    Reason,
    User,
)
from labeling.tests import worlds
from labeling.tests.crowd.browser import Browser, Json
from labeling.tests.crowd.conftest import Browse

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(project: Project) -> Project:
    """A first round of three images."""
    Project.objects.filter(pk=project.pk).update(onboarding_images=3)
    project.refresh_from_db()
    return project


@pytest.fixture
def references(browse: Browse, expert: User, project: Project) -> list[Image]:
    """Five gold images among twelve."""
    images = worlds.make_images(project, 12)[:5]
    browse(expert).set_gold(images, "milk", note="It says milk.")
    return images


@pytest.fixture
def newcomer(browse: Browse, volunteer: Annotator, references: list[Image]) -> Browser:
    return browse(volunteer)


def reasons(held: list[Json]) -> list[str]:
    rows = dict(Assignment.objects.values_list("public_id", "reason"))
    return [{str(key): value for key, value in rows.items()}[one["id"]] for one in held]


def test_the_first_images_are_gold_and_the_answers_are_explained(newcomer: Browser) -> None:
    held = newcomer.claim()["assignments"]
    assert reasons(held) == [Reason.GOLD] * 3

    right = newcomer.answer(held[0], "milk")["after"]
    wrong = newcomer.answer(held[1], "juice")["after"]
    last = newcomer.answer(held[2], kind="CANT_TELL")["after"]

    assert right["practice"] == {
        "is_right": True,
        "said": {"code": "milk", "name": "Milk"},
        "label": {"code": "milk", "name": "Milk"},
        "note": "It says milk.",
        "example_url": None,
        "done": 1,
        "of": 3,
        "is_last": False,
    }
    assert right["sentence"] == "Right: Milk. It says milk."
    assert not wrong["practice"]["is_right"]
    assert wrong["practice"]["said"]["code"] == "juice"
    assert wrong["sentence"] == "Not quite: our experts say Milk. It says milk."
    assert last["practice"]["said"] is None
    assert last["sentence"] == "Our experts say Milk. It says milk."
    assert last["practice"]["is_last"]


def test_after_the_round_gold_is_silent(newcomer: Browser, project: Project) -> None:
    for _ in range(3):
        newcomer.answer(newcomer.claim()["assignments"][0])
    Project.objects.filter(pk=project.pk).update(gold_serving_share=1.0)
    newcomer.post(
        f"projects/{project.slug}/assignments/release", {"client": newcomer.tab}, status=204
    )

    fourth = newcomer.claim()["assignments"][0]
    after = newcomer.answer(fourth, "juice")["after"]

    assert reasons([fourth]) == [Reason.GOLD]
    assert after == {"sentence": "Saved. Thank you.", "practice": None, "alike": False}


def test_before_the_answer_practice_looks_like_everything_else(
    newcomer: Browser, browse: Browse, other_volunteer: Annotator
) -> None:
    Annotator.objects.filter(pk=other_volunteer.pk).update(onboarded_at=worlds.NOW)
    practice = newcomer.claim()
    ordinary = browse(other_volunteer).claim()

    assert practice.keys() == ordinary.keys()
    assert practice["done"] == ordinary["done"]
    for one, other in zip(practice["assignments"], ordinary["assignments"], strict=True):
        assert one.keys() == other.keys()
        assert one["image"].keys() == other["image"].keys()


def test_the_guides_example_comes_with_the_explanation(newcomer: Browser, project: Project) -> None:
    LabelExample.objects.create(
        label=project.labels.get(code="milk"),
        storage_key="examples/milk.jpg",
        created_at=worlds.NOW,
    )

    after = newcomer.answer(newcomer.claim()["assignments"][0], "juice")["after"]

    assert (
        after["practice"]["example_url"] == f"/api/v1/projects/{project.slug}/labels/milk/example"
    )


def test_a_retry_is_told_the_same(newcomer: Browser) -> None:
    key = "0d6f0a52-6f4e-4a39-9f63-5a1c44a0c001"
    first = newcomer.claim()["assignments"][0]

    once = newcomer.answer(first, "juice", key=key)
    twice = newcomer.answer(first, "juice", key=key, status=200)

    assert once["after"] == twice["after"]


def test_an_answer_put_right_after_it_was_explained_does_not_count(
    newcomer: Browser, volunteer: Annotator
) -> None:
    wrong = newcomer.answer(newcomer.claim()["assignments"][0], "juice")
    again = newcomer.undo(wrong["annotation"]["id"])["assignment"]
    newcomer.answer(again, "milk")

    skill = AnnotatorSkill.objects.get(annotator=volunteer)
    assert (skill.n_gold_right, skill.n_gold_wrong) == (0, 1)


def test_the_page_knows_where_the_newcomer_is(newcomer: Browser) -> None:
    def page() -> Json:
        found: Json = newcomer.get(f"projects/{newcomer.slug}/labeling")
        return found

    assert page()["onboarding"] == {"done": 0, "of": 3}
    assert page()["project"]["onboarding_images"] == 3
    newcomer.answer(newcomer.claim()["assignments"][0])
    assert page()["onboarding"] == {"done": 1, "of": 3}
    newcomer.answer(newcomer.claim()["assignments"][0])
    newcomer.answer(newcomer.claim()["assignments"][0])
    assert page()["onboarding"] is None


def test_the_round_ends_with_the_references_where_there_are_fewer(
    browse: Browse, expert: User, volunteer: Annotator, project: Project
) -> None:
    images = worlds.make_images(project, 6)
    browse(expert).set_gold(images[:2])
    tab = browse(volunteer)

    held = tab.claim()["assignments"]
    assert reasons(held) == [Reason.GOLD, Reason.GOLD, Reason.ACQUIRED]
    tab.answer(held[0])
    tab.answer(held[1])

    assert reasons(tab.claim()["assignments"]) == [Reason.ACQUIRED] * 3
    volunteer.refresh_from_db()
    assert volunteer.onboarded_at is not None


def test_two_tabs_share_one_round(newcomer: Browser, browse: Browse, volunteer: Annotator) -> None:
    Project.objects.update(client_window=2)
    one, other = newcomer.claim()["assignments"], browse(volunteer).claim()["assignments"]

    assert reasons(one) == [Reason.GOLD] * 2
    assert reasons(other) == [Reason.GOLD, Reason.ACQUIRED]
    assert not {a["image"]["id"] for a in one} & {a["image"]["id"] for a in other}


def test_who_answered_before_rounds_were_switched_on_gets_none(
    newcomer: Browser, volunteer: Annotator, project: Project
) -> None:
    worlds.direct(volunteer, worlds.make_images(project, 1)[0])

    assert Reason.GOLD not in reasons(newcomer.claim()["assignments"])


def test_experts_get_no_round(browse: Browse, expert: User, references: list[Image]) -> None:
    assert Reason.GOLD not in reasons(browse(expert).claim()["assignments"])


def test_practice_takes_no_serve_number(newcomer: Browser, project: Project) -> None:
    newcomer.claim()

    assert project.serve_counter.served == 0
