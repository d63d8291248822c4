from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.consensus import crowd
from labeling.consensus.crowd import start_pool
from labeling.consensus.em import Swept, VoteTable, sweep
from labeling.consensus.types import Vote

K = 5
NONE = K - 1


def table_of(
    votes: list[tuple[int, int, int]],
    n_images: int,
    *,
    known: dict[int, int] | None = None,
    priors: np.ndarray | None = None,
    has_prior: list[bool] | None = None,
) -> VoteTable:
    columns = np.array(votes, dtype=np.int32).reshape(-1, 3)
    said = np.full(n_images, -1, dtype=np.int32)
    for image, label in (known or {}).items():
        said[image] = label
    return VoteTable(
        columns[:, 0],
        columns[:, 1],
        columns[:, 2],
        said,
        None if priors is None else priors.astype(np.float32),
        None if has_prior is None else np.array(has_prior),
    )


def swept(table: VoteTable, n_annotators: int = 4, **settings: Any) -> Swept:
    return sweep(table, n_outcomes=K, n_annotators=n_annotators, start=start_pool(K), **settings)


def simulated(
    *, seed: int, n_images: int = 400, votes: int = 3, skills: tuple[float, ...]
) -> tuple[VoteTable, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K - 1, n_images)
    rows = []
    for image in range(n_images):
        for annotator in rng.permutation(len(skills))[:votes]:
            is_right = rng.random() < skills[annotator]
            other = (truth[image] + rng.integers(1, K)) % K
            rows.append((image, int(annotator), int(truth[image] if is_right else other)))
    return table_of(rows, n_images), truth


@st.composite
def tables(draw: st.DrawFn) -> VoteTable:
    n_images = draw(st.integers(1, 6))
    cells = st.tuples(st.integers(0, n_images - 1), st.integers(0, 3))
    said = draw(st.dictionaries(cells, st.integers(0, K - 1), max_size=16))
    known = draw(st.dictionaries(st.integers(0, n_images - 1), st.integers(0, K - 1), max_size=2))
    raw = draw(st.lists(st.floats(0, 1), min_size=n_images * 4, max_size=n_images * 4))
    priors = np.array(raw).reshape(n_images, 4) + 1e-3
    priors /= priors.sum(axis=1, keepdims=True)
    given = draw(st.lists(st.booleans(), min_size=n_images, max_size=n_images))
    votes = [(image, annotator, label) for (image, annotator), label in said.items()]
    return table_of(votes, n_images, known=known, priors=priors, has_prior=given)


@settings(deadline=None)
@given(tables())
def test_a_sweep_ends_in_the_posterior_that_an_answer_would_be_given(table: VoteTable) -> None:
    # One more step from its own end changes nothing: E-step and `crowd.posterior` are one formula.
    found = swept(table, max_steps=60, tolerance=1e-7)
    assert table.priors is not None
    assert table.has_prior is not None

    skills = {annotator: found.skill_of(annotator) for annotator in range(4)}
    for image in np.flatnonzero(table.known < 0):
        mine = table.image == image
        votes = [
            Vote(int(a), int(z))
            for a, z in zip(table.annotator[mine], table.label[mine], strict=True)
        ]
        prior = table.priors[image].astype(np.float64) if table.has_prior[image] else None
        own = crowd.held(votes, found.posteriors[image]) if len(votes) > 1 else None
        again = crowd.posterior(votes, skills, found.pool, prior=prior, own=own)
        # Confusions below 0.05 of an answer are not kept.
        np.testing.assert_allclose(found.posteriors[image], again, atol=0.02)


@settings(deadline=None)
@given(tables())
def test_counts_and_posteriors_are_what_they_say(table: VoteTable) -> None:
    found = swept(table)

    np.testing.assert_allclose(found.posteriors.sum(axis=1), 1, atol=1e-5)
    known = np.flatnonzero(table.known >= 0)
    np.testing.assert_array_equal(found.posteriors[known], np.eye(K)[table.known[known]])
    np.testing.assert_allclose(
        found.by_outcome.sum(axis=1), np.stack([found.right, found.wrong], axis=1), atol=1e-4
    )
    n_votes = np.bincount(table.image, minlength=table.n_images)
    telling = ((n_votes >= 2) | (table.known >= 0))[table.image]
    answers = np.bincount(table.annotator[telling], minlength=4)
    np.testing.assert_allclose(found.right + found.wrong, answers, atol=1e-4)
    assert (found.pool.minimum_votes >= 1).all()


