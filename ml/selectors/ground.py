"""The stored rows that every figure about labels to come rests on, read once.

Labels in the order they came, the audit images that can be judged, and a stop set; vectors of the
champion's backbone throughout. Nothing here trains, tunes or steers what serves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors import consensus, label_history, queue
from ml.evaluation.stopping import STOP_SET_SIZE
from ml.heads import ridge
from ml.selectors import embeddings, metrics, versions
from ml.types import LabeledSet

if TYPE_CHECKING:
    import numpy.typing as npt

    from labeling.selectors.label_history import LabelHistory
    from ml.selectors.metrics import Measured
    from ml.selectors.versions import StoredVersion
    from ml.types import Embeddings, Head, Indices, Labels


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
        truth: (m,) their columns in the order of `labeled`.
        stop_set: (s, d) vectors of unlabeled pool images, drawn at random.
    """

    version: StoredVersion
    measured: Measured
    labeled: LabeledSet
    is_random: npt.NDArray[np.bool_]
    is_imported: npt.NDArray[np.bool_]
    history: LabelHistory
    audit: Embeddings
    truth: Labels
    stop_set: Embeddings

    @property
    def n(self) -> int:
        """Count the labels."""
        return len(self.labeled.image_ids)

    def head(self, rows: Indices) -> Head:
        """Fit the usual head on some of the labels."""
        some, kept = self.labeled, rows
        return ridge.fit_ridge(
            LabeledSet(
                image_ids=some.image_ids[kept],
                embeddings=some.embeddings[kept],
                targets=some.targets[kept],
                weights=some.weights[kept],
                groups=some.groups[kept],
                label_order=some.label_order,
            )
        ).head

    def is_fit(self, rows: Indices) -> bool:
        """Tell whether some of the labels name two different ones: a head needs them."""
        return len(np.unique(self.labeled.targets[rows].argmax(axis=1))) > 1

    def right(self, head: Head) -> npt.NDArray[np.bool_]:
        """Tell which of the (m,) audit images a head gets right."""
        hits: npt.NDArray[np.bool_] = said(head, self.audit) == self.truth
        return hits


def said(head: Head, vectors: Embeddings) -> Labels:
    """Give the (n,) likeliest columns of raw vectors."""
    found: Labels = ridge.scores(head, vectors).argmax(axis=1)
    return found


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
    return Ground(
        version=version,
        measured=measured,
        labeled=LabeledSet(
            image_ids=rows.image_ids[places],
            embeddings=embeddings.load_matrix(set_id, rows.image_ids[places]),
            targets=posteriors / posteriors.sum(axis=1, keepdims=True),
            weights=rows.weights[places],
            groups=rows.groups[places],
            label_order=rows.codes,
        ),
        is_random=history.is_random[order],
        is_imported=history.is_imported[order],
        history=history,
        audit=embeddings.load_matrix(set_id, measured.image_ids[judged]),
        truth=columns[measured.truth[judged]],
        stop_set=_stop_set(project_id, set_id, rng),
    )


def _settled(measured: Measured, codes: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Give the audit images whose truth is a label of today that nobody has yet to look at.

    Of those drawn with a raised chance only so many that all had the same: a curve counts.
    """
    today = np.array([code in codes for code in measured.codes], dtype=np.bool_)
    settled: npt.NDArray[np.bool_] = measured.is_judged & ~measured.checks.pending
    settled &= measured.is_alike
    return settled & today[np.maximum(measured.truth, 0)]


def _stop_set(project_id: int, set_id: int, rng: np.random.Generator) -> Embeddings:
    pool = queue.undecided_pool(project_id).order_by("pk").values_list("pk", flat=True)
    ids = np.fromiter(pool.iterator(), dtype=np.int64)
    drawn = np.sort(rng.permutation(ids)[:STOP_SET_SIZE])
    return embeddings.load_matrix(set_id, drawn[embeddings.has_vector(set_id, drawn)])
