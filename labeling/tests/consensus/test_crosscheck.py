"""Ours against `crowd-kit` and `cleanlab` on random votes. Run by `make crosscheck`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labeling.consensus import methods
from labeling.consensus.em import VoteTable

REASON = "needs requirements-crosscheck.txt: run `make crosscheck`"
pandas = pytest.importorskip("pandas", reason=REASON)
aggregation = pytest.importorskip("crowdkit.aggregation", reason=REASON)
multiannotator = pytest.importorskip("cleanlab.multiannotator", reason=REASON)

pytestmark = pytest.mark.crosscheck
K = 5
seeds = pytest.mark.parametrize("seed", range(5))


def votes_of(seed: int, n_images: int = 400, n_people: int = 12) -> tuple[VoteTable, np.ndarray]:
    """Give two to five votes an image by people of very different skill, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(K, n_images, p=[0.35, 0.25, 0.2, 0.15, 0.05])
    skill = rng.uniform(0.4, 0.97, n_people)
    rows = []
    for image in range(n_images):
        for person in rng.permutation(n_people)[: rng.integers(2, 6)]:
            is_right = rng.random() < skill[person]
            said = truth[image] if is_right else (truth[image] + rng.integers(1, K)) % K
            rows.append((image, person, said))
    image, person, said = np.array(rows, dtype=np.int32).T
    return VoteTable(image, person, said, np.full(n_images, -1, dtype=np.int32)), truth


def frame(table: VoteTable) -> Any:
    columns = {"task": table.image, "worker": table.annotator, "label": table.label}
    return pandas.DataFrame(columns)


def theirs(method: Any, table: VoteTable) -> np.ndarray:
    found = method.fit_predict_proba(frame(table))
    by_label = found.reindex(index=range(table.n_images), columns=range(K))
    return np.asarray(by_label.fillna(0.0).to_numpy())


def ours(name: str, table: VoteTable, **settings: Any) -> np.ndarray:
    return methods.METHODS[name](table, K, rng=np.random.default_rng(0), **settings)


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    return float((one.argmax(axis=1) == other.argmax(axis=1)).mean())


@seeds
def test_majority_gives_the_same_shares(seed: int) -> None:
    table, _ = votes_of(seed)

    found = theirs(aggregation.MajorityVote(), table)

    np.testing.assert_allclose(ours("majority", table), found, atol=1e-5)


@seeds
@pytest.mark.parametrize("steps", [1, 5])
def test_dawid_skene_takes_the_same_steps(
    seed: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(methods, "MAX_STEPS", steps)
    table, _ = votes_of(seed)

    found = theirs(aggregation.DawidSkene(n_iter=steps, tol=0), table)

    np.testing.assert_allclose(ours("dawid_skene", table, smoothing=1e-10), found, atol=1e-4)


@seeds
def test_dawid_skene_ends_near_the_same_labels(seed: int) -> None:
    # The steps are the same (above); what is near zero is floored differently, and a hundred steps
    # carry that to a neighbouring optimum on some of these tables.
    table, truth = votes_of(seed)

    found = theirs(aggregation.DawidSkene(n_iter=100), table)
    mine = ours("dawid_skene", table, smoothing=1e-10)

    assert agreement(mine, found) > 0.95
    right, their_right = ((q.argmax(axis=1) == truth).mean() for q in (mine, found))
    assert right == pytest.approx(their_right, abs=0.03)


@seeds
def test_one_coin_gives_the_same_labels(seed: int) -> None:
    table, _ = votes_of(seed)

    found = theirs(aggregation.OneCoinDawidSkene(n_iter=100, tol=1e-9), table)
    mine = ours("one_coin", table)

    assert np.abs(mine - found).mean() < 0.01
    assert agreement(mine, found) > 0.99


@seeds
def test_glad_gives_the_same_labels(seed: int) -> None:
    table, truth = votes_of(seed)

    found = theirs(aggregation.GLAD(n_iter=100), table)
    mine = ours("glad", table)

    assert agreement(mine, found) > 0.97
    right, their_right = ((q.argmax(axis=1) == truth).mean() for q in (mine, found))
    assert right > their_right - 0.01


@seeds
def test_crowdlab_gives_the_same_labels(seed: int) -> None:
    table, truth = votes_of(seed)
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(table.n_images, K)) + 2.5 * np.eye(K)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wide = frame(table).pivot_table(index="task", columns="worker", values="label")

    found = multiannotator.get_label_quality_multiannotator(
        wide, probabilities, verbose=False, return_detailed_quality=False
    )["label_quality"]["consensus_label"].to_numpy()
    mine = methods.crowdlab(table, K + 1, probabilities, rng=rng).argmax(axis=1)

    assert (mine == found).mean() > 0.97
    assert (mine == truth).mean() > (found == truth).mean() - 0.01


@seeds
def test_larder_is_no_worse_than_any_of_them(seed: int) -> None:
    table, truth = votes_of(seed)
    others = (
        aggregation.MajorityVote(),
        aggregation.DawidSkene(),
        aggregation.OneCoinDawidSkene(),
        aggregation.GLAD(),
    )

    # One outcome more: nobody says "none of these".
    mine = methods.larder(table, K + 1, rng=np.random.default_rng(0))

    right = (mine.argmax(axis=1) == truth).mean()
    best = max((theirs(other, table).argmax(axis=1) == truth).mean() for other in others)
    assert right > best - 0.02
