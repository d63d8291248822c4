from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from labeling.models import (
    Annotator,
    AnnotatorKind,
    Assignment,
    AssignmentState,
    Image,
    Partition,
    Project,
    QueueEntry,
    Reason,
    ServeCounter,
)
from labeling.services import done_reasons, queue
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


def test_fills_the_window_with_no_classifier_and_no_worker() -> None:
    project = make_project()
    images = make_images(project, 10)
    held = claim(make_annotator(project))
    assert len({assignment.image_id for assignment in held}) == 3
    assert {assignment.image_id for assignment in held} <= {image.pk for image in images}


def test_gives_the_same_images_to_a_tab_that_asks_again() -> None:
    project = make_project()
    make_images(project, 10)
    ada = make_annotator(project)
    assert [one.pk for one in claim(ada)] == [one.pk for one in claim(ada)]


def test_two_tabs_of_one_person_hold_different_images() -> None:
    project = make_project(votes_pool=3)
    make_images(project, 12)
    for name in ("Bea", "Cem"):
        submit(claim(make_annotator(project, name))[0])
    ada = make_annotator(project)
    first = {one.image_id for one in claim(ada, client="first")}
    second = {one.image_id for one in claim(ada, client="second")}
    assert len(first) == len(second) == 3
    assert not first & second


def test_hands_an_image_that_needs_one_answer_to_one_person() -> None:
    project = make_project()
    make_images(project, 5)
    held = claim(make_annotator(project, "Ada")) + claim(make_annotator(project, "Bea"))
    assert len(held) == len({one.image_id for one in held}) == 5


def test_skips_images_already_answered_by_this_annotator() -> None:
    project = make_project()
    make_images(project, 2)
    ada = make_annotator(project)
    first = claim(ada, count=1)[0]
    submit(first, kind="SKIP")
    second = claim(ada, count=1)[0]
    assert second.image_id != first.image_id
    submit(second)
    claimed = queue.claim(
        project_id=project.pk, annotator_id=ada.pk, count=3, client="tab", now=NOW
    )
    assert claimed.assignments == []
    assert claimed.done is not None
    assert claimed.done.code == "nothing_for_you"


def test_leaves_out_flagged_and_removed_images() -> None:
    project = make_project()
    flagged, removed, fine = make_images(project, 3)
    top_up(project)
    Image.objects.filter(pk=flagged.pk).update(flagged_at=NOW)
    Image.objects.filter(pk=removed.pk).update(removed_at=NOW)
    assert [one.image_id for one in claim(make_annotator(project))] == [fine.pk]


@pytest.mark.parametrize(
    ("partition", "expected"),
    [(Partition.PENDING, "images_coming"), (Partition.EXCLUDED, "no_images")],
)
def test_says_that_no_image_is_ready(partition: str, expected: str) -> None:
    project = make_project()
    make_images(project, 2, partition)
    assert done_code(project) == expected


def test_says_that_nobody_has_added_images() -> None:
    assert done_code(make_project()) == "no_images"


def test_says_that_everything_is_labeled() -> None:
    project = make_project()
    make_images(project, 1)
    ada = make_annotator(project)
    submit(claim(ada)[0])
    assert done_code(project, ada) == "all_labeled"


def test_says_that_others_hold_the_last_images() -> None:
    project = make_project()
    make_images(project, 1)
    claim(make_annotator(project, "Bea"))
    assert done_code(project) == "held_by_others"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "within 5 minutes."), (245, "within a minute."), (301, "in a moment.")],
)
def test_says_when_a_closed_page_lets_go_of_the_last_image(seconds: int, words: str) -> None:
    project = make_project(assignment_ttl_s=300)
    make_images(project, 1)
    claim(make_annotator(project, "Bea"))

    done = done_reasons.why_nothing(project, make_annotator(project), "tab", later(seconds))

    assert done.code == "held_by_others"
    assert done.message.endswith(words)


def test_serves_nobody_while_labeling_is_paused() -> None:
    project = make_project(labeling_paused_at=NOW)
    make_images(project, 1)
    assert done_code(project) == "paused"


