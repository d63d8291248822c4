from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from labeling.models import Project, Reason
from labeling.services import streams

shares = st.floats(0, 1).map(lambda share: round(share, 2))


def project(seed: int = 7, **given_shares: float) -> Project:
    none = {"audit_serving_share": 0.0, "random_arm_share": 0.0}
    return Project(seed=seed, **{**none, **given_shares})


@given(shares, shares, shares, st.integers(0, 2**62), st.integers(0, 1000))
def test_every_block_of_a_hundred_holds_its_shares_exactly(
    audit: float, random: float, gold: float, seed: int, block: int
) -> None:
    one = project(seed, audit_serving_share=audit, random_arm_share=random, gold_serving_share=gold)
    counts = streams.slots_a_block(one)
    served = Counter(streams.order_of(one.seed, counts, block))
    assert served == Counter(counts)
    assert counts[Reason.AUDIT] == round(100 * audit)
    assert sum(counts.values()) == 100
    assert min(counts.values()) >= 0


def test_the_order_differs_by_block_and_by_project() -> None:
    first, second = project(1, audit_serving_share=0.5), project(2, audit_serving_share=0.5)
    orders = {
        tuple(streams.order_of(one.seed, streams.slots_a_block(one), block))
        for one in (first, second)
        for block in (0, 1)
    }
    assert len(orders) == 4


def test_no_stream_without_a_share_is_fallen_back_on() -> None:
    assert streams.fallbacks(project(), Reason.ACQUIRED) == []
    assert streams.fallbacks(project(audit_serving_share=0.1), Reason.AUDIT) == [Reason.ACQUIRED]
