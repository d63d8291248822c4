from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from labeling.models import (
    Annotation,
    AuditEvent,
    Consensus,
    ConsensusState,
    Job,
    LabelMapping,
    Mode,
    Partition,
    Project,
)
from labeling.selectors import consensus as selectors
from labeling.selectors import jobs, projects, queue
from labeling.services import ask_again, label_steps, schemes
from labeling.services.label_steps import (
    RetiredLabelError,
    SeveralLabelsError,
    TooFewToMergeError,
)
from labeling.tasks import JOB_TASKS
from labeling.tests import worlds
from labeling.tests.factories import NOW, make_project
from labeling.tests.worlds import direct, make_annotator, make_images

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def project() -> Project:
    return make_project(
        classes=["Milk", "Soy milk", "Juice"], audit_serving_share=0.3, random_arm_share=0.0
    )


def merge(project: Project, *codes: str, name: str) -> label_steps.Step:
    return label_steps.merge_labels(project_id=project.pk, codes=codes, name=name, now=LATER)


def split(project: Project, code: str, *names: str) -> label_steps.Step:
    label = projects.label(project.pk, code)
    return label_steps.split_label(label_id=label.pk, names=names, now=LATER)


def trained(project: Project) -> dict[int, str]:
    rows = selectors.training_rows(project.pk)
    return {
        int(key): rows.codes[row.argmax()]
        for key, row in zip(rows.image_ids, rows.posteriors, strict=True)
    }


def test_answers_for_merged_labels_count_for_the_one_that_is_left(project: Project) -> None:
    ada = make_annotator(project)
    milk, soy, juice = make_images(project, 3)
    direct(ada, milk, "milk")
    direct(ada, soy, "soy milk")
    direct(ada, juice, "juice")
    said = list(Annotation.objects.order_by("pk").values_list("labels__label__code", flat=True))

    step = merge(project, "milk", "soy-milk", name="Milk")

    assert [label.code for label in step.labels] == ["milk"]
    assert (step.images, step.audit_images) == (2, 0)
    assert trained(project) == {milk.pk: "milk", soy.pk: "milk", juice.pk: "juice"}
    assert projects.current_scheme(project.pk).codes == ("milk", "juice")
    assert said == list(
        Annotation.objects.order_by("pk").values_list("labels__label__code", flat=True)
    )
    steps = LabelMapping.objects.order_by("from_label__code")
    assert [(one.kind, one.from_name, one.to_name) for one in steps] == [
        ("MERGE", "Milk", "Milk"),
        ("MERGE", "Soy milk", "Milk"),
    ]
    assert AuditEvent.objects.get(verb="labels_merged").detail["images"] == 2


def test_a_merge_under_a_new_name_makes_a_new_label_in_the_place_of_the_first(
    project: Project,
) -> None:
    (image,) = make_images(project, 1)
    direct(make_annotator(project), image, "soy milk")

    merge(project, "soy-milk", "juice", name="Drink")

    assert projects.current_scheme(project.pk).codes == ("milk", "drink")
    assert trained(project) == {image.pk: "drink"}


