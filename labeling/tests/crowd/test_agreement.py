"""Agreement and the error of an export: on demand, daily, and written beside the export."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from labeling.models import (
    AgreementSnapshot,
    Annotator,
    Consensus,
    ConsensusState,
    Image,
    Mode,
    Partition,
    Project,
    User,
)
from labeling.selectors import agreement as selectors
from labeling.services import agreement, exports
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


def label(project: Project, image: Image, code: str, p: float) -> None:
    """Let consensus give an image a label with a probability."""
    worlds.direct(worlds.make_annotator(project), image, code)
    row = Consensus.objects.select_related("scheme").get(image=image)
    codes = list(row.scheme.entries.order_by("position").values_list("label__code", flat=True))
    posterior = np.full(len(codes), (1 - p) / (len(codes) - 1), dtype=np.float32)
    posterior[codes.index(code)] = p
    row.state, row.posterior = ConsensusState.RESOLVED, posterior.tobytes()
    row.label = project.labels.get(code=code)
    row.save()


def test_the_error_of_an_export_is_the_mean_doubt(project: Project) -> None:
    images = worlds.make_images(project, 4)
    for image, p in zip(images, (0.9, 0.8, 1.0, 0.5), strict=True):
        label(project, image, "milk", p)
    Image.objects.filter(pk=images[3].pk).update(removed_at=worlds.NOW)

    found = selectors.expected(project.pk)

    assert found.n == 3
    assert found.error == pytest.approx((0.1 + 0.2 + 0.0) / 3)


def test_the_error_and_the_agreement_go_with_the_export(
    project: Project, people: list[Annotator], tmp_path: Path
) -> None:
    images = worlds.make_images(project, 8, Partition.AUDIT)
    both_say(people, images, *ALIKE * 3, *APART)
    label(project, worlds.make_images(project, 1)[0], "apple", 0.75)
    agreement.take(project_id=project.pk, now=worlds.NOW)

    exports.write_folder(project_id=project.pk, folder=tmp_path, file_format="jsonl")

    quality = json.loads((tmp_path / "project.json").read_text())["quality"]
    expected = selectors.expected(project.pk)
    assert quality["labels"] == expected.n > 0
    assert quality["expected_error"] == pytest.approx(expected.error)
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
