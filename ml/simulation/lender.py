"""Lending groups in offline rounds: who may be asked about, and what the head learns besides."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition import lending, lent
from ml.acquisition.rows import PreparedRows
from ml.types import LabeledSet, Pool

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from ml.types import Embeddings, Groups, Indices, Probabilities

    Mask = npt.NDArray[np.bool_]
    Fit = Callable[[LabeledSet], Probabilities]


@dataclass(slots=True)
class Lender:
    """The lending groups of a table while it is played.

    Attributes:
        embeddings: (n, d), raw.
        image_ids: (n,) keys.
        split_groups: (n,).
        rows: (n, d) prepared.
        joins: of all rows.
        fixed: the threshold, or None for the lowest that the labels so far allow.
        threshold: the one in use; None: nothing is lent.
        groups: (n,) lending groups at that threshold, or None.
        central: (g,) the row that is asked about first.
        is_returned: (n,) rows whose classifier has objected to what was lent.
        n_lent: how many labels were lent at the last fit.
    """

    embeddings: Embeddings
    image_ids: Indices
    split_groups: Groups
    rows: Embeddings
    joins: lending.Joins
    fixed: float | None
    threshold: float | None = None
    groups: Groups | None = None
    central: Indices = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    is_returned: Mask = field(default_factory=lambda: np.empty(0, dtype=bool))
    n_lent: int = 0

    @classmethod
    def of(
        cls,
        embeddings: Embeddings,
        image_ids: Indices,
        split_groups: Groups,
        rows: Embeddings,
        *,
        fixed: float | None,
    ) -> Lender:
        """Link the rows of a table."""
        found = lending.joins(rows, image_ids, split_groups)
        lender = cls(embeddings, image_ids, split_groups, rows, found, fixed)
        lender.is_returned = np.zeros(len(image_ids), dtype=bool)
        lender.use(fixed)
        return lender

    def use(self, threshold: float | None) -> None:
        """Form the groups at a threshold, or none."""
        if threshold == self.threshold:
            return
        self.threshold = threshold
        self.groups = None if threshold is None else self.joins.groups(threshold)
        if self.groups is not None:
            self.central = lending.most_central(self.rows, self.groups, self.image_ids)

    def narrow(self, pool: Pool, rows: Indices, answered: Indices, targets: Probabilities) -> Pool:
        """Leave the rows of a pool that may be asked about; all of them where none is left."""
        if self.groups is None:
            return pool
        is_busy = np.zeros(len(self.groups), dtype=bool)
        is_busy[answered] = True
        is_mixed = lent.lend(self.groups, answered, targets, self.is_returned).is_mixed
        may = lent.worth_asking(self.groups, self.central, is_busy, self.is_returned, is_mixed)
        kept = np.flatnonzero(may[rows])
        if not len(kept):
            return pool
        assert isinstance(pool.embeddings, PreparedRows)  # noqa: S101 - the rounds' own pool
        return replace(
            pool,
            image_ids=pool.image_ids[kept],
            embeddings=replace(pool.embeddings, places=rows[kept]),
            probabilities=None if pool.probabilities is None else pool.probabilities[kept],
            groups=pool.groups[kept],
            doubt=None if pool.doubt is None else pool.doubt[kept],
        )

    def learn(self, labeled: LabeledSet, answered: Indices, fit: Fit) -> None:
        """Fit on what is answered and what is lent; take back what the classifier objects to.

        Args:
            labeled: the (a,) answered rows.
            answered: (a,) which rows of the table they are.
            fit: fits a head, and gives what heads without a row's split group say of it.
        """
        if self.fixed is None:
            labels = labeled.targets.argmax(axis=1)
            self.use(lending.calibrate(self.joins, answered, labels, self.rows[answered]).threshold)
        if self.groups is None:
            fit(labeled)
            return
        loans = lent.lend(self.groups, answered, labeled.targets, self.is_returned)
        said = fit(self._with(labeled, loans))[len(answered) :]
        self.n_lent = len(loans.rows)
        objects = lent.objections(said, loans.posteriors, labeled.targets, labeled.groups)
        self.is_returned[loans.rows[objects]] = True

    def _with(self, labeled: LabeledSet, loans: lent.Loans) -> LabeledSet:
        rows = loans.rows
        return replace(
            labeled,
            image_ids=np.concatenate([labeled.image_ids, self.image_ids[rows]]),
            embeddings=np.concatenate([labeled.embeddings, self.embeddings[rows]]),
            targets=np.concatenate([labeled.targets, loans.posteriors]),
            weights=np.concatenate([labeled.weights, np.full(len(rows), lent.LENT_WEIGHT)]),
            groups=np.concatenate([labeled.groups, self.split_groups[rows]]),
        )
