"""Agreement and the error of an export: on demand, daily, and written beside the export."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from labeling.models import (
    Adjudication,
    AgreementSnapshot,
    Annotator,
    Consensus,
    Image,
    Mode,
    Partition,
    Project,
    User,
)
from labeling.selectors import agreement as selectors
from labeling.services import agreement, decisions, exports, label_error
from labeling.tests import worlds
from labeling.tests.crowd.browser import Browser
from labeling.tests.crowd.conftest import Browse

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(browse: Browse, manager: User) -> Browser:
    return browse(manager)


@pytest.fixture
def people(project: Project) -> list[Annotator]:
    return [worlds.make_annotator(project, name) for name in ("Ada", "Ben")]


def both_say(people: list[Annotator], images: list[Image], *pairs: tuple[str, str]) -> None:
    for image, labels in zip(images, pairs, strict=True):
        for who, label in zip(people, labels, strict=True):
            worlds.direct(who, image, label)


ALIKE, APART = [("milk", "milk"), ("juice", "juice")], [("milk", "juice"), ("juice", "milk")]


def test_nothing_is_known_before_the_first_snapshot(staff: Browser) -> None:
    assert staff.get(f"staff/projects/{staff.slug}/agreement") == {"now": None, "points": []}


def test_a_snapshot_on_demand_says_how_far_people_agree(
    staff: Browser, project: Project, people: list[Annotator]
) -> None:
    images = worlds.make_images(project, 8, Partition.AUDIT)
    both_say(people, images, *ALIKE * 3, *APART)

    found = staff.post(f"staff/projects/{staff.slug}/agreement")["now"]

    # Each label named 8 times of 16; 2 of 8 images apart: 1 - (4 / 16) / (128 / 240).
    assert found["alpha"]["estimate"] == pytest.approx(1 - (4 / 16) / (128 / 240), abs=1e-6)
    assert found["alpha"]["low"] < found["alpha"]["estimate"] < found["alpha"]["high"]
    assert (found["n_images"], found["n_answers"]) == (8, 16)
    assert {row["code"]: row["n_images"] for row in found["by_label"]} == {"milk": 5, "juice": 5}
    assert {row["name"] for row in found["by_label"]} == {"Milk", "Juice"}


def test_gold_answers_experts_and_who_is_set_aside_do_not_count(
    browse: Browse, project: Project, people: list[Annotator], expert: User
) -> None:
    images = worlds.make_images(project, 3, Partition.AUDIT)
    both_say(people, images, ("milk", "milk"), ("milk", "juice"), ("apple", "apple"))
    gold = worlds.make_images(project, 1)
    tab = browse(expert)
    tab.set_gold(gold)
    Project.objects.filter(pk=project.pk).update(gold_serving_share=1.0)
    for who in people:
        person = browse(who)
        person.answer(person.claim()["assignments"][0])
    before = selectors.opinions(project.pk)
    Annotator.objects.filter(pk=people[0].pk).update(quarantined_at=worlds.NOW)

    after = selectors.opinions(project.pk)

    assert (before.n_images, len(before.label)) == (3, 6)
    assert (after.n_images, len(after.label)) == (0, 0)


def test_the_model_expects_the_mean_doubt(project: Project) -> None:
    images = worlds.make_images(project, 4)
    who = worlds.make_annotator(project)
    for image in images:
        worlds.direct(who, image, "milk")
    Image.objects.filter(pk=images[3].pk).update(removed_at=worlds.NOW)
    doubt = []
    for row in Consensus.objects.filter(image__in=images[:3]):
        posterior = np.frombuffer(bytes(row.posterior), dtype=np.float32)
        doubt.append(1 - posterior.max())

    found = label_error.expected(project)

    assert found is not None
    assert (found.n, found.n_checked) == (3, 0)
    assert found.by_model == pytest.approx(np.mean(doubt), abs=1e-6)
    assert found.low < found.by_model < found.error < found.high


def test_the_page_says_where_the_error_rests_on_the_model_alone(
    staff: Browser, project: Project
) -> None:
    worlds.direct(worlds.make_annotator(project), worlds.make_images(project, 1)[0], "milk")

    page = staff.post(f"staff/projects/{staff.slug}/agreement")

    now, (point,) = page["now"], page["points"]
    assert (now["expected_error_basis"], now["expected_error_checked"]) == ("model", 0)
    assert "alone" in now["expected_error_means"]
    assert 0 < now["expected_error_by_model"] < 0.3
    low, high = now["expected_error_interval"]
    assert low < now["expected_error"] < high
    assert point["expected_error_interval"] == [low, high]


def test_what_people_miss_of_gold_puts_the_error_right(
    browse: Browse, staff: Browser, expert: User, project: Project
) -> None:
    """Everybody takes juice for milk, always: the model cannot know, gold does."""
    Project.objects.filter(pk=project.pk).update(votes_pool=2, vote_cap_pool=3)
    crowd = [worlds.make_annotator(project, f"P{n}") for n in range(4)]
    worlds.active(project, crowd)
    images = worlds.make_images(project, 80)
    for n, image in enumerate(images):
        for who in (crowd[n % 4], crowd[(n + 1) % 4]):
            worlds.direct(who, image, "milk")  # a quarter of them are juice
    before = staff.post(f"staff/projects/{staff.slug}/agreement")["now"]

    tab = browse(expert)
    tab.set_gold(images[0:80:8], "juice")
    tab.set_gold([image for n, image in enumerate(images) if n % 8 in (1, 2, 3)], "milk")
    after = staff.post(f"staff/projects/{staff.slug}/agreement")["now"]

    assert before["expected_error_by_model"] < 0.05
    assert (after["expected_error_basis"], after["expected_error_checked"]) == ("checked", 40)
    low, high = after["expected_error_interval"]
    # 10 of 40 checked are wrong. The 40 not checked are half of what is exported now.
    assert low < 0.25 / 2 < high
    assert before["expected_error"] < low


def test_a_check_of_the_audit_slice_stands_for_those_nobody_checked(project: Project) -> None:
    crowd = [worlds.make_annotator(project, f"P{n}") for n in range(3)]
    worlds.active(project, crowd)
    expert = worlds.make_annotator(project, "Expert")
    images = worlds.make_images(project, 3, Partition.AUDIT)
    for image in images:
        for who in crowd:
            worlds.direct(who, image, "milk")
    for image, said, probability in zip(images, ("juice", "milk"), (0.2, 1.0), strict=False):
        answer = decisions.adjudicate(
            project_id=project.pk,
            image_id=image.pk,
            annotator_id=expert.pk,
            kind="LABEL",
            label_code=said,
            now=worlds.NOW,
        )
        Adjudication.objects.create(
            project=project,
            image=image,
            kind="AGREEMENT_SAMPLE",
            probability=probability,
            created_at=worlds.NOW,
            settled_at=worlds.NOW,
            annotation=answer,
        )

    found = label_error.checked(project)

    assert found.is_wrong.tolist() == [True, False]
    assert found.weight.tolist() == [5.0, 1.0]
    assert (found.risk < 0.1).all()
    Annotator.objects.filter(pk=expert.pk).update(quarantined_at=worlds.NOW)
    assert len(label_error.checked(project).risk) == 0


def test_the_error_and_the_agreement_go_with_the_export(
    project: Project, people: list[Annotator], tmp_path: Path
) -> None:
    images = worlds.make_images(project, 8, Partition.AUDIT)
    both_say(people, images, *ALIKE * 3, *APART)
    worlds.direct(worlds.make_annotator(project), worlds.make_images(project, 1)[0], "apple")
    agreement.take(project_id=project.pk, now=worlds.NOW)

    exports.write_folder(project_id=project.pk, folder=tmp_path, file_format="jsonl")

    quality = json.loads((tmp_path / "project.json").read_text())["quality"]
    expected = label_error.expected(project)
    assert expected is not None
    assert quality["labels"] == expected.n > 0
    assert quality["expected_error"] == pytest.approx(expected.error, abs=1e-6)
    low, high = quality["expected_error_interval"]
    assert low < quality["expected_error"] < high
    assert quality["agreement"] == pytest.approx(0.53125, abs=1e-6)
    assert quality["agreement_at"] == worlds.NOW.isoformat()


def test_one_snapshot_a_day_while_people_answer(project: Project, people: list[Annotator]) -> None:
    images = worlds.make_images(project, 3)
    worlds.direct(people[0], images[0])
    hour = timedelta(hours=1)

    taken = [agreement.take_due(now=worlds.NOW + n * hour) for n in (1, 2, 23, 26, 60)]
    assert taken == [1, 0, 0, 0, 0]
    worlds.direct(people[0], images[1])
    Project.objects.get(pk=project.pk).annotations.update(created_at=worlds.NOW + 61 * hour)
    assert agreement.take_due(now=worlds.NOW + 62 * hour) == 1
    assert AgreementSnapshot.objects.count() == 2


def test_the_curve_is_oldest_first(staff: Browser, project: Project) -> None:
    for day in (1, 3, 2):
        AgreementSnapshot.objects.create(
            project=project,
            at=worlds.NOW + timedelta(days=day),
            alpha=day / 10,
            interval=[0.0, 1.0],
            expected_error=0.1,
        )

    found = staff.get(f"staff/projects/{staff.slug}/agreement")

    assert [point["alpha"] for point in found["points"]] == [0.1, 0.2, 0.3]
    assert found["now"]["alpha"]["estimate"] == 0.3


def test_with_several_labels_an_image_there_is_no_such_figure(
    staff: Browser, project: Project
) -> None:
    Project.objects.filter(pk=project.pk).update(mode=Mode.MULTI)

    found = staff.post(f"staff/projects/{staff.slug}/agreement")["now"]

    assert (found["alpha"], found["expected_error"]) == (None, None)
