"""Suggestions: off by default, a random share held back, and what they do to people measured."""

from __future__ import annotations

import numpy as np
import pytest
from django.utils import timezone

from labeling.models import (
    Annotator,
    AnnotatorSkill,
    Assignment,
    Image,
    Partition,
    Project,
    Reason,
    User,
)
from labeling.selectors import projects
from labeling.services import anchoring, image_priors
from labeling.tests import worlds
from labeling.tests.crowd.browser import Browser, Json
from labeling.tests.crowd.conftest import Browse

pytestmark = pytest.mark.django_db


def suggest(project: Project, *, hidden: float = 0.0, **settings: object) -> None:
    Project.objects.filter(pk=project.pk).update(
        suggestions_enabled=True, suggestions_hidden_share=hidden, **settings
    )


def believe(project: Project, images: list[Image], code: str) -> None:
    """Let the classifier take these images for one label, with probability 0.7."""
    scheme = projects.current_scheme(project.pk)
    row = np.full(len(scheme.codes), 0.1, dtype=np.float32)
    row[scheme.codes.index(code)] = 0.7
    image_priors.store(
        project_id=project.pk,
        scheme_id=scheme.id,
        image_ids=[image.pk for image in images],
        probabilities=np.tile(row, (len(images), 1)),
        model_version=project.public_id,
        now=worlds.NOW,
    )


def suggested(held: list[Json]) -> list[str | None]:
    return [one["suggestion"]["label"] if one["suggestion"] else None for one in held]


def test_nothing_is_suggested_unless_the_project_asks_for_it(
    browse: Browse, project: Project, volunteer: Annotator
) -> None:
    believe(project, worlds.make_images(project, 3), "juice")

    held = browse(volunteer).claim()["assignments"]

    assert suggested(held) == [None] * 3
    assert not Assignment.objects.exclude(suggestion=None).exists()


def test_the_classifiers_guess_is_shown_and_stored(
    browse: Browse, project: Project, volunteer: Annotator
) -> None:
    suggest(project, hidden=0.2)
    believe(project, worlds.make_images(project, 3), "juice")
    tab = browse(volunteer)

    held = tab.claim()["assignments"]
    again = tab.claim()["assignments"]

    assert suggested(held) == suggested(again)
    for one in held:
        stored = Assignment.objects.get(public_id=one["id"]).suggestion
        assert stored is not None
        assert stored["label"] == "juice"
        assert stored["p"] == pytest.approx(0.7)
        assert stored["shown_probability"] == pytest.approx(0.8)
        assert stored["shown"] == (one["suggestion"] is not None)
    page = tab.get(f"projects/{tab.slug}/labeling")
    assert page["project"]["suggestions"] is True


def test_the_share_held_back_is_drawn_by_chance(browse: Browse, project: Project) -> None:
    suggest(project, hidden=0.5, client_window=20)
    images = worlds.make_images(project, 100)
    believe(project, images, "juice")

    shown = []
    for name in ("Ada", "Ben", "Cleo", "Dora", "Eve"):
        held = browse(worlds.make_annotator(project, name)).claim()["assignments"]
        shown += suggested(held)

    assert len(shown) > 40
    assert 0.25 < sum(one is not None for one in shown) / len(shown) < 0.75


def test_audit_and_gold_images_suggest_nothing(
    browse: Browse, project: Project, expert: User
) -> None:
    audit = worlds.make_images(project, 3, Partition.AUDIT)
    gold = worlds.make_images(project, 3)
    browse(expert).set_gold(gold)
    suggest(project, audit_serving_share=0.5, gold_serving_share=0.5, client_window=6)
    believe(project, [*gold, *audit], "juice")

    held = browse(worlds.make_annotator(project)).claim()["assignments"]

    reasons = set(Assignment.objects.values_list("reason", flat=True))
    assert reasons == {Reason.AUDIT, Reason.GOLD}
    assert suggested(held) == [None] * len(held)


def test_a_second_opinion_is_ones_own(
    browse: Browse, project: Project, volunteer: Annotator, other_volunteer: Annotator
) -> None:
    worlds.active(project, [volunteer, other_volunteer])
    Annotator.objects.update(last_seen_at=timezone.now())
    suggest(project, votes_pool=2, client_window=1)
    (image,) = worlds.make_images(project, 1)
    believe(project, [image], "juice")

    (first,) = browse(volunteer).claim()["assignments"]
    (second,) = browse(other_volunteer).claim()["assignments"]

    assert suggested([first, second]) == ["juice", None]


def answer_all(tab: Browser, label: str) -> None:
    held = tab.claim()["assignments"]
    while held:
        held = tab.answer(held[0], label)["assignments"]


def test_who_takes_over_wrong_suggestions_is_measured(
    browse: Browse,
    project: Project,
    volunteer: Annotator,
    manager: User,
    expert: User,
) -> None:
    suggest(project, hidden=0.5)
    images = worlds.make_images(project, 40)
    believe(project, images, "juice")
    follower = browse(volunteer)
    for _ in range(40):
        held = follower.claim()["assignments"]
        guess = suggested(held)[0]
        follower.answer(held[0], guess or "milk")
    judge = browse(expert)
    judge.set_gold(images, "milk")

    anchoring.measure(project_id=project.pk, now=worlds.NOW)

    skill = AnnotatorSkill.objects.get(annotator=volunteer)
    assert 5 < skill.n_shown < 35
    assert skill.n_suggested_wrong == skill.n_suggested_wrong_accepted == skill.n_shown
    assert (skill.n_hidden_wrong, skill.n_hidden_wrong_same) == (40 - skill.n_shown, 0)
    listed = browse(manager).get(f"staff/projects/{project.slug}/people")
    row = next(one for one in listed if one["id"] == str(volunteer.public_id))
    assert row["suggestions"]["shown"] == skill.n_shown
    assert row["suggestions"]["accepted_wrong"]["low"] > 0.7
    assert row["suggestions"]["same_without"]["high"] < 0.3
    assert row["suggestions"]["accepted_wrong"]["n"] == skill.n_shown


def test_ones_own_word_does_not_make_a_suggestion_right(
    browse: Browse, project: Project, volunteer: Annotator
) -> None:
    suggest(project)
    believe(project, worlds.make_images(project, 2), "juice")
    answer_all(browse(volunteer), "milk")

    anchoring.measure(project_id=project.pk, now=worlds.NOW)

    skill = AnnotatorSkill.objects.get(annotator=volunteer)
    assert (skill.n_shown, skill.n_suggested_wrong) == (2, 0)


def test_the_sweep_reads_answers_only_where_something_new_came(
    browse: Browse, project: Project, volunteer: Annotator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchoring, "_seen", {})
    suggest(project)
    believe(project, worlds.make_images(project, 4), "juice")
    tab = browse(volunteer)
    held = tab.claim()["assignments"]
    measured = [anchoring.sweep(now=worlds.later(60))]

    measured.append(anchoring.sweep(now=worlds.later(120)))
    tab.answer(held[0], "milk")
    measured.append(anchoring.sweep(now=worlds.later(180)))
    shown = AnnotatorSkill.objects.get(annotator=volunteer).n_shown
    measured.append(anchoring.sweep(now=worlds.later(240)))
    measured.append(anchoring.sweep(now=worlds.later(180 + 600)))

    assert measured == [1, 0, 1, 0, 1]
    assert shown == 1
