from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from labeling.consensus import activelab
from labeling.consensus.activelab import Weights

EVEN = Weights(classifier=0.5, annotator=0.5, n_labels=4)
shares = arrays.arrays(np.float64, st.integers(1, 20), elements=st.floats(0.25, 1))


def test_scores_by_hand() -> None:
    # Labeled: (0.9 * (0.5 + 0.5) + 0.5 / 4) / (0.5 + 0.5 + 0.5)
    found = activelab.labeled_scores(np.array([0.9]), np.array([0.5]), EVEN)
    assert found == pytest.approx([1.025 / 1.5])
    # Unanswered: (0.9 * 0.5 + 0.5 / 4) / (0.5 + 0.5)
    assert activelab.unlabeled_scores(np.array([0.9]), EVEN) == pytest.approx([0.575])


def test_a_source_as_bad_as_the_commonest_label_has_no_weight() -> None:
    assert activelab.weight([0.0, 0.25, 0.5, 0.9], 0.5) == pytest.approx([1, 0.5, 0, 0])
    assert activelab.weight([0.1], 0.0) == pytest.approx([0])


@settings(deadline=None)
@given(shares)
def test_a_doubtful_label_is_asked_again_before_a_sure_one(quality: np.ndarray) -> None:
    votes = np.full(len(quality), 0.7)
    scores = activelab.labeled_scores(quality, votes, EVEN)
    assert (np.diff(scores[np.argsort(quality)]) >= -1e-12).all()


@settings(deadline=None)
@given(shares)
def test_a_new_image_is_asked_before_one_that_somebody_has_answered(share: np.ndarray) -> None:
    """At equal certainty, above chance: an answer adds more where there is none."""
    votes = np.full(len(share), 0.5)
    assert (
        activelab.unlabeled_scores(share, EVEN)
        <= activelab.labeled_scores(share, votes, EVEN) + 1e-12
    ).all()


def test_the_share_is_that_of_labeled_images_among_the_lowest() -> None:
    labeled, unlabeled = np.array([0.1, 0.2, 0.9]), np.array([0.15, 0.3, 0.4])
    counts = {"n_labeled": 3, "n_unlabeled": 3}
    assert activelab.relabel_share(labeled, unlabeled, considered=2, **counts) == 0.5
    assert activelab.relabel_share(labeled, unlabeled, considered=3, **counts) == pytest.approx(
        2 / 3
    )
    assert activelab.relabel_share(labeled, unlabeled, considered=6, **counts) == 0.5


def test_a_sample_stands_for_all() -> None:
    """One of ten labeled images is the lowest: it stands for ten, the window takes eight."""
    share = activelab.relabel_share(
        np.array([0.1]), np.array([0.2, 0.3]), n_labeled=10, n_unlabeled=2, considered=8
    )
    assert share == 1.0


def test_with_nothing_labeled_nothing_is_asked_again() -> None:
    nothing = np.empty(0)
    assert (
        activelab.relabel_share(nothing, np.ones(3), n_labeled=0, n_unlabeled=3, considered=2) == 0
    )


def test_some_of_either_kind_is_always_asked() -> None:
    assert [activelab.clipped(each) for each in (0.0, 0.3, 1.0)] == [0.1, 0.3, 0.5]
