from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.forecast import Fitted
from ml.evaluation.label_needs import Need, Standing, label_needs
from ml.evaluation.practice import Practice


def curves(top: float) -> Fitted:
    """.75 right at 400 labels, on the way to `top`, by the square root."""
    return Fitted(np.full(400, top), np.full(400, (top - 0.75) * 20), np.full(400, 0.5))


def ask(
    counts: list[list[int]],
    top: float = 0.98,
    target: float = 0.85,
    practice: Practice | None = None,
) -> list[Need]:
    matrix = np.array(counts)
    return label_needs(
        matrix,
        np.full(len(matrix), 40.0),
        curves(top),
        now=400,
        target=target,
        rng=np.random.default_rng(0),
        practice=practice,
    )


def test_a_label_that_is_right_often_enough_is_supported() -> None:
    sure, _ = ask([[200, 0], [40, 160]])
    assert sure.standing is Standing.SUPPORTED
    assert sure.chance > 0.95


def test_a_label_a_little_short_needs_about_as_many_as_the_curve_says() -> None:
    _, short = ask([[160, 40], [45, 155]])
    assert short.standing is Standing.NEEDS
    # .775 right: .0225 stays, .2025 shrinks by n^-.5 to .1275: 2.5 times 40 labels, 61 more.
    assert short.low < 61 < short.high
    assert short.middle == pytest.approx(61, rel=0.35)


def test_labeled_images_tell_more_of_a_label_with_few_audit_images() -> None:
    share = np.array([0.8, *np.linspace(0.4, 0.95, 12)])
    cases = np.array([5.0, *[60.0] * 12])
    right = np.round(share * cases)
    counts = np.diag(right)
    counts[np.arange(13), (np.arange(13) + 1) % 13] = cases - right
    labeled = np.full(13, 150.0)

    def chance(first: float) -> float:
        told = Practice(np.array([first, *share[1:]]) * labeled, labeled)
        return ask(counts.astype(int).tolist(), practice=told)[0].chance

    plain = ask(counts.astype(int).tolist())[0].chance
    assert chance(0.5) < 0.5 * plain
    assert chance(0.97) > 1.3 * plain


def test_a_label_that_labels_cannot_help_is_offered_its_double() -> None:
    _, lost, _ = ask([[95, 2, 3], [50, 45, 5], [3, 2, 95]], top=0.8, target=0.9)
    assert (lost.standing, lost.partner) == (Standing.MERGE, 0)


def test_errors_spread_over_many_labels_name_no_double() -> None:
    needs = ask([[40, 20, 20, 20], *np.diag([90, 90, 90, 90])[1:].tolist()], top=0.8, target=0.9)
    assert (needs[0].standing, needs[0].partner) == (Standing.UNKNOWN, -1)


def test_a_label_without_audit_images_is_unknown() -> None:
    assert ask([[30, 0], [0, 0]])[1].standing is Standing.UNKNOWN
    assert [each.standing for each in ask([[0, 0], [0, 0]])] == [Standing.UNKNOWN] * 2
