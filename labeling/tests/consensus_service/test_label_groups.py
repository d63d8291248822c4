from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from labeling.models import Consensus, ConsensusState, Label, Mode, Partition, Project
from labeling.selectors import consensus as selectors
from labeling.selectors import projects
from labeling.services import label_groups, label_steps, schemes
from labeling.services.annotations import InvalidAnswerError, adjudicate
from labeling.tests import worlds
from labeling.tests.factories import NOW, make_project
from labeling.tests.worlds import direct, make_annotator, make_images

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


def group(project: Project, **group_of: str) -> tuple[Label, ...]:
    names = {code.replace("_", "-"): name for code, name in group_of.items()}
    return label_groups.set_groups(project_id=project.pk, group_of=names, now=LATER)


@pytest.fixture
def project() -> Project:
    project = make_project(classes=["Oat", "Soy", "Juice", "Tea"], votes_audit=1)
    group(project, oat="Milk", soy="Milk")
    return project


def shares(image_id: int) -> dict[str, float]:
    found = Consensus.objects.get(image_id=image_id)
    codes = projects.scheme(found.scheme_id).codes
    values = np.frombuffer(bytes(found.posterior), np.float32)
    return dict(zip(codes, values.tolist(), strict=True))


def test_a_group_has_no_column_and_keeps_its_labels(project: Project) -> None:
    scheme = projects.current_scheme(project.pk)

    assert scheme.codes == ("oat", "soy", "juice", "tea")
    assert [(one.code, one.name, one.columns) for one in scheme.groups] == [
        ("milk", "Milk", (0, 1))
    ]
    assert scheme.version == 2
    group(project, oat="milk")
    assert projects.current_scheme(project.pk).version == 2


def test_an_image_of_which_people_know_only_the_group_is_resolved_as_the_group(
    project: Project,
) -> None:
    (image,) = make_images(project, 1)

    direct(make_annotator(project), image, "milk")

    found = Consensus.objects.get(image=image)
    assert found.state == ConsensusState.RESOLVED
    assert found.label is not None
    assert found.label.code == "milk"
    q = shares(image.pk)
    assert q["oat"] == pytest.approx(q["soy"])
    assert q["oat"] + q["soy"] > 0.8
    assert selectors.training_rows(project.pk).image_ids.tolist() == []
    rows = selectors.narrowed_rows(project.pk)
    assert rows.image_ids.tolist() == [image.pk]
    assert rows.posteriors[0].tolist() == pytest.approx(list(q.values()))


def test_a_word_for_the_group_supports_who_could_tell_which(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(votes_pool=2, vote_cap_pool=3)
    ada, ben = make_annotator(project), make_annotator(project)
    worlds.active(project, [ada, ben])
    (image,) = make_images(project, 1)

    direct(ada, image, "milk")
    direct(ben, image, "soy")

    found = Consensus.objects.get(image=image)
    assert (found.state, found.n_votes) == (ConsensusState.RESOLVED, 2)
    assert found.label is not None
    assert found.label.code == "soy"


def test_a_word_for_the_group_contradicts_a_label_outside_of_it(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(votes_pool=2, vote_cap_pool=2)
    ada, ben = make_annotator(project), make_annotator(project)
    worlds.active(project, [ada, ben])
    (image,) = make_images(project, 1)

    direct(ada, image, "milk")
    direct(ben, image, "juice")

    assert Consensus.objects.get(image=image).state == ConsensusState.DISPUTED


def test_an_expert_may_say_no_more_than_the_group(project: Project) -> None:
    (image,) = make_images(project, 1, Partition.AUDIT)

    adjudicate(
        project_id=project.pk,
        image_id=image.pk,
        annotator_id=make_annotator(project).pk,
        kind="LABEL",
        label_code="milk",
        now=NOW,
    )

    found = Consensus.objects.get(image=image)
    assert (found.state, found.is_expert) == (ConsensusState.RESOLVED, True)
    assert shares(image.pk) == {"oat": 0.5, "soy": 0.5, "juice": 0.0, "tea": 0.0}
    rows = selectors.audit_rows(project.pk)
    assert rows.label_index.tolist() == [-1]
    assert rows.group_code == ("milk",)


def test_a_dissolved_group_asks_again_who_had_named_it(project: Project) -> None:
    ada = make_annotator(project)
    (image,) = make_images(project, 1)
    direct(ada, image, "milk")

    assert group(project, soy="") == ()
    direct(ada, image, "soy")

    assert projects.current_scheme(project.pk).groups == ()
    found = selectors.training_rows(project.pk)
    assert found.image_ids.tolist() == [image.pk]


def test_reads_groups_from_a_table_of_labels_and_groups(project: Project) -> None:
    text = "fine_label,coarse_label\nOat,Milk\nsoy,Milk\nJuice,Drink\nTea,drink\n"

    label_groups.set_groups(project_id=project.pk, group_of={}, table=text, now=LATER)

    scheme = projects.current_scheme(project.pk)
    assert {one.name: one.columns for one in scheme.groups} == {"Milk": (0, 1), "Drink": (2, 3)}
    pictures = "path,fine_label,coarse_label\n1.jpg,Oat,Grain\n2.jpg,Soy,Grain\n3.jpg,Oat,Grain\n"
    assert label_groups.read_table(project_id=project.pk, text=pictures) == {
        "oat": "Grain",
        "soy": "Grain",
    }
    alone = label_groups.read_table(project_id=project.pk, text="Oat,Milk\nTea,Tea\n")
    assert alone == {}
    for wrong in ("label\nOat,Milk", "Oat,Milk\nRye,Milk", "Oat,Milk\nOat,Grain"):
        with pytest.raises(label_groups.BadTableError):
            label_groups.read_table(project_id=project.pk, text=wrong)


def test_labels_keep_their_group_through_a_merge_and_a_split(project: Project) -> None:
    schemes.add_label(project_id=project.pk, name="Rice", now=NOW)
    group(project, rice="Milk")
    label_steps.merge_labels(project_id=project.pk, codes=["oat", "rice"], name="Grain", now=LATER)
    soy = projects.label(project.pk, "soy")
    label_steps.split_label(label_id=soy.pk, names=["Sweet soy", "Plain soy"], now=LATER)

    scheme = projects.current_scheme(project.pk)
    (milk,) = scheme.groups
    assert {scheme.codes[column] for column in milk.columns} == {
        "grain", "sweet-soy", "plain-soy",
    }  # fmt: skip


def test_refuses_groups_that_cannot_be(project: Project) -> None:
    with pytest.raises(schemes.LabelTakenError):
        group(project, juice="Tea")
    with pytest.raises(schemes.GroupOfLabelsError):
        schemes.retire_label(label_id=projects.label(project.pk, "milk").pk, now=LATER)
    with pytest.raises(schemes.GroupOfLabelsError):
        label_steps.merge_labels(
            project_id=project.pk, codes=["milk", "tea"], name="Drink", now=LATER
        )
    several = make_project(classes=["Lake", "Hill"], mode=Mode.MULTI)
    with pytest.raises(label_groups.NoGroupsError):
        group(several, lake="Land", hill="Land")
    (image,) = make_images(several, 1)
    with pytest.raises(InvalidAnswerError):
        direct(make_annotator(several), image, "land")
