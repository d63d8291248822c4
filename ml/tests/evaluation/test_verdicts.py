from __future__ import annotations

import math

import numpy as np
import pytest

from ml.evaluation import compare
from ml.evaluation.verdicts import Verdict, certify, is_on_leash
from ml.models import Comparison, ModelKind, ModelVersion
from ml.selectors.evidence import Pairs
from ml.services import certification

COUNTS = [(0, 0, 10), (30, 4, 100), (2, 30, 60), (12, 10, 3000), (9, 8, 120), (25, 10, 200)]


@pytest.mark.parametrize("counts", COUNTS)
def test_the_service_decides_by_the_same_rule(counts: tuple[int, int, int]) -> None:
    version = ModelVersion(kind=ModelKind.HEAD)
    row = Comparison(challenger=version, reference=version, reference_id=1, alpha=0.02)
    log_e = certification._log_e(Pairs(*counts), has_reference=True)

    decision = certification._decision(row, Pairs(*counts), log_e, n_open=0)
    verdict = certify(*counts, alpha=0.02, margin=certification.NON_INFERIORITY_MARGIN)

    stored = {Verdict.BETTER: "PASSED", Verdict.NOT_WORSE: "PASSED", Verdict.HARMFUL: "FAILED"}
    assert decision == stored.get(verdict, "RUNNING")


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
