from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from labeling.models import Image, Partition, Project, SplitGroup
from labeling.selectors import images as image_selectors
from labeling.services.images import GroupDecision, set_partitions
from labeling.tests.factories import NOW, make_image, make_images, make_project

pytestmark = pytest.mark.django_db


def waiting(project: Project, count: int) -> list[int]:
    return [image.pk for image in make_images(project, count, partition=Partition.PENDING)]


def decide(
    project: Project, ids: Sequence[int], groups: Sequence[int] = (), partition: str | None = None
) -> SplitGroup:
    set_partitions(
        project_id=project.pk, decisions=[GroupDecision(ids, groups, partition)], now=NOW
    )
    group = Image.objects.get(pk=ids[0]).split_group
    assert group is not None
    return group


def test_images_of_a_new_group_share_one_partition(project: Project) -> None:
    ids = waiting(project, 3)

    group = decide(project, ids)

    assert set(group.images.values_list("pk", flat=True)) == set(ids)
    assert set(group.images.values_list("partition", flat=True)) == {group.partition}
    probabilities = group.images.values_list("inclusion_probability", flat=True)
    assert set(probabilities) == {project.audit_partition_share}
    assert not len(image_selectors.waiting_for_partition(project.pk))


def test_an_audit_group_measures_one_of_its_own_images(project: Project) -> None:
    ids = waiting(project, 4)

    group = decide(project, ids, partition=Partition.AUDIT)

    assert group.measured_image_id in ids
    assert group.inclusion_probability == 1.0
    assert 0 <= group.draw_order < 1


def test_a_pool_group_measures_nothing(project: Project) -> None:
    assert decide(project, waiting(project, 2), partition=Partition.POOL).measured_image is None


def test_about_the_projects_share_of_groups_becomes_audit() -> None:
    project = make_project(audit_partition_share=0.25, seed=11)
    ids = waiting(project, 800)

    set_partitions(project_id=project.pk, decisions=[GroupDecision([i]) for i in ids], now=NOW)

    audit = Image.objects.filter(partition=Partition.AUDIT).count()
    # 800 draws at 1/4: 200 with a standard deviation of 12.2; four of them either way.
    assert 151 <= audit <= 249


def test_the_draw_does_not_depend_on_the_batches() -> None:
    at_once, bit_by_bit = (make_project(seed=5, audit_partition_share=0.5) for _ in range(2))
    first, second = waiting(at_once, 30), waiting(bit_by_bit, 30)
    Project.objects.update(seed=5)

    decisions = [GroupDecision([image_id]) for image_id in first]
    set_partitions(project_id=at_once.pk, decisions=decisions, now=NOW)
    drawn = [Image.objects.get(pk=image_id).partition for image_id in first]
    again = [np.random.default_rng([5, image_id]).random() < 0.5 for image_id in first]
    assert drawn == ["AUDIT" if audit else "POOL" for audit in again]

    for image_id in second:
        decide(bit_by_bit, [image_id])
    again = [np.random.default_rng([5, image_id]).random() < 0.5 for image_id in second]
    drawn = [Image.objects.get(pk=image_id).partition for image_id in second]
    assert drawn == ["AUDIT" if audit else "POOL" for audit in again]


def test_a_later_image_inherits_the_partition_of_the_group_it_joins(project: Project) -> None:
    group = decide(project, waiting(project, 2), partition=Partition.AUDIT)
    measured = group.measured_image_id

    joined = decide(project, waiting(project, 1), groups=[group.pk])

    assert joined == group
    assert joined.measured_image_id == measured
    assert set(group.images.values_list("partition", flat=True)) == {Partition.AUDIT}


def test_an_image_between_pool_and_audit_is_excluded(project: Project) -> None:
    pool = decide(project, waiting(project, 1), partition=Partition.POOL)
    audit = decide(project, waiting(project, 1), partition=Partition.AUDIT)

    bridge = decide(project, waiting(project, 2), groups=[pool.pk, audit.pk])

    assert bridge.partition == Partition.EXCLUDED
    assert bridge.inclusion_probability == 0
    assert not SplitGroup.objects.filter(merged_into__isnull=False).exists()


