"""Label statistics kept between two heads: only what has changed since is added or taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation.geometry import prepare
from ml.heads.closed_form import Rows, balanced, label_of, prefers_dual
from ml.heads.statistics import MOST_BYTES, LabelStatistics, bytes_needed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from ml.heads.closed_form import Primal
    from ml.types import Embeddings, Indices, LabeledSet, Labels, Probabilities, Weights

    Matrix = npt.NDArray[np.float64]
    Steps = Mapping[str, tuple[str, ...]]

_BUILT_ANEW = 0.25
"""Where so large a share of the rows has changed, building anew costs less than following."""

_SAME = 1e-9
_A_PASS = 4096


def is_worth_keeping(labeled: LabeledSet) -> bool:
    """Tell whether heads on so many rows are solved from sums, and the sums fit into memory."""
    n, d = labeled.embeddings.shape
    return not prefers_dual(n, d) and bytes_needed(d, len(labeled.label_order)) <= MOST_BYTES


def label_shares(old: tuple[str, ...], new: tuple[str, ...], steps: Steps | None = None) -> Matrix:
    """Give (k, k') how much of each old label's target goes to each new label.

    A label that is in both keeps everything. `steps` names what became of others: one label when
    it was renamed or merged into it, several when it was split, which share alike until rows say
    more. What is in neither is dropped, and what is new gets nothing yet.

    Raises:
        ValueError: a step leads to a label that is not in `new`.
    """
    steps = steps or {}
    column = {code: at for at, code in enumerate(new)}
    shares = np.zeros((len(old), len(new)))
    for row, code in enumerate(old):
        heirs = steps.get(code, (code,) if code in column else ())
        unknown = set(heirs) - set(new)
        if unknown:
            raise ValueError(f"label {code!r} became {sorted(unknown)}, not among the new labels")
        for heir in heirs:
            shares[row, column[heir]] += 1 / len(heirs)
    return shares


class KeptSums:
    """What one project's rows add up to, with the rows themselves, as of the last head.

    The centre is that of the last choice of strength and temperature: were it to move with every
    answer, so would every prepared row.
    """

    def __init__(self, labeled: LabeledSet, centre: Matrix) -> None:
        self.centre = centre
        self._build(labeled)

    def follow(self, labeled: LabeledSet, steps: Steps | None = None) -> Primal:
        """Bring the sums up to date with these rows and give their ridge problem.

        Args:
            labeled: all rows; an image's embedding never changes.
            steps: what became of labels that are no longer there, as for `label_shares`.
        """
        self._map(labeled.label_order, steps)
        was, now = self._at(labeled.image_ids), np.arange(len(labeled.image_ids))
        known = was >= 0
        differs = np.ones(len(now), dtype=bool)
        differs[known] = self._differs(was[known], labeled, now[known])
        is_gone = np.ones(len(self.ids), dtype=bool)
        is_gone[was[known & ~differs]] = False
        if differs.sum() + is_gone.sum() > _BUILT_ANEW * len(now):
            self._build(labeled)
        else:
            self._take_out(np.flatnonzero(is_gone))
            self._add(labeled, was, np.flatnonzero(differs))
        return self.sums.problem(
            Rows(
                self.buffer, self.places, labeled.targets,
                balanced(labeled.weights, labeled.targets), labeled.groups,
            )
        )  # fmt: skip

    def _build(self, labeled: LabeledSet) -> None:
        n, d = labeled.embeddings.shape
        self.label_order = labeled.label_order
        self.sums = LabelStatistics(d, len(labeled.label_order))
        self.buffer: Embeddings = np.empty((n + n // 4, d), dtype=np.float32)
        self.filled = 0
        self.ids: Indices = np.empty(0, dtype=np.int64)
        self.places: Indices = np.empty(0, dtype=np.int64)
        self._add(labeled, np.full(n, -1), np.arange(n))

    def _add(self, labeled: LabeledSet, was: Indices, positions: Indices) -> None:
        """Add the rows at these positions; all others are as they were."""
        places = np.where(was >= 0, self.places[was] if len(self.places) else -1, -1)
        fresh = positions[was[positions] < 0]
        places[fresh] = self._store(labeled.embeddings, fresh)
        label = label_of(labeled.targets)
        # By label, so that each sum takes its rows in a few large products.
        ordered = positions[np.argsort(label[positions], kind="stable")]
        for start in range(0, len(ordered), _A_PASS):
            block = ordered[start : start + _A_PASS]
            x = self.buffer[places[block]]
            self.sums.add(x, labeled.targets[block], labeled.weights[block])
        self.ids, self.places = labeled.image_ids, places
        self.targets: Probabilities = labeled.targets
        self.weights: Weights = labeled.weights
        self.labels: Labels = label

    def _take_out(self, rows: Indices) -> None:
        rows = rows[self.labels[rows] >= 0]
        self.sums.add(
            self.buffer[self.places[rows]],
            self.targets[rows],
            self.weights[rows],
            label=self.labels[rows],
            sign=-1,
        )

    def _store(self, embeddings: Embeddings, rows: Indices) -> Indices:
        """Prepare these rows into the buffer and give their places."""
        end = self.filled + len(rows)
        if end > len(self.buffer):
            grown = np.empty((end + end // 4, self.buffer.shape[1]), dtype=np.float32)
            grown[: self.filled] = self.buffer[: self.filled]
            self.buffer = grown
        for start in range(0, len(rows), _A_PASS):
            block = rows[start : start + _A_PASS]
            at = self.filled + start
            self.buffer[at : at + len(block)] = prepare(embeddings[block], self.centre)
        places = np.arange(self.filled, end)
        self.filled = end
        return places

    def _at(self, image_ids: Indices) -> Indices:
        """Give for (n,) images where each was among the rows, or -1."""
        order = np.argsort(self.ids, kind="stable")
        at = np.searchsorted(self.ids, image_ids, sorter=order)
        at = order[np.minimum(at, len(order) - 1)]
        return np.where(self.ids[at] == image_ids, at, -1)

    def _differs(self, was: Indices, labeled: LabeledSet, now: Indices) -> npt.NDArray[np.bool_]:
        off = np.abs(self.targets[was] - labeled.targets[now]).max(axis=1)
        moved: npt.NDArray[np.bool_] = off > _SAME
        moved |= np.abs(self.weights[was] - labeled.weights[now]) > _SAME
        moved |= self.labels[was] != label_of(labeled.targets[now])
        return moved

    def _map(self, label_order: tuple[str, ...], steps: Steps | None) -> None:
        """Bring sums and targets to these labels; rows of dropped labels are out of the sums."""
        if label_order == self.label_order:
            return
        shares = label_shares(self.label_order, label_order, steps)
        self.sums = self.sums.mapped(shares)
        heirs = np.where(shares.any(axis=1), shares.argmax(axis=1), -1)
        self.labels = heirs[self.labels]
        self.targets = self.targets @ shares
        self.label_order = label_order
