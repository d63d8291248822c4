from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from django.core.management.base import CommandError

from labeling.consensus import crowd
from labeling.consensus.types import Vote
from labeling.selectors import consensus
from labeling.selectors import projects as project_selectors
from labeling.tests.factories import NOW
from ml.bench import simulation_options
from ml.evaluation import splits
from ml.models import ModelVersion
from ml.selectors import embeddings
from ml.services import simulation
from ml.services.labeled_folder import read_labeled_folder
from ml.services.simulation_table import TRUTH_FILE, Table
from ml.simulation import rounds
from ml.simulation.conditions import Conditions
from ml.tests.tools.conftest import Folder
from ml.types import Labels, Probabilities

pytestmark = [pytest.mark.usefixtures("db", "tiny_backbone"), pytest.mark.sqlite]


def prepare(images: Path, work: Path, test: Path | None = None) -> None:
    pictures, test_pictures = (
        read_labeled_folder(images=folder, labels=folder / "labels.csv", label_column="label")
        if folder
        else []
        for folder in (images, test)
    )
    simulation.prepare_template(
        pictures=pictures,
        test_pictures=test_pictures,
        folder=work,
        now=NOW,
        progress=lambda _stage, _done, _total: None,
    )


def table(work: Path) -> rounds.SimulationTable:
    """What the play sees in the database, as arrays."""
    project = project_selectors.by_slug(simulation.SLUG)
    codes = tuple(project_selectors.current_scheme(project.pk).codes)
    truth = json.loads((work / TRUTH_FILE).read_text(encoding="utf-8"))
    ids = np.array(sorted(int(key) for key in truth), dtype=np.int64)
    vectors = embeddings.load_matrix(embeddings.original_set(project.pk).pk, ids)
    groups, _ = splits.near_duplicate_groups(vectors, cosine=rounds.SPLIT_COSINE)
    labels = np.array([codes.index(truth[str(key)]["code"]) for key in ids])
    return rounds.SimulationTable(ids, vectors, labels, groups, codes)


def as_consensus(answers: Labels, k: int, said: Probabilities | None) -> Probabilities:
    """Doubt a single answer as the product does, with the classifier's weak word."""
    rows, pool = [], crowd.start_pool(k + 1)
    for place, answer in enumerate(answers):
        prior = None if said is None else said[place].astype(np.float32)
        posterior = crowd.posterior([Vote(0, int(answer))], {}, pool, prior=prior)[:k]
        rows.append(posterior / posterior.sum())
    stored = np.array(rows, dtype=np.float32).astype(np.float64)
    shares: Probabilities = stored / stored.sum(axis=1, keepdims=True)
    return shares


@pytest.mark.parametrize("strategy", ["random", "margin", "uherding"])
def test_services_and_pure_rounds_choose_the_same_images(
    labeled_folder: Folder, tmp_path: Path, strategy: str
) -> None:
    prepare(labeled_folder(a_label=40), tmp_path)
    arrays = table(tmp_path)

    played = simulation.play(
        folder=tmp_path, strategy=strategy, seed=3, budget=50, batch=5, now=NOW
    )
    pure = rounds.simulate_rounds(
        arrays, strategy=strategy, budget=50, batch=5, seed=3, believe=as_consensus
    )

    assert played.chosen == arrays.image_ids[pure.chosen].tolist()
    assert played.labels == list(pure.labels)
    assert played.accuracy == pytest.approx(pure.accuracy)


@pytest.mark.parametrize("strategy", ["typiclust", "bait_binary"])
def test_a_play_without_a_database_is_that_of_the_pure_rounds(
    labeled_folder: Folder, tmp_path: Path, strategy: str
) -> None:
    prepare(labeled_folder(a_label=40), tmp_path)
    conditions = Conditions(folds=3, fold=1)

    offline = simulation.play_offline(
        folder=tmp_path, strategy=strategy, seed=3, budget=40, batch=10, conditions=conditions
    )
    everything = simulation.play_offline(
        folder=tmp_path, strategy=simulation.ALL_LABELS, seed=3, budget=40, batch=10,
        conditions=conditions,
    )  # fmt: skip

    pure = rounds.simulate_rounds(
        table(tmp_path), strategy=strategy, budget=40, batch=10, seed=3, conditions=conditions
    )
    assert offline.labels == [10, 20, 30, 40]
    assert offline.accuracy == pytest.approx(pure.accuracy)
    assert everything.labels == [len(table(tmp_path).labels) * 2 // 3]
    assert 0 <= everything.accuracy[0] <= 1


@pytest.mark.parametrize("lending", ["on", "off"])
def test_the_services_lend_only_where_that_is_asked_for(
    labeled_folder: Folder, tmp_path: Path, lending: str
) -> None:
    prepare(labeled_folder(a_label=20), tmp_path)

    simulation.play(
        folder=tmp_path, strategy="random", seed=3, budget=20, batch=20, now=NOW,
        conditions=Conditions(lending=lending),
    )  # fmt: skip

    project = project_selectors.by_slug(simulation.SLUG)
    assert project.lending_enabled == (lending == "on")
    (version,) = ModelVersion.objects.all()
    # Where lending is on, a refit has asked the labels about groups of images alike.
    assert (version.metrics["lending"]["tried"] != []) == (lending == "on")


def test_a_fixed_cosine_is_for_pure_rounds_and_every_child_is_told(tmp_path: Path) -> None:
    asked = {"crowd": "none", "error_rate": 0.1, "imbalance": 1.0, "folds": 0, "lending": ".85"}

    pure = simulation_options.conditions({**asked, "rounds": "pure"}, 0)
    assert pure.lending_cosine == 0.85
    assert "lending" in simulation_options.CONDITIONS
    with pytest.raises(CommandError, match="--lending on, or add --rounds pure"):
        simulation_options.conditions({**asked, "rounds": "services"}, 0)


def test_a_crowd_that_errs_and_a_long_tail_reach_the_queue(
    labeled_folder: Folder, tmp_path: Path
) -> None:
    prepare(labeled_folder(a_label=40), tmp_path)
    conditions = Conditions(crowd="lookalike", error_rate=0.25, imbalance=2.0)
    project = project_selectors.by_slug(simulation.SLUG)
    drawn = Table.load(project.pk, tmp_path, conditions, seed=3)

    played = simulation.play(
        folder=tmp_path, strategy="random", seed=3, budget=40, batch=40, now=NOW,
        conditions=conditions,
    )  # fmt: skip

    pool = set(drawn.image_ids[drawn.is_pool].tolist())
    assert set(played.chosen) <= pool
    assert len(pool) < (~drawn.is_held_out).sum()
    asked = np.isin(drawn.image_ids, played.chosen)
    counts = consensus.training_rows(project.pk).posteriors.argmax(axis=1)
    said = np.bincount(drawn.said[asked], minlength=len(drawn.codes))
    np.testing.assert_array_equal(np.bincount(counts, minlength=len(drawn.codes)), said)
    assert (drawn.said[drawn.is_pool] != drawn.truth[drawn.is_pool]).mean() > 0.1
