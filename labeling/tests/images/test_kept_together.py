"""Large groups of pictures that look alike, as staff are told of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from labeling.models import Partition, Project, User
from labeling.selectors import kept_together
from labeling.services import split_groups
from labeling.tests.factories import NOW, make_images

pytestmark = pytest.mark.django_db


def test_staff_are_told_of_groups_that_hold_a_tenth_of_the_pictures(
    project: Project, manager: User, client_for: Callable[..., APIClient]
) -> None:
    keys = [image.pk for image in make_images(project, 40, partition=Partition.PENDING)]
    large, small, rest = keys[:14], keys[14:23], keys[23:]
    alone = [split_groups.GroupDecision([key]) for key in rest]
    split_groups.set_partitions(
        project_id=project.pk,
        decisions=[
            split_groups.GroupDecision(large, partition="AUDIT"),
            split_groups.GroupDecision(small, partition="POOL"),
            *alone,
        ],
        now=NOW,
        rng=np.random.default_rng(1),
    )
    path = f"/api/v1/staff/projects/{project.slug}/kept-together"

    # On which side they are is kept back: a manager may label too.
    assert client_for(manager).get(path).json() == [{"n": 14, "total": 40, "is_left_out": False}]
    assert client_for().get(path).status_code in (401, 403, 404)


def test_the_pictures_are_grouped_only_where_something_came(
    project: Project, django_assert_num_queries: Any
) -> None:
    def arrive(count: int) -> None:
        keys = [image.pk for image in make_images(project, count, partition=Partition.PENDING)]
        decision = split_groups.GroupDecision(keys, partition="POOL")
        split_groups.set_partitions(project_id=project.pk, decisions=[decision], now=NOW)

    arrive(12)
    first = kept_together.large_groups(project.pk, now=NOW)
    with django_assert_num_queries(2):
        assert kept_together.large_groups(project.pk, now=NOW) == first
    arrive(15)

    anew = kept_together.large_groups(project.pk, now=NOW)
    with django_assert_num_queries(4):
        kept_together.large_groups(project.pk, now=NOW + timedelta(minutes=1))

    assert [(one.n, one.total) for one in first] == [(12, 12)]
    assert [(one.n, one.total) for one in anew] == [(15, 27), (12, 27)]
