"""One pass of the classifier over a whole pool, in blocks within a stated bound of memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation import yes_or_no
from ml.evaluation.geometry import prepare

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.acquisition.rows import PreparedRows
    from ml.types import Head, Indices, Probabilities, Scores

    Block = npt.NDArray[np.float32]

MEMORY_BOUND = 64 * 2**20
"""Bytes of working memory of a pass, beside what it gives back: 16 bytes a row."""

MOST_CELLS = 2**25
"""Rows times labels up to which a pass keeps all probabilities (256 MiB); beyond, doubts alone."""

_CANCELS = 1e-3
"""Share of a row's squared length below which its distance to the centre is computed anew."""


@dataclass(frozen=True, slots=True)
class Rescored:
    """What the classifier says of the pool.

    Attributes:
        doubt: (n,) margin scores in [0, 1]: 1 is a tie of the two most likely labels, or, with
            several labels an image, of yes and no of the most doubtful one.
        probabilities: (n, k), or None where they would take more than `MOST_CELLS`.
    """

    doubt: Scores
    probabilities: Probabilities | None


def rescore(rows: PreparedRows, head: Head, *, most_cells: int = MOST_CELLS) -> Rescored:
    """Give the doubt, and where they fit the probabilities, of (n,) rows.

    Rows are not centred and scaled first, which would cost more than the product itself:
    (x - c) W / |x - c| = (x W - c W) / |x - c|, and |x - c|^2 = |x|^2 - 2 x c + |c|^2, so that one
    product with W and c beside each other gives both. Cost O(n d k), memory `MEMORY_BOUND`.
    """
    n, k = len(rows), len(head.bias)
    doubt = np.empty(n)
    probabilities = np.empty((n, k)) if n * k <= most_cells else None
    fold = _Fold.of(head)
    step = block_rows(rows.raw.shape[1], k)
    for start in range(0, n, step):
        places = rows.places[start : start + step]
        said = fold.probabilities(rows, places)
        here = slice(start, start + len(places))
        doubt[here] = _margin(said) if head.several is None else _torn(said)
        if probabilities is not None:
            probabilities[here] = said
            if head.several is None:
                probabilities[here] /= probabilities[here].sum(axis=1, keepdims=True)
    return Rescored(doubt, probabilities)


def block_rows(d: int, k: int) -> int:
    """Give how many rows of d values and k labels a block holds within `MEMORY_BOUND`."""
    # A row as float16 and as float32, its scores, and two temporaries of that size.
    return max(1, MEMORY_BOUND // (6 * d + 3 * 4 * (k + 1) + 16))


@dataclass(frozen=True, slots=True)
class _Fold:
    head: Head
    both: Block  # (d, k + 1): the weights, and the centre beside them
    at_centre: Block  # (k,) c W
    bias: Block  # (k,)
    centre_squared: float

    @classmethod
    def of(cls, head: Head) -> _Fold:
        both = np.column_stack([head.weights, head.centre]).astype(np.float32)
        return cls(
            head,
            both,
            (head.centre @ head.weights).astype(np.float32),
            head.bias.astype(np.float32),
            float(head.centre @ head.centre),
        )

    def probabilities(self, rows: PreparedRows, places: Indices) -> Block:
        """Give (b, k) probabilities of the raw rows at these places."""
        raw = _taken(rows.raw, places).astype(np.float32, copy=False)
        product = raw @ self.both
        lengths = np.einsum("nd,nd->n", raw, raw)
        squared = lengths - 2 * product[:, -1] + np.float32(self.centre_squared)
        scores = product[:, :-1]
        scores -= self.at_centre
        cancels = squared <= _CANCELS * (lengths + np.float32(self.centre_squared))
        scores /= np.sqrt(np.where(cancels, np.float32(1), squared))[:, None]
        if cancels.any():
            exact = prepare(raw[cancels], self.head.centre)
            scores[cancels] = exact @ self.both[:, :-1]
        scores += self.bias
        if self.head.several is not None:
            said = yes_or_no.probabilities(self.head.several, scores.astype(np.float64))
            return said.astype(np.float32)
        scores *= np.float32(self.head.temperature)
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores


def _taken(
    raw: npt.NDArray[np.float16] | npt.NDArray[np.float32], places: Indices
) -> npt.NDArray[np.float16] | npt.NDArray[np.float32]:
    """Give the rows at these places; without a copy where they lie one after the other."""
    if len(places) and places[-1] - places[0] == len(places) - 1 and (np.diff(places) == 1).all():
        return raw[places[0] : places[-1] + 1]
    return raw[places]


def _torn(probabilities: Block) -> Scores:
    """Give 1 - |2p - 1| of the most doubtful label (`classifier.most_doubtful`)."""
    return np.asarray(1.0 - np.abs(2.0 * probabilities - 1.0).min(axis=1), dtype=np.float64)


def _margin(probabilities: Block) -> Scores:
    rows = np.arange(len(probabilities))
    first = probabilities.argmax(axis=1)
    top = probabilities[rows, first]
    if probabilities.shape[1] == 1:
        return np.zeros(len(rows))
    rest = probabilities.copy()
    rest[rows, first] = -1.0
    return np.asarray(1.0 - (top - rest.max(axis=1)), dtype=np.float64)
