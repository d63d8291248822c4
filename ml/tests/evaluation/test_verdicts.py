from __future__ import annotations

import math

import numpy as np
import pytest

from ml.evaluation import compare
from ml.evaluation.verdicts import Verdict, certify, fallen_labels, is_on_leash
from ml.models import Comparison, ModelKind, ModelVersion
from ml.selectors.evidence import Table
from ml.services import audit_verdict

COUNTS = [(0, 0, 10), (30, 4, 100), (2, 30, 60), (12, 10, 3000), (9, 8, 120), (25, 10, 200)]


def _table(wins: int, losses: int, ties: int, *, label: str = "milk") -> Table:
    """Images of one label: the challenger right, the reference right, both right."""
    n = wins + losses + ties
    right, wrong = np.array([label, "soy"], dtype=object)
    at = np.arange(n)
    return Table(
        image_ids=at,
        truth=np.full(n, label, dtype=object),
        said=np.where((at < wins) | (at >= wins + losses), right, wrong),
        reference=np.where(at >= wins, right, wrong),
    )


@pytest.mark.parametrize("counts", COUNTS)
def test_the_service_decides_by_the_same_rule(counts: tuple[int, int, int]) -> None:
    version = ModelVersion(pk=1, kind=ModelKind.HEAD, number=1)
    row = Comparison(challenger=version, reference=version, alpha=0.02)

    found = audit_verdict.of_certification(row, _table(*counts), n_open=0)

    margin = audit_verdict.NON_INFERIORITY_MARGIN
    verdict = certify(*counts, alpha=0.02, margin=margin)
    stored = {Verdict.BETTER: "PASSED", Verdict.NOT_WORSE: "PASSED", Verdict.HARMFUL: "FAILED"}
    assert found.decision == stored.get(verdict, "RUNNING")
    assert found.numbers["verdict"] == verdict


def test_a_label_that_falls_holds_a_candidate_that_is_better_over_all() -> None:
    version = ModelVersion(pk=1, kind=ModelKind.HEAD, number=3)
    row = Comparison(challenger=version, reference=version, alpha=0.02)
    better, fallen = _table(40, 2, 100), _table(0, 6, 10, label="oat")
    both = Table(
        *(
            np.concatenate([getattr(better, name), getattr(fallen, name)])
            for name in ("image_ids", "truth", "said", "reference")
        )
    )

    found = audit_verdict.of_certification(row, both, n_open=5)

    assert found.numbers["verdict"] == "BETTER"
    assert found.decision == "RUNNING"
    assert found.numbers["fallen"] == [{"label": "oat", "wins": 0, "losses": 6, "n": 16}]
    assert "worse at “oat” (wrong on 6 of 16 that v3 had right)" in found.sentence


@pytest.mark.parametrize(
    ("wins", "losses", "n", "falls"),
    [
        (0, 6, 20, True),  # six in a row by luck: 1 in 64
        (0, 5, 20, False),  # 1 in 32
        (0, 6, 9, False),  # too few images
        (0, 6, 60, False),  # ten points and no more
        (3, 12, 80, True),
        (6, 12, 40, False),  # 12 of 18 by luck: 12 %
    ],
)
def test_the_floor_by_hand(wins: int, losses: int, n: int, falls: bool) -> None:
    found = fallen_labels(np.array([wins]), np.array([losses]), np.array([n]))

    assert found.tolist() == [falls]


def test_against_the_commonest_label_only_being_better_counts() -> None:
    assert certify(0, 40, 100, alpha=0.02, margin=None) is Verdict.RUNNING
    assert certify(9, 0, 0, alpha=1 / 102, margin=None) is Verdict.BETTER  # (2^10 - 1) / 10


def test_each_verdict_is_reached() -> None:
    found = {certify(*counts, alpha=0.02, margin=0.02) for counts in COUNTS}

    assert found == set(Verdict)


def test_each_of_two_ways_to_pass_may_use_half_of_the_budget() -> None:
    # 10 wins: E = 2^11 B(11, 1) (1 - 2^-11) = (2^11 - 1) / 11 = 186.1.
    assert math.exp(compare.log_e_value(10, 0)) == pytest.approx((2**11 - 1) / 11)
    assert certify(10, 0, 0, alpha=2 / 186, margin=0.02) is Verdict.BETTER
    assert certify(10, 0, 0, alpha=2 / 187, margin=0.02) is Verdict.RUNNING


def test_harm_of_many_streams_is_the_harm_of_each() -> None:
    counts = np.array([[3, 9, 40], [0, 0, 0], [50, 20, 100]])

    found = compare.log_e_harm_of(counts, margin=0.02)

    assert found == pytest.approx([compare.log_e_harm(*row, margin=0.02) for row in counts])


@pytest.mark.parametrize(
    ("difference", "error", "allowed"),
    [
        (-0.01, 0.003, True),  # -1 point, known to 0.3: three errors above -2 points
        (-0.012, 0.003, False),
        (0.0, 0.02, False),  # few labels: must be one error ahead
        (0.02, 0.02, True),
        (-0.021, 0.0, False),
    ],
)
def test_the_leash_by_hand(difference: float, error: float, allowed: bool) -> None:
    assert is_on_leash(difference, error, margin=0.02) is allowed


@pytest.mark.parametrize(
    ("difference", "gain", "gain_error", "allowed"),
    [
        (0.01, 0.10, 0.04, True),  # right a little more often, and clearly surer of what is right
        (0.01, 0.07, 0.04, False),
        (-0.005, 0.50, 0.04, False),  # right less often: no log-loss makes up for that
        (0.0, 0.0, 0.0, False),
    ],
)
def test_a_clearly_lower_log_loss_lets_a_head_pass_that_is_right_no_less_often(
    difference: float, gain: float, gain_error: float, allowed: bool
) -> None:
    found = is_on_leash(difference, 0.028, margin=0.02, gain=gain, gain_error=gain_error)

    assert found is allowed
