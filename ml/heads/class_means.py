"""Class means: the better half of a head while there are few labels (`methods.md` §3.1).

A row's score for a label is its cosine with the mean of the label's rows. Unlike ridge it needs no
more than one row a label; mixed half and half the two are better than either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.heads.closed_form import Rows, label_of, same_size_groups

if TYPE_CHECKING:
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float64]

_NO_LENGTH = 1e-9


def label_sums(rows: Rows) -> Matrix:
    """Give the (d, k) weighted sums of the rows that count for each label."""
    shares = _shares(rows)
    sums = np.zeros((rows.dim, shares.shape[1]))
    for block in rows.blocks():
        sums += rows.at(block).T @ shares[block]
    return sums


def directions(sums: Matrix) -> Matrix:
    """Scale (d, k) sums to columns of length 1; a label without rows stays 0 and never wins."""
    lengths = np.linalg.norm(sums, axis=0)
    scaled: Matrix = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > _NO_LENGTH)
    return scaled


def held_out(rows: Rows, sums: Matrix) -> Matrix:
    """Give (n, k) scores of every row by the means of the rows outside its split group.

    With S the sums and G_g those of the group, the score is x (S - G_g) / |S - G_g|. Only labels
    that the group has rows of differ from the means of all.
    """
    shares = _shares(rows)
    scores = np.concatenate([rows.at(block) @ directions(sums) for block in rows.blocks()])
    for members in same_size_groups(rows.groups):
        for group in members:
            own = np.flatnonzero(shares[group].any(axis=0))
            x = rows.at(group)
            rest = sums[:, own] - x.T @ shares[np.ix_(group, own)]
            scores[np.ix_(group, own)] = x @ directions(rest)
    return scores


def _shares(rows: Rows) -> Matrix:
    """Give (n, k) each row's weight in the column of the label it counts for."""
    shares = np.zeros(rows.targets.shape)
    shares[np.arange(len(rows)), label_of(rows.targets)] = rows.weights
    return shares