def test_a_quarrel_about_merged_labels_is_over(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(votes_pool=2, vote_cap_pool=2)
    ada, ben = make_annotator(project), make_annotator(project)
    worlds.active(project, [ada, ben])
    (image,) = make_images(project, 1)
    direct(ada, image, "milk")
    direct(ben, image, "soy milk")
    assert Consensus.objects.get(image=image).state == ConsensusState.DISPUTED

    step = merge(project, "milk", "soy-milk", name="Any milk")

    found = Consensus.objects.get(image=image)
    assert (found.state, found.label_id) == (ConsensusState.RESOLVED, step.labels[0].pk)
    assert step.decided == 1


def test_merges_follow_one_another(project: Project) -> None:
    (image,) = make_images(project, 1)
    direct(make_annotator(project), image, "soy milk")
    schemes.add_label(project_id=project.pk, name="Oat milk", now=NOW)

    merge(project, "milk", "soy-milk", name="Some milk")
    merge(project, "some-milk", "oat-milk", name="Milk")

    assert projects.current_scheme(project.pk).codes == ("milk-2", "juice")
    assert trained(project) == {image.pk: "milk-2"}


def test_what_a_label_meant_before_a_merge_can_still_be_read(project: Project) -> None:
    before = projects.current_scheme(project.pk)

    merge(project, "milk", "soy-milk", name="Milk")

    assert projects.scheme(before.id) == before
    assert projects.scheme(before.id).lineage.merged == {}


def test_a_label_is_known_by_the_names_of_those_merged_into_it(project: Project) -> None:
    assert projects.former_names(project.pk) == {}
    merge(project, "milk", "soy-milk", name="Any milk")

    assert projects.former_names(project.pk) == {"any-milk": ["Milk", "Soy milk"]}


def test_a_label_is_known_by_the_names_it_had(project: Project) -> None:
    label_id = projects.label(project.pk, "soy-milk").pk
    for name in ("Soya drink", "Soy drink", "Soya drink"):
        schemes.rename_label(label_id=label_id, name=name, now=NOW)

    assert projects.former_names(project.pk) == {"soy-milk": ["Soy milk", "Soy drink"]}
    merge(project, "milk", "soy-milk", name="Any milk")

    names = ["Soy milk", "Soya drink", "Soy drink", "Milk"]
    assert projects.former_names(project.pk) == {"any-milk": names}


def test_labels_are_known_by_the_name_of_what_was_split_into_them(project: Project) -> None:
    merge(project, "soy-milk", "juice", name="Drink")
    split(project, "drink", "Cold", "Hot")

    names = ["Soy milk", "Juice", "Drink"]
    assert projects.former_names(project.pk) == {"cold": names, "hot": names}


def test_a_split_asks_the_same_people_again(project: Project) -> None:
    ada = make_annotator(project)
    one, other = make_images(project, 2)
    direct(ada, one, "milk")
    direct(ada, other, "juice")

    step = split(project, "milk", "Cow milk", "Goat milk")
    direct(ada, one, "goat milk")

    assert (step.images, step.asked_again) == (1, 1)
    assert trained(project) == {one.pk: "goat-milk", other.pk: "juice"}


def test_until_it_is_answered_a_split_image_may_be_each_of_the_new_labels(
    project: Project,
) -> None:
    (image,) = make_images(project, 1)
    direct(make_annotator(project), image, "milk")

    split(project, "milk", "Cow milk", "Goat milk")

    found = Consensus.objects.get(image=image)
    assert (found.state, found.n_votes) == (ConsensusState.OPEN, 0)
    assert found.label is not None
    assert found.label.code == "milk"
    order = projects.current_scheme(project.pk).codes
    shares = dict(zip(order, np.frombuffer(bytes(found.posterior), np.float32), strict=True))
    assert shares["cow-milk"] == pytest.approx(shares["goat-milk"])
    assert shares["cow-milk"] > 2 * max(shares["soy-milk"], shares["juice"])
    assert queue.candidates(project.pk).image_ids.tolist() == [image.pk]
    assert trained(project) == {}
    rows = selectors.narrowed_rows(project.pk)
    assert rows.image_ids.tolist() == [image.pk]


def test_a_measured_image_of_a_split_label_waits_for_its_answer(project: Project) -> None:
    ada = make_annotator(project)
    image, other = make_images(project, 2, Partition.AUDIT)
    direct(ada, image, "milk")
    direct(ada, other, "juice")

    step = split(project, "milk", "Cow milk", "Goat milk")
    worlds.top_up(project, now=LATER)
    held = worlds.claim(ada, 3, now=LATER)

    rows = selectors.audit_rows(project.pk)
    stands = dict(zip(rows.image_ids.tolist(), rows.label_index.tolist(), strict=True))
    assert step.audit_images == 1
    assert stands[image.pk] == -1
    assert rows.codes[stands[other.pk]] == "juice"
    assert [one.image_id for one in held] == [image.pk]


def test_a_split_of_many_images_is_finished_by_a_job(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask_again, "AT_ONCE", 2)
    monkeypatch.setattr(ask_again, "BATCH", 2)
    ada = make_annotator(project)
    pool = make_images(project, 7)
    (measured,) = make_images(project, 1, Partition.AUDIT)
    for image in (*pool, measured):
        direct(ada, image, "milk")
    live = Annotation.objects.filter(labels__isnull=False, withdrawn_at__isnull=True)

    step = split(project, "milk", "Cow milk", "Goat milk")

    assert step.asked_again == 8
    assert set(live.values_list("image_id", flat=True)) == {image.pk for image in pool[2:]}
    (due,) = jobs.due(LATER)
    assert due.kind in JOB_TASKS

    with pytest.raises(ConnectionError):
        ask_again.run_job(job_id=due.job_id, clock=_dies_at_call(5))
    job = Job.objects.get(pk=due.job_id)
    assert (job.state, job.done, live.count()) == ("RUNNING", 2, 3)

    ask_again.run_job(job_id=due.job_id, clock=lambda: LATER)

    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("SUCCEEDED", 5, 5)
    assert live.count() == 0
    assert selectors.narrowed_rows(project.pk).image_ids.tolist() == [image.pk for image in pool]
    assert selectors.label_changes(project.pk) == 2
    ask_again.run_job(job_id=due.job_id, clock=lambda: LATER)
    assert selectors.label_changes(project.pk) == 2


def _dies_at_call(fatal: int) -> Callable[[], datetime]:
    calls = itertools.count(1)

    def clock() -> datetime:
        if next(calls) == fatal:
            raise ConnectionError
        return LATER

    return clock


def test_splitting_what_was_merged_asks_about_both(project: Project) -> None:
    ada = make_annotator(project)
    milk, soy = make_images(project, 2)
    direct(ada, milk, "milk")
    direct(ada, soy, "soy milk")
    merge(project, "milk", "soy-milk", name="Milk")

    step = split(project, "milk", "Whole", "Skimmed")

    assert step.asked_again == 2
    assert selectors.narrowed_rows(project.pk).image_ids.tolist() == [milk.pk, soy.pk]


def test_refuses_steps_that_leave_nothing_to_choose(project: Project) -> None:
    with pytest.raises(TooFewToMergeError):
        merge(project, "milk", "milk", name="Milk")
    with pytest.raises(TooFewToMergeError):
        split(project, "milk", "Cow milk")
    with pytest.raises(schemes.LastLabelsError):
        merge(project, "milk", "soy-milk", "juice", name="Drink")
    with pytest.raises(schemes.LabelTakenError):
        merge(project, "milk", "soy-milk", name="Juice")
    with pytest.raises(schemes.LabelTakenError):
        split(project, "milk", "Goat milk", "Goat milk")
    merge(project, "milk", "soy-milk", name="Milk")
    with pytest.raises(RetiredLabelError):
        merge(project, "juice", "soy-milk", name="Drink")


def test_refuses_to_split_where_an_image_has_several_labels(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(mode=Mode.MULTI)

    with pytest.raises(SeveralLabelsError):
        split(project, "milk", "Cow milk", "Goat milk")