def test_serves_no_paused_annotator() -> None:
    project = make_project()
    make_images(project, 1)
    assert done_code(project, make_annotator(project, paused_at=NOW)) == "annotator_paused"


def test_stops_one_person_at_their_share_of_all_answers() -> None:
    project = make_project(max_annotator_share=0.5, client_window=1)
    make_images(project, 130)
    ada, bea = make_annotator(project, "Ada"), make_annotator(project, "Bea")
    for number in range(100):
        submit(claim(bea if number < 40 else ada, count=1)[0])
    assert done_code(project, ada) == "share_reached"
    assert claim(bea, count=1)


@pytest.mark.parametrize("other", [{"kind": AnnotatorKind.IMPORT}, {"quarantined_at": NOW}])
def test_somebody_alone_beside_what_is_nobodys_work_is_not_stopped(other: dict[str, Any]) -> None:
    project = make_project(max_annotator_share=0.5, client_window=1)
    images = make_images(project, 130)
    ada, beside = make_annotator(project, "Ada"), make_annotator(project, "Beside")
    for number, image in enumerate(images[:110]):
        direct(beside if number < 5 else ada, image)
    Annotator.objects.filter(pk=beside.pk).update(**other)
    assert claim(ada, count=1)


def test_takes_back_what_is_overdue_without_any_worker() -> None:
    project = make_project()
    make_images(project, 1)
    claim(make_annotator(project, "Bea"))
    ada = make_annotator(project, "Ada")
    assert claim(ada, now=later(299)) == []
    assert len(claim(ada, now=later(301))) == 1


def test_stores_where_an_assignment_came_from() -> None:
    project = make_project(audit_serving_share=1.0)
    make_images(project, 4, Partition.AUDIT)
    held = claim(make_annotator(project))
    assert [one.serve_number for one in held] == [0, 1, 2]
    assert {one.reason for one in held} == {Reason.AUDIT}
    assert {one.selection_probability for one in held} == {1.0}
    assert {one.policy for one in held} == {"audit in serving order 2"}
    assert ServeCounter.objects.get(project=project).served == 3


def test_serves_audit_images_in_the_draw_order_of_their_groups() -> None:
    project = make_project(audit_serving_share=1.0)
    images = make_images(project, 6, Partition.AUDIT)
    drawn = sorted(
        images, key=lambda image: image.split_group.draw_order if image.split_group else 0
    )
    held = claim(make_annotator(project))
    assert [one.image_id for one in held] == [image.pk for image in drawn[:3]]


def test_serves_only_the_measured_image_of_an_audit_group() -> None:
    project = make_project(audit_serving_share=1.0)
    measured, other = make_images(project, 2, Partition.AUDIT)
    Image.objects.filter(pk=other.pk).update(split_group=measured.split_group)
    assert [one.image_id for one in claim(make_annotator(project))] == [measured.pk]


def test_keeps_the_shares_exactly_in_each_block_of_a_hundred() -> None:
    project = make_project(audit_serving_share=0.15, random_arm_share=0.10, client_window=1)
    make_images(project, 260)
    make_images(project, 60, Partition.AUDIT)
    ada = make_annotator(project)
    for _ in range(200):
        submit(claim(ada, count=1)[0])
    for block in range(2):
        served = Assignment.objects.filter(serve_number__range=(100 * block, 100 * block + 99))
        counted = Counter(served.values_list("reason", flat=True))
        assert counted == {Reason.ACQUIRED: 75, Reason.AUDIT: 15, Reason.RANDOM: 10}
    assert ServeCounter.objects.get(project=project).shortfalls == {}


def test_counts_the_slots_that_a_dry_stream_left_to_another() -> None:
    project = make_project(audit_serving_share=0.15, client_window=1)
    make_images(project, 120)
    ada = make_annotator(project)
    for _ in range(100):
        submit(claim(ada, count=1)[0])
    assert ServeCounter.objects.get(project=project).shortfalls == {Reason.AUDIT: 15}


