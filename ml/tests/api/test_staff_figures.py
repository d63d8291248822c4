"""The staff room's figures against those worked out by hand in `audited.py`."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from labeling.services import annotations as annotation_service
from labeling.tests import factories, worlds
from labeling.tests.rows import Adjudication, Annotator, Image, Project
from ml.evaluation import intervals
from ml.evaluation.pooling import partially_pooled
from ml.evaluation.practice import Practice
from ml.evaluation.summary import class_summary
from ml.models import Embedding, ModelVersion
from ml.selectors import figures
from ml.tests.api.audited import Audited
from ml.tests.serving.kitchen import Kitchen, browser_of, client_with, signed_in

pytestmark = pytest.mark.django_db
P_SURE = math.exp(8) / (math.exp(8) + 2)
PAGES = ("overview", "confusion", "confusion/images?truth=apple&predicted=leek", "history",
         "versions", "runs", "export")  # fmt: skip


def get(client: Any, audited: Audited, page: str, **headers: str) -> Any:
    return client.get(f"/api/v1/staff/projects/{audited.project.slug}/{page}", headers=headers)


def accuracy(client: Any, audited: Audited) -> dict[str, Any]:
    found: dict[str, Any] = get(client, audited, "overview").json()["accuracy"]
    return found


def test_the_overall_accuracy_holds_the_unresolved_as_a_bound(
    audited: Audited, manager: Any
) -> None:
    found = accuracy(manager, audited)
    overall = found["overall"]

    assert (found["version"], overall["n"], overall["unresolved"]) == (1, 7, 1)
    assert overall["estimate"] == pytest.approx(5 / 7)
    # Wilson 95 %: 5 of 8 with the unresolved image wrong, 6 of 8 with it right.
    assert overall["low"] == pytest.approx(0.3057, abs=5e-5)
    assert overall["high"] == pytest.approx(0.9285, abs=5e-5)
    # n with z sqrt(pq / n + z^2 / 4n^2) / (1 + z^2 / n) <= 0.1 at p = 7 / 11: 86.
    assert overall["missing"] == 86 - 7
    assert found["macro"] == pytest.approx((3 / 4 + 1 + 0) / 3)


def test_each_label_has_a_raw_and_a_pooled_estimate(audited: Audited, manager: Any) -> None:
    rows = {row["code"]: row for row in accuracy(manager, audited)["per_class"]}

    assert [(row["n"], row["estimate"]) for row in rows.values()] == [(4, 0.75), (2, 1), (1, 0)]
    wanted = [one.estimate for one in partially_pooled([3, 2, 0], [4, 2, 1])]
    assert [row["pooled"]["estimate"] for row in rows.values()] == pytest.approx(wanted)
    low, high = sorted(wanted)[0], sorted(wanted)[-1]
    assert 0.3 < low < high < 0.9  # drawn together: raw they are 0 and 1
    for row in rows.values():
        assert row["pooled"]["low"] < row["pooled"]["estimate"] < row["pooled"]["high"]
        assert row["unresolved"] == 0
        assert row["missing"] > 0
    assert rows["apple"]["name"] == "Apple"


def test_a_pooled_estimate_takes_the_labeled_images_for_a_hint(
    audited: Audited, manager: Any
) -> None:
    kept = {"apple": [70.0, 75.0], "leek": [40.0, 60.0], "water": [9.5, 30.0]}
    ModelVersion.objects.filter(pk=audited.version.pk).update(metrics={"practice": kept})
    told = Practice(np.array([70.0, 40.0, 9.5]), np.array([75.0, 60.0, 30.0]))

    found = accuracy(manager, audited)

    wanted = partially_pooled([3, 2, 0], [4, 2, 1], told)
    for row, one, raw in zip(found["per_class"], wanted, (0.75, 1, 0), strict=True):
        assert row["estimate"] == raw
        assert row["pooled"]["estimate"] == pytest.approx(one.estimate)
        assert (row["pooled"]["low"], row["pooled"]["high"]) == pytest.approx((one.low, one.high))
        assert row["practice"] == kept[row["code"]]
    again = figures.everything(audited.project.pk)["accuracy"]
    assert [row["pooled"] for row in again["per_class"]] == [
        pytest.approx(row["pooled"]) for row in found["per_class"]
    ]
    # What is said of the classifier as a whole rests on audit images alone.
    rng = np.random.default_rng(audited.version.number)
    alone = class_summary([3, 2, 0], [4, 2, 1], rng=rng)
    for classes in (found["classes"], again["classes"]):
        assert classes["macro"]["low"] == pytest.approx(alone.macro.low)
        assert classes["tenth"]["estimate"] == pytest.approx(alone.tenth.estimate)


def test_each_source_has_its_own_figure(audited: Audited, manager: Any) -> None:
    shop, home = accuracy(manager, audited)["per_source"]

    assert (shop["source"], shop["n"], shop["unresolved"], shop["estimate"]) == ("shop", 4, 0, 0.75)
    assert (home["source"], home["n"], home["unresolved"]) == ("home", 3, 1)
    assert home["estimate"] == pytest.approx(2 / 3)


def test_a_figure_rests_on_one_person_until_another_answers(audited: Audited, manager: Any) -> None:
    assert accuracy(manager, audited)["rests_on_one_person"] is True
    other = worlds.make_annotator(audited.project, "Bea")
    audited.answer(audited.images["", "water"][0], "water", by=other)

    found = accuracy(manager, audited)
    assert found["rests_on_one_person"] is False
    assert found["overall"]["estimate"] == pytest.approx(6 / 8)


def test_the_overview_says_how_many_answers_an_audit_image_is_asked_for_and_why(
    audited: Audited, manager: Any
) -> None:
    now = timezone.now()
    for name, days_ago in (("Bea", 1), ("Cem", 2), ("Dee", 30)):
        who = worlds.make_annotator(audited.project, name)
        audited.answer(audited.images["", "water"][0], "water", by=who)
        seen = now - timedelta(days=days_ago)
        Annotator.objects.filter(pk=who.pk).update(last_seen_at=seen)
    Annotator.objects.filter(pk=audited.annotator.pk).update(last_seen_at=None)

    def asked() -> tuple[int, int, int]:
        labels = get(manager, audited, "overview").json()["labels"]
        return labels["audit_asked"], labels["people_active"], labels["people_days"]

    audited.project.votes_audit = 3
    audited.project.save()
    assert asked() == (2, 2, 14)
    # Whoever was here the day before yesterday is gone by this setting.
    audited.project.active_annotator_days = 1
    audited.project.save()
    assert asked() == (1, 0, 1)


def test_labels_that_came_with_the_pictures_are_no_person_s_word(
    audited: Audited, manager: Any
) -> None:
    # Who stands behind the answers decides: as though an import had brought them.
    Annotator.objects.filter(pk=audited.annotator.pk).update(kind="IMPORT")

    found = accuracy(manager, audited)
    assert (found["came_with_pictures"], found["rests_on_one_person"]) == (True, False)
    other = worlds.make_annotator(audited.project, "Bea")
    audited.answer(audited.images["", "water"][0], "water", by=other)
    assert accuracy(manager, audited)["came_with_pictures"] is False


def test_an_unknown_figure_is_null_and_never_zero(kitchen: Kitchen) -> None:
    boss = signed_in(factories.make_member(kitchen.project, "MANAGER"))
    page = boss.get(f"/api/v1/staff/projects/{kitchen.project.slug}/overview").json()
    overall = page["accuracy"]["overall"]

    assert page["champion"] is None
    assert page["accuracy"]["version"] is None
    assert (overall["estimate"], overall["low"], overall["high"]) == (None, 0, 1)
    # 0 answers, p = 2 / 4: 93 for +-10 points.
    assert (overall["n"], overall["missing"]) == (0, 93)
    assert page["accuracy"]["macro"] is None
    assert page["accuracy"]["per_source"] == []
    for row in page["accuracy"]["per_class"]:
        assert (row["estimate"], row["pooled"], row["n"]) == (None, None, 0)
    assert page["accuracy"]["rests_on_one_person"] is False


def test_a_label_without_a_resolved_image_is_unknown(audited: Audited, manager: Any) -> None:
    Image.objects.filter(pk=audited.images["water", "apple"][0].pk).update(removed_at=worlds.NOW)
    water = accuracy(manager, audited)["per_class"][2]
    assert (water["code"], water["estimate"], water["pooled"], water["n"]) == (
        "water", None, None, 0
    )  # fmt: skip


def test_the_pool_counts_for_nothing(audited: Audited, manager: Any) -> None:
    before = accuracy(manager, audited)
    for image in audited.add("leek", 4, partition="POOL"):
        audited.answer(image, "apple")
    assert accuracy(manager, audited) == before


def test_an_audit_image_counts_once_the_champions_backbone_has_seen_it(
    audited: Audited, manager: Any
) -> None:
    (image,) = audited.add(None, 1)
    audited.answer(image, "apple")
    before = accuracy(manager, audited)["overall"]
    audited.embed([image], "apple")
    after = accuracy(manager, audited)["overall"]

    assert (before["n"], before["unresolved"]) == (7, 2)
    assert (after["n"], after["unresolved"]) == (8, 1)


def test_the_overview_counts_labels_and_says_who_serves(audited: Audited, manager: Any) -> None:
    page = get(manager, audited, "overview").json()

    nothing = dict.fromkeys(("pending", "audit_twins", "excluded", "flagged", "removed"), 0)
    counted = {"resolved": 2, "pool": 3, "pool_open": 0, "audit_resolved": 7, "audit_total": 10}
    counted |= {"answers": 10}
    assert counted.items() <= page["labels"].items()
    assert (page["labels"]["images"], page["labels"]["not_counted"]) == (13, nothing)
    assert page["embedding"] == {"done": 13, "total": 13}
    assert page["champion"]["number"] == 1
    assert (page["champion"]["evidence"], page["champion"]["threshold"]) == ("PROVISIONAL", 0.8)
    assert page["training"]["active"] == []
    assert page["training"]["budget"] == {"month_spent": 0.0, "month_limit": 10.0}
    assert page["project"]["slug"] == audited.project.slug
    assert set(page["queue"]["by_reason"]) >= {"ACQUIRED", "AUDIT", "RANDOM"}


def test_every_image_that_is_not_counted_has_its_reason(audited: Audited, manager: Any) -> None:
    worlds.make_images(audited.project, 2, "EXCLUDED")
    worlds.make_images(audited.project, 1, "PENDING")
    # The group of a measured audit image gets two more pictures of the same thing.
    measured, *_ = audited.images["apple", "apple"]
    twins = worlds.make_images(audited.project, 2, "AUDIT")
    Image.objects.filter(pk__in=[image.pk for image in twins]).update(
        split_group=measured.split_group
    )
    gone = worlds.make_images(audited.project, 3)
    Image.objects.filter(pk__in=[image.pk for image in gone]).update(flagged_at=worlds.NOW)
    Image.objects.filter(pk=gone[0].pk).update(removed_at=worlds.NOW)

    labels = get(manager, audited, "overview").json()["labels"]

    assert labels["not_counted"] == {
        "pending": 1, "audit_twins": 2, "excluded": 2, "flagged": 2, "removed": 1
    }  # fmt: skip
    assert (labels["pool"], labels["audit_total"]) == (3, 10)
    left_out = sum(labels["not_counted"].values())
    everything = Image.objects.filter(project=audited.project).count()
    assert labels["images"] == 3 + 10 + left_out == everything


# --- conditional requests ----------------------------------------------------------------------


@pytest.mark.parametrize("weak", ["", "W/"])
def test_nothing_new_is_answered_with_304(audited: Audited, manager: Any, weak: str) -> None:
    first = get(manager, audited, "overview")
    again = get(manager, audited, "overview", **{"If-None-Match": weak + first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    assert "private" in first["Cache-Control"]


def test_an_answer_a_vector_and_a_promotion_are_new(audited: Audited, manager: Any) -> None:
    tags = [get(manager, audited, "overview")["ETag"]]

    def is_new() -> bool:
        reply = get(manager, audited, "overview", **{"If-None-Match": tags[-1]})
        tags.append(reply["ETag"])
        return bool(reply.status_code == 200)

    audited.answer(audited.images["", "water"][0], "leek")
    assert is_new()
    assert not is_new()
    Embedding.objects.first().delete()  # type: ignore[union-attr]
    assert is_new()
    audited.kitchen.promote(audited.kitchen.version())
    assert is_new()
    ModelVersion.objects.update(evidence="PROVEN")
    assert is_new()


def test_an_audit_image_that_is_decided_without_an_answer_counts_at_once(
    audited: Audited, manager: Any
) -> None:
    Project.objects.filter(pk=audited.project.pk).update(votes_audit=2)
    (excluded,) = worlds.make_images(audited.project, 1, "EXCLUDED")
    worlds.direct(worlds.make_annotator(audited.project, "Bea"), excluded, "apple")
    audited.answer(audited.images["", "water"][0], "water")
    assert accuracy(manager, audited)["overall"]["n"] == 7

    # Everybody left: one answer is all there will be.
    worlds.top_up(audited.project, now=worlds.later(30 * 86400))

    assert accuracy(manager, audited)["overall"]["n"] == 8


def test_a_poll_costs_few_queries(
    audited: Audited, manager: Any, django_assert_max_num_queries: Any
) -> None:
    tag = get(manager, audited, "overview")["ETag"]
    with django_assert_max_num_queries(21):
        assert get(manager, audited, "overview").status_code == 200
    with django_assert_max_num_queries(21):
        get(manager, audited, "overview", **{"If-None-Match": tag})


def test_what_experts_are_asked_and_what_they_find_moves_the_figure(
    audited: Audited, manager: Any
) -> None:
    before = get(manager, audited, "overview")
    images = audited.images["apple", "apple"]
    for image in images[:2]:
        Adjudication.objects.create(
            project=audited.project,
            image=image,
            kind="AGREEMENT_SAMPLE",
            probability=0.5,
            created_at=worlds.NOW,
        )

    asked = get(manager, audited, "overview")
    expert = worlds.make_annotator(audited.project, "Expert")
    for image, label in zip(images, ("apple", "leek"), strict=False):
        annotation_service.adjudicate(
            project_id=audited.project.pk,
            image_id=image.pk,
            annotator_id=expert.pk,
            kind="LABEL",
            label_code=label,
            now=worlds.NOW,
        )
    found = accuracy(manager, audited)
    settled = found["overall"]

    assert asked["ETag"] != before["ETag"]
    was, now = (reply.json()["accuracy"]["overall"] for reply in (before, asked))
    # 5 of 7, one without a label; then two of the right ones are open as well.
    assert (was["unresolved"], now["unresolved"]) == (1, 3)
    assert now["estimate"] == pytest.approx(5 / 7)
    assert now["low"] == pytest.approx(intervals.wilson(3, 8).low)
    assert now["high"] == was["high"]
    # One of the two checked turns out wrong: 4 of 7 right, and each of the 5 nobody checked loses
    # half an answer in expectation.
    assert settled["estimate"] == pytest.approx((4 - 5 * 0.5) / 7)
    assert settled["unresolved"] == 1
    apple = asked.json()["accuracy"]["per_class"][0]
    assert (apple["n"], apple["estimate"], apple["unresolved"]) == (4, 0.75, 2)
    assert apple["low"] == pytest.approx(intervals.wilson(1, 2).low)
    assert apple["high"] == pytest.approx(intervals.wilson(3, 4).high)
    # Half of the five nobody checked turn from apple to leek, as one of the two checked did. Leek:
    # 2 right of 3 + 2.5. Apple: 3 - 2.5, but one is known to be right: 1 right, and 1 wrong left.
    labels = {row["code"]: row["estimate"] for row in found["per_class"]}
    assert labels == pytest.approx({"apple": 1 / 2, "leek": 2 / 5.5, "water": 0.0})
    assert found["macro"] == pytest.approx((1 / 2 + 2 / 5.5) / 3)


@pytest.mark.parametrize("page", PAGES)
def test_more_images_cost_no_more_queries(
    audited: Audited, manager: Any, page: str, django_assert_max_num_queries: Any
) -> None:
    for image in audited.add("apple", 30):
        audited.answer(image, "apple")
    with django_assert_max_num_queries(34):
        reply = get(manager, audited, page)
        assert reply.status_code == 200
        if reply.streaming:
            list(reply)


# --- confusion ---------------------------------------------------------------------------------


def test_the_matrix_is_the_one_counted_by_hand(audited: Audited, manager: Any) -> None:
    found = get(manager, audited, "confusion").json()

    assert [label["code"] for label in found["labels"]] == ["apple", "leek", "water"]
    assert found["counts"] == [[3, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert (found["n"], found["version"]) == (7, 1)


def test_a_cell_lists_its_images(audited: Audited, manager: Any) -> None:
    (image,) = audited.images["apple", "leek"]
    (found,) = get(manager, audited, "confusion/images?truth=apple&predicted=leek").json()

    assert found["id"] == str(image.public_id)
    assert found["thumb_url"] == f"/api/v1/images/{image.public_id}/thumb"
    assert found["p"] == pytest.approx(P_SURE)
    assert get(manager, audited, "confusion/images?truth=leek&predicted=water").json() == []
    assert get(manager, audited, "confusion/images?truth=cat&predicted=water").json() == []
    refused = get(manager, audited, "confusion/images?truth=leek")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")


def test_a_label_that_only_the_version_knows_has_a_column(audited: Audited, manager: Any) -> None:
    from labeling.selectors import projects
    from labeling.services import schemes

    schemes.retire_label(
        label_id=projects.current_scheme(audited.project.pk).label_ids[1], now=timezone.now()
    )
    found = get(manager, audited, "confusion").json()

    assert [label["code"] for label in found["labels"]] == ["apple", "water", "leek"]
    assert found["counts"] == [[3, 0, 1], [1, 0, 0], [0, 0, 0]]


# --- history -----------------------------------------------------------------------------------


def test_history_measures_every_version_on_todays_answers(audited: Audited, manager: Any) -> None:
    audited.kitchen.promote(audited.kitchen.version(("leek", "leek", "water"), n_labels=20))
    moments = [worlds.NOW - timedelta(days=1), worlds.NOW + timedelta(days=1)]
    for number, at in enumerate(moments, start=1):
        ModelVersion.objects.filter(number=number).update(promoted_at=at)

    first, second = get(manager, audited, "history").json()["points"]

    assert (first["version"], first["labels"], first["answers"], first["n"]) == (1, 10, 0, 7)
    assert (second["version"], second["labels"], second["answers"]) == (2, 20, 10)
    assert first["accuracy"] == pytest.approx(5 / 7)
    # v2 calls apples leeks: 0 of 4 apples, both leeks, and the water is called a leek.
    assert second["accuracy"] == pytest.approx(2 / 7)


def test_a_version_without_weights_shows_what_was_recorded(audited: Audited, manager: Any) -> None:
    audited.kitchen.promote(audited.kitchen.version())
    recorded = {"accuracy": 0.5, "low": 0.4, "high": 0.6, "n": 90}
    ModelVersion.objects.filter(number=1).update(head=None, metrics={"audit": recorded})
    first, second = get(manager, audited, "history").json()["points"]

    assert {name: first[name] for name in recorded} == recorded
    assert second["n"] == 7


# --- who may look ------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_only_managers_look(audited: Audited, page: str) -> None:
    from rest_framework.test import APIClient

    project = audited.project
    assert get(APIClient(), audited, page).status_code == 401
    assert get(signed_in(factories.make_user()), audited, page).status_code == 404
    for role in ("VOLUNTEER", "EXPERT"):
        refused = get(signed_in(factories.make_member(project, role)), audited, page)
        assert (refused.status_code, refused.json()["code"]) == (403, "role_too_low")
    assert get(browser_of(audited.annotator), audited, page).status_code == 403
    assert get(client_with(project, "predict"), audited, page).status_code == 403
    wanted = "export" if page == "export" else "read"
    assert get(client_with(project, wanted), audited, page).status_code == 200