@settings(deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_neither_order_of_votes_nor_names_of_people_matter(table: VoteTable, random: Any) -> None:
    order = list(range(len(table.image)))
    random.shuffle(order)
    names = [0, 1, 2, 3]
    random.shuffle(names)
    renamed = np.array(names, dtype=np.int32)
    other = dataclasses.replace(
        table,
        image=table.image[order],
        annotator=renamed[table.annotator[order]],
        label=table.label[order],
    )

    first, second = swept(table), swept(other)

    np.testing.assert_allclose(first.posteriors, second.posteriors, atol=2e-4)
    np.testing.assert_allclose(first.right, second.right[renamed], atol=2e-4)


def test_two_strangers_who_agree_by_hand() -> None:
    # One step from the start: q0 = .8 .8 / (.8 .8 + 4 .05 .05) = .98461...; each gets that much.
    found = swept(table_of([(0, 0, 1), (0, 1, 1)], 1), max_steps=1)
    first = 0.64 / (0.64 + 4 * 0.05**2)

    assert found.steps == 1
    # The counts reported are those of the posterior after the step, hence at least as sure.
    assert found.right[0] == pytest.approx(first, abs=0.02)
    assert found.right[0] == found.right[1]


def test_one_vote_alone_tells_nothing_about_its_author() -> None:
    found = swept(table_of([(0, 0, 1), (1, 0, 2)], 2))

    assert found.right.sum() == found.wrong.sum() == 0
    np.testing.assert_allclose(found.posteriors[0], found.posteriors[1][[0, 2, 1, 3, 4]])


def test_gold_counts_as_it_is() -> None:
    found = swept(table_of([(0, 0, 1), (1, 0, 2), (2, 1, 2)], 3, known={0: 1, 1: 1, 2: NONE}))

    np.testing.assert_allclose(found.right, [1, 0, 0, 0])
    np.testing.assert_allclose(found.wrong, [1, 1, 0, 0])
    assert dict(found.skill_of(0).confusions) == {(1, 1): 1.0, (1, 2): 1.0}
    assert dict(found.skill_of(1).confusions) == {(NONE, 2): 1.0}
    assert dict(found.skill_of(3).confusions) == {}


def test_skills_are_found_without_any_gold() -> None:
    given_skills = (0.95, 0.9, 0.8, 0.5, 0.2)
    table, truth = simulated(seed=5, skills=given_skills)

    found = swept(table, n_annotators=5, max_steps=30)

    estimated = found.right / (found.right + found.wrong)
    np.testing.assert_allclose(estimated, given_skills, atol=0.1)
    counts = np.zeros((len(truth), K))
    np.add.at(counts, (table.image, table.label), 1)
    majority = (counts.argmax(axis=1) == truth).mean()
    assert (found.posteriors.argmax(axis=1) == truth).mean() > majority + 0.03


def test_the_same_votes_give_the_same_bits() -> None:
    table, _ = simulated(seed=3, skills=(0.9, 0.8, 0.7, 0.6))

    first, second = swept(table), swept(table)

    np.testing.assert_array_equal(first.posteriors, second.posteriors)
    assert first.log_likelihood == second.log_likelihood


def test_the_likelihood_rises_with_every_step_once_skills_are_free() -> None:
    table, _ = simulated(seed=8, skills=(0.95, 0.9, 0.6, 0.3))

    found = [swept(table, max_steps=steps).log_likelihood for steps in (1, 3, 9)]

    assert found == sorted(found)


@pytest.mark.parametrize(("is_good", "bounds"), [(True, (0.6, 1.0)), (False, (0.0, 0.3))])
def test_gold_tells_how_far_to_trust_the_classifier(
    is_good: bool, bounds: tuple[float, float]
) -> None:
    table, truth = simulated(seed=4, votes=1, skills=(0.6, 0.6, 0.6, 0.6))
    shown = truth if is_good else np.random.default_rng(1).integers(0, K - 1, len(truth))
    priors = 0.02 + 0.92 * np.eye(K - 1)[shown]
    known = np.where(np.arange(len(truth)) < 100, truth, -1).astype(np.int32)

    found = swept(dataclasses.replace(table, known=known, priors=priors.astype(np.float32)))

    low, high = bounds
    assert low <= found.pool.prior_weight <= high


def test_without_gold_the_trust_in_the_classifier_stays() -> None:
    table, truth = simulated(seed=4, skills=(0.6, 0.6, 0.6, 0.6))
    priors = (0.02 + 0.92 * np.eye(K - 1)[truth]).astype(np.float32)

    assert swept(dataclasses.replace(table, priors=priors)).pool.prior_weight == 0.5


def test_a_look_alike_is_learned_from_everybody() -> None:
    rng = np.random.default_rng(2)
    truth = np.arange(300) % 4
    rows = [
        (image, person, 1 if truth[image] == 0 and rng.random() < 0.3 else int(truth[image]))
        for image in range(300)
        for person in range(3)
    ]

    pool = swept(table_of(rows, 300)).pool

    assert pool.confusion[0].argmax() == 1
    assert pool.confusion[0, 0] < 0 < pool.confusion[2, 2]  # harder, easier
    assert pool.confusion[0, 1:].sum() == pytest.approx(1)


def test_an_empty_table_has_a_belief_all_the_same() -> None:
    found = swept(table_of([], 2), n_annotators=0)

    np.testing.assert_allclose(found.posteriors, 1 / K)
    assert found.log_likelihood == 0


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (table_of([(2, 0, 0)], 2), "image must lie"),
        (table_of([(0, 4, 0)], 2), "annotator must lie"),
        (table_of([(0, 0, K)], 2), "label must lie"),
        (table_of([(0, 0, 0)], 2, known={0: K}), "known must lie"),
        (table_of([(0, 0, 0), (0, 0, 1)], 2), "votes once"),
        (table_of([(0, 0, 0)], 2, priors=np.ones((2, K))), "priors have shape"),
    ],
)
def test_refuses_tables_that_cannot_be(table: VoteTable, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        swept(table)


def test_refuses_lengths_that_differ_and_another_pool() -> None:
    short = dataclasses.replace(table_of([(0, 0, 0)], 1), label=np.array([], dtype=np.int32))
    with pytest.raises(ValueError, match="different lengths"):
        swept(short)
    with pytest.raises(ValueError, match="start from"):
        sweep(table_of([], 1), n_outcomes=K, n_annotators=1, start=start_pool(K + 1))
