"""A refill of a very large pool looks at a part of it, and at all of it in the end."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ml.acquisition.shards import RollingShard


def test_a_pool_that_is_not_large_is_looked_at_whole() -> None:
    shard = RollingShard(whole_up_to=50, size=10)

    assert shard.next(np.arange(50)).all()


@given(st.integers(51, 2000), st.integers(1, 10**12))
def test_every_image_has_its_turn(n: int, first: int) -> None:
    shard = RollingShard(whole_up_to=50, size=100)
    pool = first + np.arange(n)

    seen = np.zeros(n, dtype=int)
    for _ in range(-(-n // 100)):
        seen += shard.next(pool)

    assert (seen == 1).all()


def test_a_shard_is_about_its_size_and_spread_over_the_pool() -> None:
    shard = RollingShard(whole_up_to=1000, size=1000)
    pool = np.arange(100_000)

    sizes = [int(shard.next(pool).sum()) for _ in range(100)]
    places = np.flatnonzero(shard.next(pool))

    assert 800 < min(sizes) <= max(sizes) < 1200
    assert np.diff(places).max() < 2000


def test_the_images_in_most_doubt_are_looked_at_every_time() -> None:
    shard = RollingShard(whole_up_to=100, size=100, n_leaders=3)
    pool = np.arange(1000)
    looked = np.flatnonzero(shard.next(pool))
    doubt = np.linspace(0, 1, len(looked))
    shard.saw(pool[looked], doubt)

    for _ in range(12):
        marked = shard.next(pool)
        assert marked[looked[-3:]].all()
        shard.saw(pool[marked], np.where(np.isin(pool[marked], looked[-3:]), 1.0, 0.1))

    assert set(shard.leaders) == set(looked[-3:])


def test_a_leader_that_is_answered_leaves_by_itself() -> None:
    shard = RollingShard(whole_up_to=10, size=10, n_leaders=2)
    pool = np.arange(100)
    shard.saw(pool, pool / 100)

    marked = shard.next(pool[:-1])

    assert marked[-1]  # 98 is still there; 99 was answered and is no candidate any more
    assert len(marked) == 99
