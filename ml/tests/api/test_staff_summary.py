"""How far to believe the accuracy: hand-worked figures on the project of `audited.py`."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.utils import timezone

from labeling.services import label_groups
from labeling.tests import factories
from labeling.tests.rows import Image
from ml.models import ModelVersion
from ml.selectors import overview
from ml.tests.api.audited import Audited
from ml.tests.serving.kitchen import Kitchen, signed_in

pytestmark = pytest.mark.django_db
P_SURE = math.exp(8) / (math.exp(8) + 2)


@pytest.fixture
def audited(kitchen: Kitchen) -> Audited:
    overview.forget()
    return Audited.make(kitchen)


def accuracy(audited: Audited) -> dict[str, Any]:
    manager = signed_in(factories.make_member(audited.project, "MANAGER"))
    page = manager.get(f"/api/v1/staff/projects/{audited.project.slug}/overview").json()
    found: dict[str, Any] = page["accuracy"]
    return found


def test_the_right_label_is_more_often_among_the_first_two(audited: Audited) -> None:
    found = accuracy(audited)["top"]
    # Leek first and apple second for the apple called leek; water is third of the water.
    assert (found["k"], found["n"], found["unresolved"]) == (2, 7, 1)
    assert found["estimate"] == pytest.approx(6 / 7)


def test_each_label_counts_once_with_an_interval_around(audited: Audited) -> None:
    found = accuracy(audited)["classes"]
    macro, tenth = found["macro"], found["tenth"]
    assert macro["low"] < macro["estimate"] < macro["high"]
    assert (macro["n"], tenth["n"]) == (7, 7)
    assert tenth["estimate"] < macro["estimate"]


def test_certainty_is_laid_beside_how_often_it_is_right(audited: Audited) -> None:
    found = accuracy(audited)["calibration"]
    (only,) = found["bins"]
    assert (only["from"], only["to"], only["n"]) == (0.9, 1.0, 7)
    assert only["estimate"] == pytest.approx(5 / 7)
    assert only["confidence"] == pytest.approx(P_SURE)
    assert found["ece"] == pytest.approx(P_SURE - 5 / 7)
    by_chance = math.sqrt(2 / math.pi * 7 * P_SURE * (1 - P_SURE)) / 7
    assert found["by_chance"] == pytest.approx(by_chance)


def test_images_drawn_twice_as_often_count_half(audited: Audited) -> None:
    before = accuracy(audited)
    assert before["is_weighed"] is False
    apples = [image.pk for image in audited.images["apple", "apple"]]
    Image.objects.filter(pk__in=apples).update(inclusion_probability=0.24)
    overview.forget()

    page = accuracy(audited)
    found = page["overall"]

    # 3 right apples of weight 1/2; of weight 1: one wrong apple, two right leeks, a wrong water.
    # With so few the factor between the chances is drawn towards none by half.
    assert page["is_weighed"] is True
    assert (1.5 + 2) / (1.5 + 4) < found["estimate"] < before["overall"]["estimate"] - 0.02
    assert found["low"] < found["estimate"] < found["high"]
    assert found["n"] == 7


def test_a_label_whose_images_were_drawn_unlike_weighs_each(audited: Audited) -> None:
    one_right = audited.images["apple", "apple"][0]
    Image.objects.filter(pk=one_right.pk).update(inclusion_probability=0.48)
    overview.forget()

    rows = {row["code"]: row for row in accuracy(audited)["per_class"]}

    # Weights 1/4 for one right apple, 1 for two right and the wrong one; drawn to what three more
    # images of the kind that all labels show would say.
    assert 2.25 / 3.25 < rows["apple"]["estimate"] < 3 / 4
    assert rows["apple"]["low"] < 2.25 / 3.25 < rows["apple"]["high"]
    assert rows["leek"]["estimate"] == 1.0


def test_what_is_counted_both_ways_says_what_it_waits_for(audited: Audited) -> None:
    assert accuracy(audited)["open"] == {
        "answers": 0, "expert": 0, "none_fits": 1, "group": 0, "unseen": 0
    }  # fmt: skip
    (image,) = audited.add(None, 1)
    audited.answer(image, "apple")
    assert accuracy(audited)["open"]["unseen"] == 1


def test_what_the_slice_still_holds_is_all_that_can_be_reached(audited: Audited) -> None:
    found = accuracy(audited)
    # Two images wait, and the version calls both water.
    assert found["overall"]["waiting"] == 2
    rows = {row["code"]: row for row in found["per_class"]}
    assert [row["waiting"] for row in rows.values()] == [0, 0, 2]
    assert {row["source"]: row["waiting"] for row in found["per_source"]} == {"shop": 2, "home": 0}
    # Wilson's half-width at n = 3 and the share (0 + 2) / (1 + 4).
    z = 1.959964
    half = z * math.sqrt(0.4 * 0.6 / 3 + z * z / 36) / (1 + z * z / 3)
    assert rows["water"]["reachable"] == pytest.approx(half, abs=1e-5)
    assert rows["apple"]["reachable"] == pytest.approx(
        (rows["apple"]["high"] - rows["apple"]["low"]) / 2
    )


def test_a_narrower_interval_has_its_price_and_its_bounds(audited: Audited) -> None:
    manager = signed_in(factories.make_member(audited.project, "MANAGER"))
    address = f"/api/v1/staff/projects/{audited.project.slug}/top-up"

    found = manager.get(f"{address}?label=water&half_width=0.2").json()

    # Water: none of 1 right. The classifier takes both images that wait for it.
    assert (found["waiting"], found["waiting_answers"]) == (2, 2)
    # Wilson +-20 points at a share of a half takes 20 cases, at one of 4 in 5 it takes 12.
    assert 10 <= found["missing"] <= 30
    # Nothing taken for water has been looked at: one image in two may be of it.
    assert found["answers"] > 1.5 * found["missing"]
    # Of the new pictures half join, once asked for.
    assert found["new_pictures"] == pytest.approx(2 * (found["missing"] - 2), abs=3)
    assert found["reachable"] > 0.2
    assert found["sentence"].startswith("Water is not known yet (1 audit image). ±20 points take")
    assert "at one answer a picture" in found["sentence"]
    assert manager.get(f"{address}?label=pear").status_code == 404
    assert manager.get(f"{address}?label=water&half_width=0.9").status_code == 400


def test_accuracy_is_given_by_labels_and_by_groups_of_labels(audited: Audited) -> None:
    # What is kept by label is no hint for groups; that pages with groups failed went unseen.
    kept = {"apple": [7.0, 9.0], "leek": [4.0, 6.0], "water": [2.0, 3.0]}
    ModelVersion.objects.filter(pk=audited.version.pk).update(metrics={"practice": kept})
    assert accuracy(audited)["groups"] is None
    label_groups.set_groups(
        project_id=audited.project.pk,
        group_of={"apple": "Produce", "leek": "Produce"},
        now=timezone.now(),
    )
    (image,) = audited.add("leek", 1)
    audited.answer(image, "produce")

    found = accuracy(audited)

    labels, groups = found["overall"], found["groups"]["overall"]
    assert (labels["n"], labels["estimate"], labels["unresolved"]) == (7, pytest.approx(5 / 7), 2)
    assert found["open"]["group"] == 1
    # An apple taken for a leek is produce, and so is what nobody could tell.
    assert (groups["n"], groups["estimate"], groups["unresolved"]) == (8, pytest.approx(7 / 8), 1)
    assert groups["low"] < 7 / 8 < groups["high"]
    (produce,) = found["groups"]["per_group"]
    assert (produce["code"], produce["n"], produce["estimate"]) == ("produce", 7, 1.0)
    assert produce["practice"] is None
