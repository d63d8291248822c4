from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection

from labeling.models import (
    Assignment,
    Consensus,
    ConsensusState,
    Image,
    Partition,
    Project,
    QueueEntry,
    Reason,
)
from labeling.selectors import queue as queue_selectors
from labeling.selectors.prepared import Statement
from labeling.services import claims, queue
from labeling.tests.worlds import (
    NOW,
    active,
    claim,
    direct,
    later,
    make_annotator,
    make_images,
    make_project,
    submit,
    top_up,
)

pytestmark = pytest.mark.django_db


def refill(project: Project, images: Sequence[Image]) -> int:
    return queue.refill(
        project_id=project.pk,
        entries=[
            queue.RefillEntry(image.pk, float(len(images) - place), 1.0)
            for place, image in enumerate(images)
        ],
        policy="margin 1",
        model_version=uuid.uuid4(),
        now=NOW,
    )


def waiting(project: Project, reason: str) -> set[int]:
    entries = QueueEntry.objects.filter(project=project, reason=reason, state="OPEN")
    return set(entries.values_list("image_id", flat=True))


def test_serves_what_was_acquired_the_highest_priority_first() -> None:
    project = make_project()
    images = make_images(project, 6)
    assert refill(project, images[2:5]) == 3
    held = claim(make_annotator(project))
    assert [one.image_id for one in held] == [image.pk for image in images[2:5]]
    assert {one.policy for one in held} == {"margin 1"}


def test_a_refill_replaces_the_window_and_leaves_what_is_held() -> None:
    project = make_project(client_window=1)
    images = make_images(project, 6)
    refill(project, images[:3])
    held = claim(make_annotator(project))[0]
    refill(project, images[3:])
    assert waiting(project, Reason.ACQUIRED) == {held.image_id, *(one.pk for one in images[3:])}
    submit(held)
    assert waiting(project, Reason.ACQUIRED) == {one.pk for one in images[3:]}


def test_a_refill_takes_pool_images_that_need_answers_and_no_others() -> None:
    project = make_project(window_size=3)
    pool = make_images(project, 4)
    (audit,) = make_images(project, 1, Partition.AUDIT)
    direct(make_annotator(project), pool[0])
    assert refill(project, [audit, pool[0], pool[1], pool[2]]) == 1
    assert waiting(project, Reason.ACQUIRED) == {pool[1].pk}


def test_a_refill_with_the_same_images_leaves_one_entry_each() -> None:
    project = make_project()
    images = make_images(project, 3)
    refill(project, images)
    refill(project, images)
    assert QueueEntry.objects.filter(state="OPEN").count() == 3


def test_candidates_are_neither_decided_nor_held_nor_in_another_stream() -> None:
    project = make_project(random_arm_share=0.5, window_size=2, client_window=1)
    images = make_images(project, 5)
    ada = make_annotator(project)
    direct(ada, images[0])
    refill(project, [images[1]])
    top_up(project)
    random = waiting(project, Reason.RANDOM)
    assert len(random) == 1
    found = set(queue_selectors.candidates(project.pk).image_ids.tolist())
    assert found == {image.pk for image in images[1:]} - random


def test_the_random_arm_draws_from_the_acquired_window_as_well() -> None:
    project = make_project(random_arm_share=1.0, window_size=50)
    images = make_images(project, 50)
    refill(project, images)
    top_up(project)
    assert waiting(project, Reason.RANDOM) == {image.pk for image in images}
    assert waiting(project, Reason.ACQUIRED) == set()


def test_the_random_arm_holds_no_more_than_its_share_of_a_window() -> None:
    project = make_project(random_arm_share=0.10, window_size=200)
    make_images(project, 60)
    top_up(project)
    sizes = queue_selectors.window_sizes(project.pk)
    assert (sizes[Reason.RANDOM], sizes[Reason.ACQUIRED]) == (20, 40)
    drawn = QueueEntry.objects.filter(reason=Reason.RANDOM)
    assert set(drawn.values_list("selection_probability", flat=True)) == {20 / 60}


def test_a_window_is_bounded() -> None:
    project = make_project(window_size=20, audit_serving_share=0.5)
    make_images(project, 50)
    make_images(project, 50, Partition.AUDIT)
    for _ in range(3):
        top_up(project)
    sizes = queue_selectors.window_sizes(project.pk)
    assert (sizes[Reason.ACQUIRED], sizes[Reason.AUDIT]) == (20, 20)


def test_an_audit_image_reopens_when_people_join_and_its_answer_stands_until_then() -> None:
    project = make_project(audit_serving_share=1.0, votes_audit=3)
    (image,) = make_images(project, 1, Partition.AUDIT)
    ada, bea = make_annotator(project, "Ada"), make_annotator(project, "Bea")
    submit(claim(ada)[0])
    assert Consensus.objects.get(image=image).state == ConsensusState.RESOLVED
    assert top_up(project) == 0
    active(project, [bea])
    assert top_up(project) == 1
    assert Consensus.objects.get(image=image).state == ConsensusState.RESOLVED
    assert claim(ada) == []
    submit(claim(bea)[0])
    found = Consensus.objects.get(image=image)
    assert (found.n_votes, found.effective_votes, found.state) == (2, 2.0, "RESOLVED")


