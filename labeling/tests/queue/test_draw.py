from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from labeling.models import Partition
from labeling.selectors import queue as queue_selectors
from labeling.tests.worlds import direct, make_annotator, make_images, make_project, top_up

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def probing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a pool of a hundred for a large one."""
    monkeypatch.setattr(queue_selectors, "PROBED_FROM", 50)
    for name in ("FEWEST_PROBES", "MOST_PROBES"):
        monkeypatch.setattr(queue_selectors, name, 40)


def draw(project_id: int, count: int, seed: int) -> tuple[list[int], float]:
    rng = np.random.default_rng(seed)
    return queue_selectors.draw(project_id, count, rng, leaves_acquired=True)


def test_draws_from_a_large_pool_only_what_may_be_drawn() -> None:
    project = make_project()
    make_images(project, 30, Partition.EXCLUDED)
    pool = make_images(project, 100)
    make_images(project, 30, Partition.AUDIT)
    ada = make_annotator(project)
    for image in pool[:20]:
        direct(ada, image)
    drawn, probability = draw(project.pk, 25, seed=1)
    assert len(drawn) == len(set(drawn)) == 25
    assert set(drawn) <= {image.pk for image in pool[20:]}
    assert 25 / 80 * 0.6 < probability < 25 / 80 * 1.6


def test_every_image_of_a_large_pool_is_drawn_as_often() -> None:
    project = make_project()
    pool = make_images(project, 100)
    counted = Counter(key for seed in range(200) for key in draw(project.pk, 10, seed)[0])
    assert set(counted) == {image.pk for image in pool}
    # 200 draws of 10 in 100: 20 each, with a standard deviation of 4.2.
    assert min(counted.values()) >= 4
    assert max(counted.values()) <= 40


def test_reads_the_pool_whole_where_too_little_is_left_to_hit() -> None:
    project = make_project()
    pool = make_images(project, 100)
    ada = make_annotator(project)
    for image in pool[2:]:
        direct(ada, image)
    drawn, probability = draw(project.pk, 50, seed=1)
    assert set(drawn) == {image.pk for image in pool[:2]}
    assert probability == 1.0


def test_a_topped_up_image_is_not_drawn_again() -> None:
    project = make_project(window_size=60)
    make_images(project, 100)
    top_up(project)
    drawn, _ = draw(project.pk, 40, seed=1)
    assert len(drawn) == 40
