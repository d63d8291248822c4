from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml.bench import crowd, crowd_play, crowd_report, crowds

K, N = 4, 160


@pytest.fixture(scope="module")
def world() -> crowd_play.World:
    rng = np.random.default_rng(0)
    truth = np.arange(N) % K
    embeddings = (rng.normal(size=(N, 8)) + 2 * np.eye(8)[truth]).astype(np.float32)
    return crowd_play.world_of(embeddings, truth, np.arange(N) // 2, K)


def test_look_alikes_are_the_wrong_beliefs_by_hand() -> None:
    q = np.array([[0.6, 0.3, 0.1], [0.8, 0.1, 0.1], [0.0, 1.0, 0.0]])

    found = crowds.look_alikes(q, np.array([0, 0, 1]))

    np.testing.assert_allclose(found[0], [0, 2 / 3, 1 / 3], atol=1e-4)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_one_of_a_colluding_pair_copies_every_answer(world: crowd_play.World) -> None:
    rng = np.random.default_rng(1)
    people = crowds.people("colluding", world.alike, rng)

    said = crowds.answers(people, world.truth, rng)

    assert len(people) == crowds.SIZE
    np.testing.assert_array_equal(said[:, -1], said[:, 10])
    assert 0.3 < (said[:, 10] == world.truth).mean() < 0.7


@pytest.mark.parametrize("name", crowds.CROWDS)
def test_people_answer_as_often_right_as_they_should(name: str, world: crowd_play.World) -> None:
    rng = np.random.default_rng(2)
    people = crowds.people(name, world.alike, rng)
    truth = np.repeat(np.arange(K), 4000)

    said = crowds.answers(people, truth, rng)

    for person, column in zip(people, said.T, strict=True):
        np.testing.assert_allclose(person.says.sum(axis=1), 1)
        expected = np.diagonal(person.says).mean()
        assert (column == truth).mean() == pytest.approx(expected, abs=0.03)


def test_a_crowd_is_asked_until_every_image_is_decided(world: crowd_play.World) -> None:
    found = crowd_play.play(world, "honest", 5)

    assert set(found) == {*crowd_play.ALTERNATIVES, *crowd_play.POLICIES}
    assert {len(outcome.is_wrong) for outcome in found.values()} == {len(found["larder"].is_wrong)}
    assert 1 <= found["larder"].answers_per_image < 3
    assert found["larder"].is_wrong.mean() < 0.1


def test_a_crowd_played_again_gives_the_same(world: crowd_play.World) -> None:
    first, second = (crowd_play.play(world, "mixed", 6)["larder"] for _ in range(2))

    np.testing.assert_array_equal(first.is_wrong, second.is_wrong)
    assert first.answers_per_image == second.answers_per_image


def test_the_report_names_every_crowd_and_method(world: crowd_play.World, tmp_path: Path) -> None:
    figures = crowd._figures([crowd_play.play(world, "mixed", 7)], "mixed")

    crowd_report.write({"crowds": {"mixed": figures}}, tmp_path)

    stored = json.loads((tmp_path / "crowd.json").read_text())["crowds"]["mixed"]
    for name in ("majority_3", "crowdlab_3", "larder"):
        low, high = stored[name]["interval"]
        assert low <= stored[name]["error"] <= high
        assert stored[name]["answers_per_image"] > 0
    assert "against" in (tmp_path / "crowd.md").read_text()
    assert (tmp_path / "crowd.svg").is_file()


@pytest.mark.slow
def test_the_error_expected_of_an_export_holds_the_real_one_on_every_kind_of_crowd() -> None:
    """Six crowds, two policies, 64 gold images of 800: what people miss of gold says how wrong."""
    rng = np.random.default_rng(0)
    truth = np.arange(800) % 8
    embeddings = (rng.normal(size=(800, 16)) + 1.6 * np.eye(16)[truth]).astype(np.float32)
    world = crowd_play.world_of(embeddings, truth, np.arange(800) // 2, 8)
    held, by_model = [], []
    for name in crowds.CROWDS:
        rng = np.random.default_rng([54, list(crowds.CROWDS).index(name)])
        said = crowds.answers(crowds.people(name, world.alike, rng), truth, rng)
        is_gold = rng.random(800) < 0.08
        for risk, cap in crowd_play.POLICIES.values():
            found = crowd_play.ask_in_turn(world, said, is_gold, rng, risk=risk, cap=cap).detail
            held.append(found["expected_holds"])
            by_model.append(found["expected_by_model"] / max(found["exported_error"], 1e-4))

    assert np.mean(held) >= 0.9
    assert min(by_model) < 0.5, "the model alone was right everywhere: nothing was to be mended"
