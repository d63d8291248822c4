"""Under which conditions a run is played: who answers, what is rare, what is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.errors import MlError
from ml.evaluation import splits
from ml.simulation.oracle import LookalikeOracle, NoisyOracle

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Embeddings, Groups, Labels

CROWDS = ("none", "noisy", "lookalike")
LENDING = ("off", "on")
TEST_SHARE = 0.3
_SPLIT, _CROWD, _TAIL, _FOLDS = (2**32 - 1 - place for place in range(4))
"""Set these draws apart from the choices': no run labels so many images."""


class ConditionsError(MlError):
    """No run can be played under these conditions."""

    code = "simulation_conditions"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run is played under; the defaults are one person who knows everything.

    Attributes:
        crowd: none (always right), noisy (wrong at random) or lookalike (takes one label for
            another that looks like it).
        error_rate: share of images that the crowd is wrong about, 0 to 1.
        imbalance: the commonest label keeps all its pool images, the rarest one in so many.
        folds: how many folds of split groups; 0 holds 30 % of them out, drawn by the seed.
        fold: the fold that is measured on, below `folds`. Folds are the same for every seed.
        lending: off, on (lending groups at the lowest cosine that the labels so far allow), or
            that cosine itself, from the first answer on.
    """

    crowd: str = "none"
    error_rate: float = 0.1
    imbalance: float = 1.0
    folds: int = 0
    fold: int = 0
    lending: str = "off"

    def check(self) -> Conditions:
        """Give these conditions.

        Raises:
            ConditionsError: a value out of its range.
        """
        if self.crowd not in CROWDS:
            raise ConditionsError(f"There is no crowd {self.crowd!r}; take {', '.join(CROWDS)}.")
        if not 0 <= self.error_rate <= 1:
            raise ConditionsError(f"The error rate is {self.error_rate}; give a share, 0 to 1.")
        if self.imbalance < 1:
            raise ConditionsError(f"The imbalance is {self.imbalance}; give 1 (none) or more.")
        if self.folds == 1 or self.folds < 0 or not 0 <= self.fold < max(self.folds, 1):
            raise ConditionsError(
                f"There is no fold {self.fold} of {self.folds}; give 2 folds or more, or 0."
            )
        if self.lending not in LENDING and not 0.8 <= (self.lending_cosine or 0) <= 1:
            raise ConditionsError(
                f"Lending is {self.lending!r}; give on, off, or a cosine from 0.80 to 1."
            )
        return self

    @property
    def lending_cosine(self) -> float | None:
        """The fixed threshold of lending groups, where one is given."""
        try:
            return None if self.lending in LENDING else float(self.lending)
        except ValueError:
            return None

    def to_json(self) -> dict[str, Any]:
        """Give what differs from the defaults."""
        plain = Conditions()
        fields = ("crowd", "error_rate", "imbalance", "folds", "fold", "lending")
        given = {name: getattr(self, name) for name in fields}
        if self.crowd == "none":
            del given["error_rate"]
        return {
            name: value
            for name, value in given.items()
            if value != getattr(plain, name) or (name == "error_rate")
        }

    def held_out(self, groups: Groups, seed: int) -> npt.NDArray[np.bool_]:
        """Mark the (n,) rows that accuracy is measured on, whole split groups at a time."""
        if not self.folds:
            return splits.grouped_holdout(groups, TEST_SHARE, np.random.default_rng([seed, _SPLIT]))
        fold_of = splits.group_folds(groups, self.folds, np.random.default_rng([0, _FOLDS]))
        return np.equal(fold_of, self.fold)

    def kept(self, labels: Labels, k: int, seed: int) -> npt.NDArray[np.bool_]:
        """Mark the (n,) pool rows that are left when labels are made rare."""
        return long_tail(labels, k, self.imbalance, np.random.default_rng([seed, _TAIL]))

    def answers(self, truth: Labels, rows: Embeddings, k: int, seed: int) -> Labels:
        """Give what the crowd says of (n,) rows; `rows` are their prepared embeddings."""
        rng = np.random.default_rng([seed, _CROWD])
        if self.crowd == "noisy":
            return NoisyOracle.of(truth, k, error=self.error_rate, rng=rng).answers
        if self.crowd == "lookalike":
            return LookalikeOracle.of(truth, k, rows, error=self.error_rate, rng=rng).answers
        return truth


def long_tail(
    labels: Labels, k: int, ratio: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Mark (n,) rows to keep so that labels grow rare geometrically, in an order drawn at random.

    The first label keeps every row, the last one in `ratio`, each at least one row if it has any.

    Args:
        labels: (n,) columns below k.
        k: how many labels there are.
        ratio: 1 keeps everything.
        rng: draws which labels are rare, and which of their rows are left.
    """
    is_kept = np.ones(len(labels), dtype=bool)
    if ratio == 1:
        return is_kept
    shares = ratio ** -np.linspace(0, 1, k)
    for label, share in zip(rng.permutation(k), shares, strict=True):
        rows = rng.permutation(np.flatnonzero(labels == label))
        is_kept[rows[max(1, round(share * len(rows))) :]] = False
    return is_kept
