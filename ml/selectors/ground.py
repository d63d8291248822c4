"""The stored rows that every figure about labels to come rests on, read once.

Labels in the order they came, the audit images that can be judged, and a stop set; vectors of the
champion's backbone throughout. Nothing here trains, tunes or steers what serves.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import consensus, label_history, queue
from labeling.selectors import several as sets
from ml.evaluation.stopping import STOP_SET_SIZE
from ml.heads import ridge, several
from ml.heads.ridge import STRENGTHS
from ml.selectors import embeddings, metrics, versions
from ml.types import LabeledSet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from labeling.selectors.label_history import LabelHistory
    from ml.selectors.metrics import Measured
    from ml.selectors.versions import StoredVersion
    from ml.types import Embeddings, Groups, Head, Indices, Labels, Probabilities


@dataclass(frozen=True, slots=True)
class Ground:
    """What there is to go by.

    Attributes:
        version: the champion.
        measured: the champion on the audit slice.
        labeled: (n,) settled pool labels in the order of their first answer.
        is_random, is_imported: (n,) how each came (`labeling.selectors.label_history`).
        history: counts of the whole project.
        audit: (m, d) vectors of the audit images that can be judged.
        truth: (m,) their columns in the order of `labeled`; of their sets where images may bear
            several labels.
        shown: (m, k) probabilities of each label then, one half where nobody was asked; else None.
        stop_set: (s, d) vectors of unlabeled pool images, drawn at random.
        stop_groups: (s,) their split groups.
    """

    version: StoredVersion
    measured: Measured
    labeled: LabeledSet
    is_random: npt.NDArray[np.bool_]
    is_imported: npt.NDArray[np.bool_]
    history: LabelHistory
    audit: Embeddings
    truth: Labels
    shown: Probabilities | None
    stop_set: Embeddings
    stop_groups: Groups

    @property
    def n(self) -> int:
        """Count the labels."""
        return len(self.labeled.image_ids)

    @property
    def is_several(self) -> bool:
        """Tell whether images may bear several labels: right is who has all of them right."""
        return self.labeled.is_several

    def head(self, rows: Indices) -> Head:
        """Fit the usual head on some of the labels."""
        some, kept = self.labeled, rows
        labeled = LabeledSet(
            image_ids=some.image_ids[kept],
            embeddings=some.embeddings[kept],
            targets=some.targets[kept],
            weights=some.weights[kept],
            groups=some.groups[kept],
            label_order=some.label_order,
            is_several=some.is_several,
        )
        if some.is_several:
            return several.fit(labeled, strengths=_near(self.version.metrics)).head
        return ridge.fit_ridge(labeled).head

    def is_fit(self, rows: Indices) -> bool:
        """Tell whether some of the labels name two different ones: a head needs them."""
        if self.labeled.is_several:
            return several.can_teach(self.labeled.targets[rows])
        return len(np.unique(self.labeled.targets[rows].argmax(axis=1))) > 1

    def right(self, head: Head) -> npt.NDArray[np.bool_]:
        """Tell which of the (m,) audit images a head gets right, with all their labels."""
        if self.shown is not None:
            return several.right(self.shown, ridge.predict(head, self.audit))
        hits: npt.NDArray[np.bool_] = said(head, self.audit) == self.truth
        return hits


def said(head: Head, vectors: Embeddings) -> Labels:
    """Give the (n,) likeliest columns of raw vectors."""
    found: Labels = ridge.scores(head, vectors).argmax(axis=1)
    return found


def said_by(heads: Sequence[Head], vectors: Embeddings) -> tuple[list[Labels], int]:
    """Give (n,) answers of each head, numbered below a bound: columns, or numbers of sets."""
    if all(head.several is None for head in heads):
        return [said(head, vectors) for head in heads], len(heads[0].label_order)
    shown = np.concatenate([several.shows(ridge.predict(head, vectors)) for head in heads])
    sets, numbers = np.unique(shown, axis=0, return_inverse=True)
    return np.split(numbers.astype(np.int64).ravel(), len(heads)), len(sets)


def _near(metrics: Mapping[str, Any]) -> tuple[float, ...]:
    """Give the strengths to try: the champion's and its neighbours, with labels of rows apart.

    Each costs as much as a head; what is best moves by a step as labels come.
    """
    own = metrics.get("regularisation")
    if own not in STRENGTHS:
        return STRENGTHS
    at = STRENGTHS.index(own)
    return STRENGTHS[max(at - 1, 0) : at + 2]


def of_project(project_id: int, *, rng: np.random.Generator) -> Ground | None:
    """Read it; None before there is a champion with weights.

    Args:
        rng: draws the stop set.
    """
    pointer = versions.pointer(project_id)
    version = versions.stored(pointer.version) if pointer else None
    measured = metrics.measured(metrics.audit(project_id), pointer.version) if pointer else None
    if version is None or measured is None:
        return None
    set_id = version.embedding_set_id
    history = label_history.of_project(project_id)
    rows = consensus.training_rows(project_id)
    place_of = {int(key): place for place, key in enumerate(rows.image_ids)}
    came = [place for place, key in enumerate(history.image_ids) if int(key) in place_of]
    known = embeddings.has_vector(set_id, history.image_ids[came])
    order = np.array(came, dtype=np.int64)[known]
    places = np.array([place_of[int(key)] for key in history.image_ids[order]], dtype=np.int64)
    judged = _settled(measured, rows.codes)
    column_of = {code: column for column, code in enumerate(rows.codes)}
    columns = np.array([column_of.get(code, -1) for code in measured.codes], dtype=np.int64)
    posteriors = rows.posteriors[places].astype(np.float64)
    if not rows.is_several:
        posteriors /= posteriors.sum(axis=1, keepdims=True)
    stop_set, stop_groups = _stop_set(project_id, set_id, rng)
    return Ground(
        version=version,
        measured=measured,
        labeled=LabeledSet(
            image_ids=rows.image_ids[places],
            embeddings=embeddings.load_matrix(set_id, rows.image_ids[places]),
            targets=posteriors,
            weights=rows.weights[places],
            groups=rows.groups[places],
            label_order=rows.codes,
            is_several=rows.is_several,
        ),
        is_random=history.is_random[order],
        is_imported=history.is_imported[order],
        history=history,
        audit=embeddings.load_matrix(set_id, measured.image_ids[judged]),
        truth=measured.truth[judged] if rows.is_several else columns[measured.truth[judged]],
        shown=_shown(project_id, measured.image_ids[judged]) if rows.is_several else None,
        stop_set=stop_set,
        stop_groups=stop_groups,
    )


def _settled(measured: Measured, codes: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Give the audit images whose truth is a label of today that nobody has yet to look at.

    Of those drawn with a raised chance only so many that all had the same: a curve counts.
    """
    today = np.array([code in codes for code in measured.codes], dtype=np.bool_)
    settled: npt.NDArray[np.bool_] = measured.is_judged & ~measured.checks.pending
    settled &= measured.is_alike
    if measured.is_sets:
        return settled
    return settled & today[np.maximum(measured.truth, 0)]


def _shown(project_id: int, image_ids: Indices) -> Probabilities:
    """Give the (m, k) labels that audit images show: 1, 0, or one half where nobody was asked."""
    found = sets.sets(project_id, image_ids)
    return np.where(found.known, found.shows, 0.5)


def _stop_set(project_id: int, set_id: int, rng: np.random.Generator) -> tuple[Embeddings, Groups]:
    pool = queue.undecided_pool(project_id).order_by("pk").values_list("pk", "split_group_id")
    pairs = ((pk, -pk if group is None else group) for pk, group in pool.iterator())
    flat = itertools.chain.from_iterable(pairs)
    rows = np.fromiter(flat, dtype=np.int64).reshape(-1, 2)
    # Where vectors are missing yet others are drawn: fewer than that means that there are no more.
    found, order = rows[:0], rng.permutation(len(rows))
    while len(found) < STOP_SET_SIZE and len(order):
        drawn, order = np.split(order, [STOP_SET_SIZE])
        more = rows[drawn]
        more = more[embeddings.has_vector(set_id, more[:, 0])]
        found = np.concatenate([found, more])[:STOP_SET_SIZE]
    found = found[np.argsort(found[:, 0])]
    return embeddings.load_matrix(set_id, found[:, 0]), found[:, 1]
