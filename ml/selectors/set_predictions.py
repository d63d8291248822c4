"""What a model version says of audit images that may bear several labels.

The counterpart of `audit_predictions`: probabilities of all labels, and the set of those that are
more likely than not. A version never changes, so what it said of the same images last is kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation import label_sets
from ml.heads import codec, ridge
from ml.heads.calibration import NOTHING_ACCEPTED
from ml.recent import Recent
from ml.selectors import audit_predictions, embeddings, versions

if TYPE_CHECKING:
    from uuid import UUID

    import numpy.typing as npt

    from ml.types import Indices

VERSIONS_KEPT = 60


@dataclass(frozen=True, slots=True)
class Said:
    """What one version says of (n,) images.

    Attributes:
        number: of the version.
        label_order: k codes.
        probabilities: (n, k), each for itself.
        thresholds: (k,) from which a label is said; above 1 where it never is.
        is_there: (n,) whether the image has a vector; others hold zeros.
    """

    number: int
    label_order: tuple[str, ...]
    probabilities: npt.NDArray[np.float64]
    thresholds: npt.NDArray[np.float64]
    is_there: npt.NDArray[np.bool_]

    def sets(self, left_out: npt.NDArray[np.bool_]) -> audit_predictions.Answers:
        """Give the likelier-than-not sets as answers whose labels are sets.

        Labels are independent, so the probability of a set is the product of its yes and no.

        Args:
            left_out: (n, k) labels that are not asked about.
        """
        shown = (self.probabilities > 0.5) & ~left_out
        codes = label_sets.of_rows(shown, self.label_order)
        order, columns = np.unique(codes.astype(str), return_inverse=True)
        each = np.where(shown, self.probabilities, 1.0 - self.probabilities)
        p = np.where(left_out, 1.0, each).prod(axis=1)
        top = np.where(self.is_there, columns, audit_predictions.NOTHING)[:, None]
        return audit_predictions.Answers(
            self.number, tuple(order.tolist()), top, np.where(self.is_there, p, 0.0)
        )


_known: Recent[UUID, tuple[str, Said]] = Recent(VERSIONS_KEPT)


def forget() -> None:
    """Drop everything kept (tests, and a host short of memory)."""
    _known.clear()


def of_version(public_id: UUID, image_ids: Indices) -> Said | None:
    """Give what a version says of (n,) images; None where its weights are gone."""
    asked = hashlib.sha256(np.ascontiguousarray(image_ids).tobytes()).hexdigest()
    digest, said = _known.find(public_id) or ("", None)
    if said is not None and digest == asked and said.is_there.all():
        return said
    found = _ask(public_id, image_ids)
    if found is not None:
        _known.put(public_id, (asked, found))
    return found


def _ask(public_id: UUID, image_ids: Indices) -> Said | None:
    version = versions.stored(public_id)
    if version is None or version.head is None:
        return None
    head = codec.from_bytes(version.head)
    k = len(head.label_order)
    is_there = embeddings.has_vector(version.embedding_set_id, image_ids)
    vectors = embeddings.load_matrix(version.embedding_set_id, image_ids[is_there])
    said = np.zeros((len(image_ids), k))
    if head.several is None:
        # A version from before there were heads for several labels: it names the likeliest.
        thresholds = np.full(k, version.threshold)
        best = ridge.scores(head, vectors).argmax(axis=1)
        said[np.flatnonzero(is_there), best] = 1.0
    else:
        thresholds = head.several.thresholds
        said[is_there] = ridge.predict(head, vectors)
    bars = np.where(thresholds <= 1.0, thresholds, NOTHING_ACCEPTED)
    return Said(version.number, version.label_order, said, bars, is_there)
