"""The figures beside the image: a skip is no answer, and gold moves them as any other image."""

from __future__ import annotations

import pytest

from labeling.models import Annotator, Assignment, Project, Reason, User
from labeling.selectors import counts, impact, progress
from labeling.selectors import skills as skill_selectors
from labeling.tests import worlds
from labeling.tests.crowd.browser import Browser, Json
from labeling.tests.crowd.conftest import Browse

pytestmark = pytest.mark.django_db
KINDS = ("LABEL", "NONE_OF_THESE", "CANT_TELL", "SKIP")


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    forget()


def forget() -> None:
    """What a process keeps follows within two minutes; no test waits for it."""
    counts._projects.clear()
    counts._people.clear()


def page(tab: Browser) -> Json:
    found: Json = tab.get(f"projects/{tab.slug}/labeling")
    return found


def labeled_around(tab: Browser, kind: str) -> list[int]:
    """How far the count of labeled images is from the start: answer, undo, answer, reload."""
    held = tab.claim()
    start = page(tab)["progress"]["labeled"]
    after = tab.answer(held["assignments"][0], "juice", kind=kind)
    undone = tab.undo(after["annotation"]["id"])
    again = tab.answer(undone["assignment"], "juice", kind=kind)
    seen = [held, after, undone, again, page(tab)]
    tab.post(f"projects/{tab.slug}/assignments/release", {"client": tab.tab}, status=204)
    return [one["progress"]["labeled"] - start for one in seen]


@pytest.mark.parametrize(("kind", "votes"), [(kind, n) for kind in KINDS for n in (1, 2)])
def test_gold_moves_the_labeled_images_as_any_other_where_one_answer_decides(
    browse: Browse, expert: User, volunteer: Annotator, kind: str, votes: int
) -> None:
    project = volunteer.project
    # With a policy of two, this volunteer alone is asked for one answer as well.
    Project.objects.filter(pk=project.pk).update(votes_pool=votes, vote_cap_pool=votes)
    images = worlds.make_images(project, 6)
    tab = browse(volunteer)
    ordinary = labeled_around(tab, kind)
    open_ones = [image for image in images if not image.annotations.exists()]
    browse(expert).set_gold(open_ones, "milk")
    Project.objects.filter(pk=project.pk).update(gold_serving_share=1.0)
    forget()

    gold = labeled_around(tab, kind)

    assert Assignment.objects.filter(annotator=volunteer, reason=Reason.GOLD).exists()
    assert gold == ordinary
    assert ordinary[1] == (0 if kind == "SKIP" else 1)


def test_gold_hides_nothing_where_several_answers_are_needed(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(votes_pool=2)
    project.refresh_from_db()
    people = [worlds.make_annotator(project, name) for name in ("Ada", "Ben")]
    worlds.active(project, people)
    for who, image in zip(people, worlds.make_images(project, 2), strict=True):
        worlds.direct(who, image, "milk")

    assert progress.hidden_gold(project, worlds.NOW) == 0


def test_a_skip_is_no_answer_and_is_counted_apart(
    browse: Browse, volunteer: Annotator, project: Project
) -> None:
    worlds.make_images(project, 4)
    tab = browse(volunteer)
    held = tab.claim()["assignments"]

    skipped = tab.answer(held[0], kind="SKIP")
    answered = tab.answer(held[1], "milk")
    taken_back = tab.undo(skipped["annotation"]["id"])
    reloaded = page(tab)

    figures = [
        (one["progress"]["mine"], one["progress"]["skipped"])
        for one in (skipped, answered, taken_back, reloaded)
    ]
    assert figures == [(0, 1), (1, 1), (1, 0), (1, 0)]
    assert reloaded["annotator"]["answers"] == 1


def test_no_figure_takes_a_skip_for_an_answer(
    browse: Browse, manager: User, volunteer: Annotator, project: Project
) -> None:
    worlds.make_images(project, 3)
    tab = browse(volunteer)
    held = tab.claim()["assignments"]
    tab.answer(held[0], kind="SKIP")
    tab.answer(held[1], "milk")

    staff = browse(manager)
    (row,) = [
        one
        for one in staff.get(f"staff/projects/{project.slug}/people")
        if one["id"] == str(volunteer.public_id)
    ]
    mine = impact.of_annotator(volunteer.pk)

    assert (row["answers"], row["skips"]) == (1, 1)
    assert (mine.answers, mine.skips) == (1, 1)
    assert progress.answer_counts(project.pk) == (1, 1)
    Project.objects.filter(pk=project.pk).update(leaderboard_enabled=True)
    (line,) = tab.get(f"projects/{project.slug}/leaderboard")["results"]
    assert line["answers"] == 1


def test_skill_has_one_interval_wherever_it_is_shown(
    volunteer: Annotator, project: Project
) -> None:
    worlds.make_skill(volunteer.pk, right=0, wrong=0)

    found = skill_selectors.of_project(project.pk)[volunteer.pk].overall

    # Beta(8, 2): 2.5 % and 97.5 % quantiles, by tables.
    assert (round(found.low, 3), round(found.high, 3)) == (0.518, 0.972)