def test_an_image_that_waited_for_people_who_left_is_decided() -> None:
    project = make_project(audit_serving_share=1.0, votes_audit=2, active_annotator_days=1)
    people = [make_annotator(project, name) for name in ("Ada", "Bea")]
    active(project, people)
    (image,) = make_images(project, 1, Partition.AUDIT)
    submit(claim(people[0])[0])
    assert Consensus.objects.get(image=image).state == ConsensusState.OPEN
    top_up(project, now=later(2 * 86400))
    assert Consensus.objects.get(image=image).state == ConsensusState.RESOLVED


def test_nothing_is_topped_up_while_labeling_is_paused() -> None:
    project = make_project(labeling_paused_at=NOW)
    make_images(project, 5)
    assert top_up(project) == 0


def test_the_database_refuses_a_second_open_entry_of_an_image() -> None:
    from django.db import IntegrityError

    project = make_project()
    (image,) = make_images(project, 1)
    top_up(project)
    entry = QueueEntry.objects.get(image=image)
    entry.pk, entry.reason = None, Reason.RANDOM
    with pytest.raises(IntegrityError):
        entry.save()


def test_the_claim_reads_its_partial_index_and_not_the_pool() -> None:
    project = make_project()
    images = make_images(project, 1500)
    QueueEntry.objects.bulk_create(
        QueueEntry(
            project=project,
            image=image,
            reason=Reason.ACQUIRED,
            priority=float(image.pk),
            open_slots=1,
            state="OPEN" if place % 10 == 0 else "CLOSED",
            selection_probability=1.0,
            policy="margin 1",
            created_at=NOW,
        )
        for place, image in enumerate(images)
    )
    holder = claims.Holder(project, make_annotator(project), "tab", 3)
    if connection.vendor == "postgresql":
        plan = explain(*claims.postgres_call(holder, NOW, 0))
        # The window functions sort the few rows that were picked, never the entries.
        assert "Index Scan using queue_entry_claim" in plan
        assert "Seq Scan on labeling_queueentry" not in plan
        assert "Seq Scan on labeling_image" not in plan
        return
    plan = explain(*claims.sqlite_call(holder, [Reason.ACQUIRED.value] * 3))
    assert "USING INDEX queue_entry_claim" in plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan
    assert "SCAN image" not in plan


def explain(statement: Statement, values: Sequence[Any]) -> str:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        prefix = "EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
        cursor.execute(prefix + statement.sql, list(values))
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def test_a_claim_costs_the_same_number_of_queries_for_any_pool(
    django_assert_max_num_queries: object,
) -> None:
    project = make_project()
    make_images(project, 400)
    ada = make_annotator(project, last_seen_at=NOW)
    claim(ada)
    submit(Assignment.objects.order_by("pk")[0])
    with django_assert_max_num_queries(11):  # type: ignore[operator]
        assert len(claim(ada)) == 3


def test_the_random_arm_goes_on_for_one_who_has_seen_all_that_waits_in_it() -> None:
    project = make_project(votes_pool=2, random_arm_share=0.5, client_window=1, window_size=8)
    people = [make_annotator(project, name) for name in ("Ada", "Bea")]
    active(project, people)
    make_images(project, 80)
    for number in range(60):
        now = later(number * 6)
        submit(claim(people[0], count=1, now=now)[0], now=now)
    served = Assignment.objects.filter(annotator=people[0]).values_list("reason", flat=True)
    assert list(served).count(Reason.RANDOM) >= 15


def test_a_window_that_only_top_ups_fill_is_filled_before_it_is_dry_again() -> None:
    project = make_project(window_size=20, client_window=1)
    make_images(project, 90)
    ada = make_annotator(project)
    left = []
    for _ in range(60):
        (held,) = claim(ada, 1)
        left.append(queue_selectors.window_sizes(project.pk)[Reason.ACQUIRED])
        submit(held)
    assert min(left) >= 5
    assert max(left) <= 20 + 20 // 3


def test_a_window_that_a_classifier_fills_is_left_to_it() -> None:
    project = make_project(window_size=20, client_window=1)
    images = make_images(project, 90)
    ada = make_annotator(project)
    submit(claim(ada, 1)[0])  # It was dry: twenty at random.
    refill(project, images[60:80])
    for _ in range(18):
        submit(claim(ada, 1)[0])
    policies = QueueEntry.objects.filter(project=project, state="OPEN").values_list("policy")
    assert {policy for (policy,) in policies} == {"margin 1"}
