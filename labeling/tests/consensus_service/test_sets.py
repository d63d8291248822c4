"""Sets of labels through the services: answers, experts, training rows and the audit slice."""

from __future__ import annotations

import uuid
from dataclasses import replace

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeling.consensus.lineage import Lineage
from labeling.models import (
    Adjudication,
    AdjudicationKind,
    Annotator,
    Consensus,
    ConsensusState,
    Image,
    Partition,
    Project,
)
from labeling.selectors import consensus as consensus_selectors
from labeling.selectors import exports, images, projects, several
from labeling.selectors.votes import LiveAnswer
from labeling.services import adjudication, decisions
from labeling.services import annotations as annotation_service
from labeling.tests.worlds import NOW, make_annotator, make_images, make_project, make_scheme

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(mode="MULTI", votes_audit=1)


def name(annotator: Annotator, image: Image, *codes: str) -> None:
    annotation_service.record_direct(
        annotator_id=annotator.pk,
        image_id=image.pk,
        kind="LABEL" if codes else "NONE_OF_THESE",
        label_codes=list(codes),
        key=uuid.uuid4(),
        now=NOW,
    )


def test_staff_see_all_labels_of_a_picture(project: Project) -> None:
    both, none, unseen = make_images(project, 3)
    ada = make_annotator(project)
    name(ada, both, "milk", "oat-milk")
    name(ada, none)

    rows, _ = images.for_staff(project.pk, which="recent")

    shown = {row.id: row.label_names for row in rows}
    assert shown == {both.public_id: ["milk", "oat milk"], none.public_id: [], unseen.public_id: []}
    label_id = projects.label(project.pk, "oat-milk").pk
    of_label, _ = images.for_staff(project.pk, which="labeled", label_id=label_id)
    assert [row.id for row in of_label] == [both.public_id]


def test_training_rows_hold_a_probability_a_label_and_images_that_show_none(
    project: Project,
) -> None:
    both, none = make_images(project, 2)
    ada = make_annotator(project)
    name(ada, both, "milk", "oat-milk")
    name(ada, none)

    rows = consensus_selectors.training_rows(project.pk)

    assert rows.is_several
    assert rows.image_ids.tolist() == [both.pk, none.pk]
    assert rows.posteriors.tolist() == [[0.75, 0.25, 0.75], [0.25, 0.25, 0.25]]


def test_a_label_made_since_is_unknown_of_images_answered_before(project: Project) -> None:
    before, after = make_images(project, 2)
    ada = make_annotator(project)
    name(ada, before, "milk")
    make_scheme(project, ["milk", "soy milk", "oat milk", "rice milk"])
    name(ada, after, "milk")

    rows = consensus_selectors.training_rows(project.pk)

    assert rows.posteriors.tolist() == [[0.75, 0.25, 0.25, 0.5], [0.75, 0.25, 0.25, 0.25]]


def test_an_expert_decides_a_set_alone(project: Project) -> None:
    (image,) = make_images(project, 1, Partition.AUDIT)
    name(make_annotator(project), image, "milk")

    decisions.adjudicate(
        project_id=project.pk,
        image_id=image.pk,
        annotator_id=make_annotator(project, "Eve").pk,
        kind="LABEL",
        label_code="soy-milk",
        label_codes=["oat-milk"],
        now=NOW,
    )

    row = Consensus.objects.get(image=image)
    assert row.state == ConsensusState.RESOLVED
    assert np.frombuffer(bytes(row.posterior), dtype=np.float32).tolist() == [0.0, 1.0, 1.0]
    found = several.sets(project.pk, np.array([image.pk]))
    assert found.shows.tolist() == [[False, True, True]]
    assert found.known.all()


def test_people_who_name_the_same_two_labels_agree(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(votes_audit=2, adjudication_share=0.0)
    alike, unlike = make_images(project, 2, Partition.AUDIT)
    for person in ("Ada", "Ben"):
        annotator = make_annotator(project, person)
        name(annotator, alike, "milk", "oat-milk")
        name(annotator, unlike, "milk", *(["oat-milk"] if person == "Ada" else []))
    Consensus.objects.filter(image=unlike).update(state=ConsensusState.DISPUTED)

    adjudication.open_due(project_id=project.pk, now=NOW)

    kinds = dict(Adjudication.objects.values_list("image_id", "kind"))
    assert kinds[unlike.pk] == AdjudicationKind.DISAGREEMENT
    assert kinds.get(alike.pk) != AdjudicationKind.DISAGREEMENT


def test_an_answer_that_names_a_group_says_nothing_of_its_labels(project: Project) -> None:
    scheme = replace(projects.current_scheme(project.pk), lineage=Lineage(several={99: (0, 1)}))
    answer = LiveAnswer(1, 1, "LABEL", decides_alone=False, label_ids=[99])

    vote = several.vote(answer, scheme, {1: frozenset({0, 1, 2})})

    assert (vote.yes, vote.asked) == (frozenset(), frozenset({2}))


def test_an_export_holds_the_whole_set(project: Project) -> None:
    both, none, unanswered = make_images(project, 3)
    ada = make_annotator(project)
    name(ada, both, "milk", "oat-milk")
    name(ada, none)

    rows = {row["image"]: row.get("label_set") for row in exports.image_rows(project.pk)}

    assert rows[str(both.public_id)] == "milk|oat-milk"
    assert rows[str(none.public_id)] == ""
    assert rows[str(unanswered.public_id)] is None


def test_a_page_of_one_label_reads_sets_only_until_it_is_full(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(several, "BATCH", 3)
    pictures = make_images(project, 12)
    ada = make_annotator(project)
    for image in pictures:
        name(ada, image, "milk", *(["oat-milk"] if image in pictures[:2] else []))
    make_scheme(project, ["milk", "soy milk", "oat milk", "rice milk"])
    scheme = projects.current_scheme(project.pk)
    milk, _, oat, _ = scheme.label_ids
    rows = Image.objects.filter(project=project)

    with CaptureQueriesContext(connection) as common:
        newest = several.newest_showing(rows, milk, scheme, at_most=2)
    with CaptureQueriesContext(connection) as rare:
        oldest = several.newest_showing(rows, oat, scheme, at_most=2)

    assert newest == [pictures[11].pk, pictures[10].pk]
    assert oldest == [pictures[1].pk, pictures[0].pk]
    # One block, and all four of them; besides, the labels of the version they were given under.
    assert (len(common), len(rare)) == (2, 5)