def test_an_image_next_to_an_excluded_and_a_pool_group_is_excluded(project: Project) -> None:
    pool = decide(project, waiting(project, 1), partition=Partition.POOL)
    excluded = decide(project, waiting(project, 1), partition=Partition.EXCLUDED)

    group = decide(project, waiting(project, 1), groups=[pool.pk, excluded.pk])

    assert group.partition == Partition.EXCLUDED


def test_an_image_between_two_audit_groups_makes_them_one_with_one_measure(
    project: Project,
) -> None:
    groups = [decide(project, waiting(project, 2), partition=Partition.AUDIT) for _ in range(2)]
    kept = min(groups, key=lambda group: group.draw_order)

    merged = decide(project, waiting(project, 1), groups=[group.pk for group in groups])

    assert merged == kept
    assert merged.measured_image_id == kept.measured_image_id
    assert merged.images.count() == 5


def test_a_merged_away_group_stands_for_what_it_became(project: Project) -> None:
    a, b, c = (decide(project, waiting(project, 1), partition=Partition.POOL) for _ in range(3))
    decide(project, waiting(project, 1), groups=[a.pk, b.pk])

    decide(project, waiting(project, 1), groups=[b.pk, c.pk])
    last = decide(project, waiting(project, 1), groups=[a.pk])

    assert last.images.count() == 6
    live = SplitGroup.objects.filter(merged_into__isnull=True)
    assert list(live) == [last]


def test_merges_within_one_call_follow_each_other(project: Project) -> None:
    a, b, c = (decide(project, waiting(project, 1), partition=Partition.POOL) for _ in range(3))
    ids = waiting(project, 3)
    links = [[a.pk, b.pk], [b.pk, c.pk], [a.pk]]

    decisions = [GroupDecision([i], link) for i, link in zip(ids, links, strict=True)]
    set_partitions(project_id=project.pk, decisions=decisions, now=NOW)

    live = SplitGroup.objects.filter(merged_into__isnull=True).get()
    assert live.images.count() == 6


def test_what_is_decided_stays_decided(project: Project) -> None:
    ids = waiting(project, 2)
    group = decide(project, ids, partition=Partition.AUDIT)

    left = set_partitions(
        project_id=project.pk,
        decisions=[GroupDecision(ids, (), Partition.POOL)],
        now=NOW,
    )

    assert left == 0
    assert SplitGroup.objects.get() == group
    assert set(Image.objects.values_list("partition", flat=True)) == {Partition.AUDIT}


def test_images_of_another_project_are_left_alone(project: Project, other_project: Project) -> None:
    foreign = make_image(other_project, Partition.PENDING)

    left = set_partitions(project_id=project.pk, decisions=[GroupDecision([foreign.pk])], now=NOW)

    assert left == 0
    foreign.refresh_from_db()
    assert foreign.partition == Partition.PENDING


class TestWhateverComes(TestCase):
    @given(st.lists(st.sets(st.integers(0, 7), max_size=3), min_size=1, max_size=8))
    def test_no_group_ever_holds_two_partitions(self, links: list[set[int]]) -> None:
        project = make_project(audit_partition_share=0.5)
        made: list[int] = []
        for linked in links:
            ids = waiting(project, 1)
            touched = [made[place] for place in linked if place < len(made)]
            made.append(decide(project, ids, groups=touched).pk)

        for group in SplitGroup.objects.filter(project=project, merged_into__isnull=True):
            partitions = set(group.images.values_list("partition", flat=True))
            assert partitions == {group.partition}
            if group.partition == Partition.AUDIT:
                assert group.measured_image in group.images.all()
        assert (
            Image.objects.filter(project=project, split_group__merged_into__isnull=False).count()
            == 0
        )
