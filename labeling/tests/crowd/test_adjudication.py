"""Audit truth: experts look at every disagreement and at a share of agreements, blind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from labeling.models import (
    Adjudication,
    AdjudicationKind,
    Annotator,
    Consensus,
    ConsensusState,
    Project,
    Role,
    User,
)
from labeling.selectors import consensus as consensus_selectors
from labeling.selectors import projects as project_selectors
from labeling.selectors import queue as queue_selectors
from labeling.services import adjudication, decisions, label_steps, quarantine
from labeling.tests import factories, worlds
from labeling.tests.crowd.conftest import Browse
from labeling.tests.crowd.quarrels import (
    audit_images,
    decide,
    open_due,
    quarrels,
    queue,
    say,
    share,
)

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.django_db


def kinds(project: Project) -> dict[int, tuple[str, float]]:
    rows = Adjudication.objects.filter(project=project)
    return {row.image_id: (row.kind, row.probability) for row in rows}


def test_every_disagreement_is_asked_about(project: Project, people: list[Annotator]) -> None:
    images = audit_images(project, 3)
    say(people, images[0], "milk", "juice", "milk")
    say(people, images[1], "milk", "juice", "apple")
    say(people, images[2], None, None, None)

    open_due(project)

    assert kinds(project) == dict.fromkeys(
        [image.pk for image in images], (AdjudicationKind.DISAGREEMENT, 1.0)
    )


def test_of_agreements_a_share_is_drawn_the_same_every_time(
    project: Project, people: list[Annotator]
) -> None:
    images = audit_images(project, 60)
    for image in images:
        say(people, image, "milk", "milk", "milk")

    open_due(project)
    first = kinds(project)
    changed = open_due(project)

    assert set(first.values()) == {(AdjudicationKind.AGREEMENT_SAMPLE, 0.2)}
    # 60 draws at 0.2: 12 expected; 3 and 24 are beyond four standard deviations.
    assert 3 < len(first) < 24
    assert changed == 0
    assert kinds(project) == first


def test_no_project_looks_at_fewer_than_a_fifth(
    browse: Browse, manager: User, project: Project
) -> None:
    tab = browse(manager)

    refused = tab.client.patch(
        f"/api/v1/staff/projects/{project.slug}", {"adjudication_share": 0.1}, format="json"
    )

    assert refused.status_code == 400
    assert "0.2" in refused.json()["message"]


def test_only_measured_audit_images_that_are_decided_are_asked_about(
    project: Project, people: list[Annotator]
) -> None:
    share(project, 1.0)
    (pool,) = worlds.make_images(project, 1)
    undecided, unmeasured = audit_images(project, 2)
    assert unmeasured.split_group is not None
    unmeasured.split_group.measured_image = None
    unmeasured.split_group.save()
    say(people, pool, "milk", "juice", "apple")
    say(people[:1], undecided, "milk")
    say(people, unmeasured, "milk", "juice", "milk")

    open_due(project)

    assert kinds(project) == {}


def test_what_only_experts_agree_on_needs_no_expert(project: Project) -> None:
    share(project, 1.0)
    user = factories.make_member(project, Role.OWNER)
    (image,) = audit_images(project, 1)
    worlds.direct(factories.make_expert_annotator(project, user), image, "milk")
    assert Consensus.objects.get(image=image).state == ConsensusState.RESOLVED

    open_due(project)

    assert kinds(project) == {}


def test_a_question_whose_reason_is_gone_is_taken_back(
    project: Project, people: list[Annotator]
) -> None:
    (image,) = quarrels(project, people, 1)
    Project.objects.filter(pk=project.pk).update(seed=1)
    drawn = adjudication.is_drawn(Project.objects.get(pk=project.pk), image.pk)

    people[1].quarantined_at = worlds.NOW
    people[1].save()
    open_due(project)

    expected = {image.pk: (AdjudicationKind.AGREEMENT_SAMPLE, 0.2)} if drawn else {}
    assert kinds(project) == expected


def test_the_audit_rows_tell_what_is_open_and_what_was_checked(
    browse: Browse, expert: User, project: Project, people: list[Annotator]
) -> None:
    share(project, 1.0)
    pending, checked, settled = audit_images(project, 3)
    say(people, pending, "milk", "juice", "milk")
    say(people, checked, "milk", "milk", "milk")
    say(people, settled, "milk", "juice", "milk")
    open_due(project)
    tab = browse(expert)
    decide(tab, str(checked.public_id), "apple")
    decide(tab, str(settled.public_id), "milk")

    rows = consensus_selectors.audit_rows(project.pk)

    place = {image_id: n for n, image_id in enumerate(rows.image_ids.tolist())}
    codes = rows.codes
    assert rows.is_pending[place[pending.pk]]
    assert not rows.is_pending[place[checked.pk]]
    assert rows.is_checked.tolist().count(True) == 1
    assert rows.is_checked[place[checked.pk]]
    assert codes[rows.people_index[place[checked.pk]]] == "milk"
    assert codes[rows.label_index[place[checked.pk]]] == "apple"
    assert rows.check_probability[place[checked.pk]] == 1.0


def test_staff_see_how_often_experts_say_otherwise(
    browse: Browse, expert: User, manager: User, project: Project, people: list[Annotator]
) -> None:
    share(project, 1.0)
    images = audit_images(project, 4)
    for image in images[:2]:
        say(people, image, "milk", "milk", "milk")
    for image in images[2:]:
        say(people, image, "milk", "juice", "milk")
    open_due(project)
    tab = browse(expert)
    decide(tab, str(images[0].public_id), "apple")
    decide(tab, str(images[1].public_id), "milk")
    decide(tab, str(images[2].public_id), "milk")

    found = browse(manager).get(f"staff/projects/{project.slug}/adjudication")

    assert (found["open"], found["settled"], found["share"]) == (1, 3, 1.0)
    assert found["agreements"]["settled"] == 2
    # One of two overturned: Beta(2, 2).
    assert found["agreements"]["overturned"]["estimate"] == pytest.approx(0.5)
    assert found["agreements"]["overturned"]["n"] == 2
    assert found["disagreements"] == {
        "open": 1,
        "settled": 1,
        "overturned": {
            "estimate": pytest.approx(1 / 3),
            "low": pytest.approx(0.0126, abs=1e-3),
            "high": pytest.approx(0.8419, abs=1e-3),
            "n": 1,
        },
    }


def test_the_sweep_looks_again_where_somebody_has_answered(
    project: Project, people: list[Annotator]
) -> None:
    first, second = audit_images(project, 2)
    say(people, first, "milk", "juice", "milk")
    asked = [adjudication.sweep(now=worlds.later(60))]
    say(people, second, "milk", "juice", "milk")
    asked.append(adjudication.sweep(now=worlds.later(120)))
    Consensus.objects.filter(image=second).update(is_expert=True)  # without an answer
    asked.append(adjudication.sweep(now=worlds.later(180)))
    asked.append(adjudication.sweep(now=worlds.later(120 + 600)))

    assert asked == [1, 1, 0, 1]
    assert set(kinds(project)) == {first.pk}


def test_what_an_expert_in_quarantine_settled_waits_again(
    project: Project, people: list[Annotator]
) -> None:
    share(project, 1.0)
    (image,) = audit_images(project, 1)
    say(people, image, "milk", "milk", "milk")
    open_due(project)
    row = factories.make_expert_annotator(project, factories.make_member(project, Role.EXPERT))
    decisions.adjudicate(
        project_id=project.pk,
        image_id=image.pk,
        annotator_id=row.pk,
        kind="LABEL",
        label_code="apple",
        now=worlds.NOW,
    )
    quarantine.quarantine(
        annotator_id=row.pk, user_id=None, now=worlds.NOW, clock=lambda: worlds.NOW
    )
    open_due(project)
    aside = consensus_selectors.audit_rows(project.pk)
    quarantine.lift(annotator_id=row.pk, user_id=None, now=worlds.NOW, clock=lambda: worlds.NOW)
    open_due(project)
    back = consensus_selectors.audit_rows(project.pk)

    assert (aside.is_pending[0], aside.is_checked[0]) == (True, False)
    assert (back.is_pending[0], back.is_checked[0]) == (False, True)


def test_an_expert_is_not_told_what_somebody_in_quarantine_said(
    project: Project, people: list[Annotator]
) -> None:
    (image,) = worlds.make_images(project, 1)
    say(people[:2], image, "milk", "juice")
    quarantine.quarantine(
        annotator_id=people[0].pk, user_id=None, now=worlds.NOW, clock=lambda: worlds.NOW
    )

    assert [said.label_code for said in queue_selectors.said_by_people(image.pk)] == ["juice"]


def test_what_an_expert_settled_with_a_label_that_was_split_is_asked_again(
    browse: Browse, expert: User, project: Project, people: list[Annotator]
) -> None:
    (image,) = audit_images(project, 1)
    say(people, image, "milk", "juice", "apple")
    open_due(project)
    tab = browse(expert)
    decide(tab, str(image.public_id), "milk")
    milk = project_selectors.label(project.pk, "milk")

    label_steps.split_label(label_id=milk.pk, names=["Cow milk", "Oat milk"], now=worlds.later(60))

    assert Adjudication.objects.get(image=image).settled_at is None
    say(people[:1], image, "cow milk")
    open_due(project)
    assert queue(tab)["left"] == 1
