"""What every acquisition function in the registry must do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.acquisition import (
    ACQUISITION_FUNCTIONS,
    NEEDS_NO_PROBABILITIES,
    EmptyPoolError,
    NeedsProbabilitiesError,
    NotProbabilitiesError,
)
from ml.tests.acquisition.builders import random_pool, reordered
from ml.types import AcquisitionFunction

every_function = pytest.mark.parametrize(
    "choose", ACQUISITION_FUNCTIONS.values(), ids=ACQUISITION_FUNCTIONS
)


def seeded(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


@every_function
@pytest.mark.parametrize("n", [1, 30, 1500])
def test_gives_distinct_rows_with_their_selection_probabilities(
    choose: AcquisitionFunction, n: int
) -> None:
    positions, shares = choose(random_pool(n=n), batch_size=20, rng=seeded())

    size = min(20, n)
    assert positions.shape == shares.shape == (size,)
    assert positions.dtype == np.int64
    assert len(set(positions.tolist())) == size
    assert ((positions >= 0) & (positions < n)).all()
    assert ((shares > 0) & (shares <= 1)).all()


@every_function
def test_a_pool_smaller_than_the_batch_is_taken_whole(choose: AcquisitionFunction) -> None:
    positions, _ = choose(random_pool(n=12), batch_size=50, rng=seeded())

    assert sorted(positions) == list(range(12))


@every_function
def test_the_same_seed_chooses_the_same_images(choose: AcquisitionFunction) -> None:
    pool = random_pool(n=1500)

    first, first_shares = choose(pool, batch_size=9, rng=seeded())
    second, second_shares = choose(pool, batch_size=9, rng=seeded())

    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first_shares, second_shares)


@every_function
def test_the_order_of_rows_does_not_matter(choose: AcquisitionFunction) -> None:
    pool = random_pool(n=1500)
    order = seeded(1).permutation(1500)

    plain, _ = choose(pool, batch_size=9, rng=seeded())
    mixed, _ = choose(reordered(pool, order), batch_size=9, rng=seeded())

    np.testing.assert_array_equal(order[mixed], plain)


@every_function
def test_the_pool_is_left_as_it_was(choose: AcquisitionFunction) -> None:
    pool, same = random_pool(n=40), random_pool(n=40)

    choose(pool, batch_size=9, rng=seeded())

    np.testing.assert_array_equal(pool.embeddings, same.embeddings)
    np.testing.assert_array_equal(pool.probabilities, same.probabilities)
    np.testing.assert_array_equal(pool.image_ids, same.image_ids)


@every_function
def test_an_empty_pool_is_refused(choose: AcquisitionFunction) -> None:
    with pytest.raises(EmptyPoolError):
        choose(random_pool(n=0), batch_size=5, rng=seeded())


@every_function
def test_a_batch_of_nothing_is_refused(choose: AcquisitionFunction) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        choose(random_pool(n=5), batch_size=0, rng=seeded())


@every_function
@pytest.mark.parametrize("bad", [3.0, -1.0, np.nan])
def test_logits_are_refused(choose: AcquisitionFunction, bad: float) -> None:
    pool = random_pool(n=10)
    assert pool.probabilities is not None
    logits = pool.probabilities.copy()
    logits[4, :2] += [bad, -bad] if bad < 0 else bad

    with pytest.raises(NotProbabilitiesError, match="Row 4"):
        choose(replace(pool, probabilities=logits), batch_size=5, rng=seeded())


@pytest.mark.parametrize("name", ACQUISITION_FUNCTIONS)
def test_without_a_classifier_it_works_or_says_what_it_needs(name: str) -> None:
    pool = replace(random_pool(n=10), probabilities=None)

    if name in NEEDS_NO_PROBABILITIES:
        positions, _ = ACQUISITION_FUNCTIONS[name](pool, batch_size=5, rng=seeded())
        assert len(positions) == 5
    else:
        with pytest.raises(NeedsProbabilitiesError, match=name):
            ACQUISITION_FUNCTIONS[name](pool, batch_size=5, rng=seeded())


@every_function
def test_nothing_labeled_yet_is_no_obstacle(choose: AcquisitionFunction) -> None:
    pool = replace(random_pool(n=30), labeled=np.empty((0, 16), dtype=np.float32))

    assert len(choose(pool, batch_size=8, rng=seeded())[0]) == 8


@every_function
def test_one_label_is_no_obstacle(choose: AcquisitionFunction) -> None:
    pool = replace(random_pool(n=30), probabilities=np.ones((30, 1)))

    assert len(choose(pool, batch_size=8, rng=seeded())[0]) == 8


@pytest.mark.parametrize("name", sorted(set(ACQUISITION_FUNCTIONS) - {"random"}))
def test_a_batch_holds_one_image_of_a_burst_while_that_suffices(name: str) -> None:
    pool = replace(random_pool(n=40), groups=np.arange(40) // 4)  # ten bursts of four

    positions, _ = ACQUISITION_FUNCTIONS[name](pool, batch_size=10, rng=seeded())
    more, _ = ACQUISITION_FUNCTIONS[name](pool, batch_size=15, rng=seeded())

    assert len(set(pool.groups[positions])) == 10
    assert len(set(more.tolist())) == 15
    assert len(set(pool.groups[more])) == 10
