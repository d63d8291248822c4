"""Sums over labeled rows, apart for each label, from which a ridge head follows.

With row weights w n_y^-1/2 every answer changes the weights of all rows of its label; sums kept
apart for each label make that one factor each, so that a head on 20,000 rows is solved without
touching them: X'VX is the sum of f_c S_c, f_c the factor of label c (`methods.md` §3.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.heads.closed_form import Primal, label_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.heads.closed_form import Rows
    from ml.types import Labels, Probabilities, Weights

    Matrix = npt.NDArray[np.float64]

MOST_BYTES = 512 * 2**20
"""Beyond this the sums of so many labels are not kept, and each head is fitted on the rows."""

_FEW_ROWS = 6
"""Added one by one; packing the product of more rows at once is cheaper."""


def bytes_needed(d: int, k: int) -> int:
    """Give the size of the sums for k labels."""
    return 4 * k * (d * (d + 1) // 2 + d * k)


class LabelStatistics:
    """Sums over rows x with weight w and target t, for every label c that rows count for.

    Attributes:
        grams: (k, d (d + 1) / 2) float32, lower triangles of sum w x x' by rows.
        crosses: (k, d, k) float32, sum w x t'.
        rows: (k, d) sum w x.
        targets: (k, k) sum w t.
        weights: (k,) sum w.
        counts: (k,) how many rows.
    """

    def __init__(self, d: int, k: int) -> None:
        self.dim = d
        self.grams = np.zeros((k, d * (d + 1) // 2), dtype=np.float32)
        self.crosses = np.zeros((k, d, k), dtype=np.float32)
        self.rows = np.zeros((k, d))
        self.targets = np.zeros((k, k))
        self.weights = np.zeros(k)
        self.counts = np.zeros(k, dtype=np.int64)
        self._lower = np.tril_indices(d)

    def add(
        self,
        x: npt.NDArray[np.float32],
        targets: Probabilities,
        weights: Weights,
        *,
        label: Labels | None = None,
        sign: int = 1,
    ) -> None:
        """Add (m, d) prepared rows, or with sign -1 take them out again.

        Args:
            x: prepared rows.
            targets: (m, k), rows sum to 1.
            weights: (m,) before they are balanced.
            label: (m,) what the rows count for, where that is not their likeliest label: after
                labels were merged or split.
            sign: 1 or -1.
        """
        label = label_of(targets) if label is None else label
        for c in np.unique(label):
            own = label == c
            self._add(int(c), x[own], targets[own], sign * weights[own])
            self.counts[c] += sign * int(own.sum())

    def _add(
        self, c: int, x: npt.NDArray[np.float32], targets: Probabilities, weights: Weights
    ) -> None:
        from scipy.linalg import blas  # noqa: PLC0415 (kept off the web's import path)

        weighted = weights[:, None].astype(np.float32) * x
        if len(x) <= _FEW_ROWS:
            for row, weight in zip(x, weights, strict=True):
                # The upper triangle by columns is the lower one by rows.
                blas.sspr(self.dim, weight, row, self.grams[c], overwrite_ap=1)
        else:
            self.grams[c] += (weighted.T @ x)[self._lower]
        self.crosses[c] += weighted.T @ targets.astype(np.float32)
        self.rows[c] += weights @ x
        self.targets[c] += weights @ targets
        self.weights[c] += weights.sum()

    def mapped(self, shares: Matrix) -> LabelStatistics:
        """Give the sums for other labels.

        Args:
            shares: (k, k') how much of each label's target goes to each new one; a row counts for
                the one that gets most of it, the first of equals. What goes to none is dropped
                with its rows.
        """
        k = shares.shape[1]
        found = LabelStatistics(self.dim, k)
        for old, new in enumerate(shares.argmax(axis=1)):
            if shares[old, new] == 0:
                continue
            found.grams[new] += self.grams[old]
            found.crosses[new] += self.crosses[old] @ shares.astype(np.float32)
            found.rows[new] += self.rows[old]
            found.targets[new] += self.targets[old] @ shares
            found.weights[new] += self.weights[old]
            found.counts[new] += self.counts[old]
        return found

    def problem(self, rows: Rows) -> Primal:
        """Give the ridge problem of the rows that were added; they are touched only where asked.

        Weights are balanced and scaled to mean 1 as `closed_form.balanced` does.
        """
        n = int(self.counts.sum())
        seen = self.counts > 0
        factors = np.zeros(len(seen))
        factors[seen] = 1.0 / np.sqrt(self.weights[seen])
        factors *= n / (factors @ self.weights)
        narrow = factors.astype(np.float32)
        gram = self._unpacked(narrow @ self.grams)
        moment = np.tensordot(narrow, self.crosses, axes=1).astype(np.float64)
        return Primal.centred(
            rows, gram, moment, factors @ self.rows / n, factors @ self.targets / n
        )

    def _unpacked(self, packed: npt.NDArray[np.float32]) -> Matrix:
        """Give the (d, d) symmetric matrix of a lower triangle by rows."""
        from scipy.linalg import lapack  # noqa: PLC0415

        # By columns that is the upper triangle.
        upper, _ = lapack.stpttr(self.dim, packed)
        gram: Matrix = np.triu(upper).astype(np.float64)
        gram += np.triu(gram, 1).T
        return gram
