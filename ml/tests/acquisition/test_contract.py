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
    current_name,
    whose_turn,
)
from ml.acquisition.rows import PreparedRows
from ml.tests.acquisition.builders import asked, head_of, pool_of, random_pool, reordered, unit
from ml.types import AcquisitionFunction

NAMES = (
    "random", "least_confidence", "entropy", "margin", "power_margin", "k_center", "typiclust",
    "max_herding", "uherding", "dropquery", "badge", "bait_binary", "cluster_margin",
)  # fmt: skip

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
    pool = replace(random_pool(n=10), probabilities=None, head=None)

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
    pool = asked(random_pool(n=30), head_of(np.ones((16, 1))))
    pool = replace(pool, labeled_counts=np.array([6.0]))

    assert len(choose(pool, batch_size=8, rng=seeded())[0]) == 8


@every_function
def test_labels_that_nobody_has_given_yet_are_no_obstacle(choose: AcquisitionFunction) -> None:
    weights = np.random.default_rng(6).normal(size=(16, 9))
    weights[:, 4:] = 0.0  # five of nine labels have no image: the head scores them alike
    pool = asked(random_pool(n=300), head_of(weights))
    pool = replace(pool, labeled_counts=np.array([2.0, 2, 1, 1, 0, 0, 0, 0, 0]))

    positions, shares = choose(pool, batch_size=20, rng=seeded())

    assert len(set(positions.tolist())) == 20
    assert np.isfinite(shares).all()


@every_function
def test_images_that_are_all_alike_are_no_obstacle(choose: AcquisitionFunction) -> None:
    rows = np.repeat(np.eye(8)[:1], 40, axis=0)
    pool = asked(pool_of(rows, labeled=rows[:3]), head_of(np.eye(8)[:, :3]))

    positions, shares = choose(pool, batch_size=15, rng=seeded())

    assert len(set(positions.tolist())) == 15
    assert ((shares > 0) & (shares <= 1)).all()


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"random"}))
def test_it_goes_where_nothing_is_labeled_and_the_classifier_is_torn(name: str) -> None:
    rng = np.random.default_rng(2)
    known = np.eye(12)[0] + 0.01 * rng.normal(size=(60, 12))
    strange = np.eye(12)[5] + 0.3 * rng.normal(size=(60, 12))
    strange[:, :2] *= 0.1
    weights = np.zeros((12, 2))
    weights[0], weights[1] = [4, -4], [-4, 4]
    labeled = unit(np.eye(12)[0] + 0.01 * rng.normal(size=(6, 12)))
    pool = asked(pool_of(unit(np.concatenate([known, strange])), labeled=labeled), head_of(weights))

    positions, _ = ACQUISITION_FUNCTIONS[name](pool, batch_size=5, rng=seeded())

    assert (positions >= 60).sum() >= 4
    assert positions[0] >= 60


@every_function
def test_vectors_that_stay_where_they_are_give_the_same_choice(choose: AcquisitionFunction) -> None:
    pool = random_pool(n=2500)
    order = np.argsort(pool.image_ids)
    pool = reordered(pool, order)
    assert isinstance(pool.embeddings, np.ndarray)
    raw = np.concatenate([np.ones((7, 16), np.float32), 3.0 * pool.embeddings])
    lazy = replace(pool, embeddings=PreparedRows(raw, np.arange(2500) + 7, np.zeros(16)))

    here, _ = choose(pool, batch_size=10, rng=seeded())
    there, _ = choose(lazy, batch_size=10, rng=seeded())

    np.testing.assert_array_equal(here, there)


@every_function
def test_a_head_alone_says_what_the_probabilities_say(choose: AcquisitionFunction) -> None:
    pool = random_pool(n=300)

    told, _ = choose(pool, batch_size=10, rng=seeded())
    asks, _ = choose(replace(pool, probabilities=None), batch_size=10, rng=seeded())

    np.testing.assert_array_equal(told, asks)


def test_the_registry_has_these_names_and_knows_the_old_one() -> None:
    assert set(NAMES) == set(ACQUISITION_FUNCTIONS)
    assert current_name("herding") == "max_herding"
    assert current_name("margin") == "margin"


def test_herding_stands_in_for_functions_that_cannot_be_asked_yet() -> None:
    assert whose_turn("margin", can_ask=False) == "max_herding"
    assert whose_turn("margin", can_ask=True) == "margin"
    assert whose_turn("random", can_ask=False) == "random"
    assert whose_turn("uherding", can_ask=False) == "uherding"


@pytest.mark.parametrize("name", sorted(set(ACQUISITION_FUNCTIONS) - {"random"}))
def test_a_batch_holds_one_image_of_a_burst_while_that_suffices(name: str) -> None:
    pool = replace(random_pool(n=40), groups=np.arange(40) // 4)  # ten bursts of four

    positions, _ = ACQUISITION_FUNCTIONS[name](pool, batch_size=10, rng=seeded())
    more, _ = ACQUISITION_FUNCTIONS[name](pool, batch_size=15, rng=seeded())

    assert len(set(pool.groups[positions])) == 10
    assert len(set(more.tolist())) == 15
    assert len(set(pool.groups[more])) == 10