def test_a_stream_that_stands_in_for_a_dry_one_has_the_chances_of_both() -> None:
    project = make_project(audit_serving_share=1.0)
    make_images(project, 10)
    held = claim(make_annotator(project))
    assert {one.reason for one in held} == {Reason.ACQUIRED}
    stored = Assignment.objects.values_list("selection_probability", flat=True)
    assert set(stored) == {1.0}


def test_spends_no_serve_number_where_nothing_is_left() -> None:
    project = make_project(audit_serving_share=0.15)
    make_images(project, 2)
    ada = make_annotator(project)
    assert len(claim(ada)) == 2
    claim(ada)
    assert ServeCounter.objects.get(project=project).served == 2


def test_hands_no_image_twice_in_one_claim_where_streams_run_dry() -> None:
    project = make_project(votes_pool=3, audit_serving_share=0.5)
    people = [make_annotator(project, name) for name in ("Ada", "Bea", "Cem")]
    active(project, people)
    make_images(project, 1)
    assert len(claim(people[0])) == 1


def test_a_released_image_can_be_claimed_at_once() -> None:
    project = make_project()
    make_images(project, 1)
    bea = make_annotator(project, "Bea")
    claim(bea, client="tab")
    assert queue.release(annotator_id=bea.pk, client="tab", now=NOW) == 1
    assert len(claim(make_annotator(project, "Ada"))) == 1


def test_a_page_loaded_anew_gets_the_images_it_had() -> None:
    project = make_project()
    make_images(project, 9)
    bea = make_annotator(project, "Bea")
    held = [one.image_id for one in claim(bea)]
    queue.leave(annotator_id=bea.pk, client="tab", now=NOW)
    again = queue.claim(
        project_id=project.pk, annotator_id=bea.pk, count=3, client="tab", now=later(5)
    )
    queue.renew(annotator_id=bea.pk, client="tab", now=later(5))
    assert [one.image_id for one in again.assignments] == held
    assert queue.expire(now=later(60)) == 0


def test_a_page_that_does_not_come_back_leaves_its_images_to_others() -> None:
    project = make_project()
    make_images(project, 1)
    bea = make_annotator(project, "Bea")
    claim(bea)
    until = queue.leave(annotator_id=bea.pk, client="tab", now=NOW)
    ada = make_annotator(project, "Ada")
    assert queue.expire(now=later(19)) == 0
    assert (
        len(
            queue.claim(
                project_id=project.pk, annotator_id=ada.pk, count=3, client="tab", now=until
            ).assignments
        )
        == 1
    )


def test_a_renewed_assignment_does_not_expire() -> None:
    project = make_project()
    make_images(project, 1)
    bea = make_annotator(project, "Bea")
    held = claim(bea)[0]
    until = queue.renew(annotator_id=bea.pk, client="tab", now=later(200))
    assert until == later(500)
    assert queue.expire(now=later(301)) == 0
    held.refresh_from_db()
    assert held.state == AssignmentState.OPEN
    assert queue.expire(now=later(500)) == 1


def test_one_tab_does_not_release_what_another_holds() -> None:
    project = make_project()
    make_images(project, 6)
    ada = make_annotator(project)
    claim(ada, client="first")
    claim(ada, client="second")
    assert queue.release(annotator_id=ada.pk, client="first", now=NOW) == 3
    assert len(claim(ada, client="second")) == 3


def test_remembers_when_an_annotator_was_seen() -> None:
    project = make_project()
    make_images(project, 1)
    ada = make_annotator(project)
    claim(ada)
    assert Annotator.objects.get(pk=ada.pk).last_seen_at == NOW


def test_the_sweep_expires_and_tops_up() -> None:
    project = make_project(client_window=1)
    make_images(project, 3)
    claim(make_annotator(project))
    assert queue.sweep(now=later(301)) > 0
    assert Assignment.objects.get().state == AssignmentState.EXPIRED
    assert sum(QueueEntry.objects.filter(state="OPEN").values_list("open_slots", flat=True)) == 3


def done_code(project: Project, annotator: Annotator | None = None) -> str | None:
    who = annotator or make_annotator(project, "Zoe")
    claimed = queue.claim(
        project_id=project.pk, annotator_id=who.pk, count=3, client="tab", now=NOW
    )
    return claimed.done.code if claimed.done else None
