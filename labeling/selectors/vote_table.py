"""All votes of a project that tell something about annotators, as arrays for the sweep.

Read as a stream: three numbers a vote are all that stays in memory, and the classifier's
probabilities only of the images that tell something.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import F, Q

from labeling.consensus import policy
from labeling.consensus.em import VoteTable
from labeling.consensus.types import Vote
from labeling.models import (
    Annotation,
    AnnotationKind,
    AnnotatorKind,
    Consensus,
    ConsensusState,
    Image,
    LabelValue,
    Partition,
)
from labeling.selectors import crowd as crowd_selectors

if TYPE_CHECKING:
    import numpy.typing as npt
    from django.db.models import QuerySet

    from labeling.selectors.projects import SchemeView

CHUNK = 20_000
PRIORS_AT_ONCE = 500
_NO_TRUTH = -1
_LEFT_OUT = -2


@dataclass(frozen=True, slots=True)
class Told:
    """The table of votes, and what its rows stand for.

    Attributes:
        table: images with two votes, or with one and an expert's word.
        image_ids: (m,) keys of the images, ascending.
        annotator_ids: (a,) keys of the annotators, ascending.
        n_votes: all votes that were read, those on images that tell nothing too.
    """

    table: VoteTable
    image_ids: npt.NDArray[np.int64]
    annotator_ids: npt.NDArray[np.int64]
    n_votes: int

    def votes_of(self, place: int) -> list[Vote]:
        """Give the votes on the image in this row."""
        low, high = np.searchsorted(self.table.image, [place, place + 1])
        people = self.annotator_ids[self.table.annotator[low:high]].tolist()
        labels = self.table.label[low:high].tolist()
        return [Vote(who, label) for who, label in zip(people, labels, strict=True)]


def read(project_id: int, scheme: SchemeView) -> Told:
    """Read the live votes of a project with one label an image."""
    rows = _rows(project_id, scheme)
    known = _known(project_id, scheme)
    voted, counts = np.unique(rows[:, 0], return_counts=True)
    truth = _lookup(known, voted)
    telling = voted[((counts >= 2) | (truth >= 0)) & (truth != _LEFT_OUT)]
    kept = rows[np.isin(rows[:, 0], telling)]
    annotator_ids = np.unique(kept[:, 1])
    priors, has_prior = _priors(telling, _audit(project_id, telling), scheme)
    table = VoteTable(
        image=np.searchsorted(telling, kept[:, 0]).astype(np.int32),
        annotator=np.searchsorted(annotator_ids, kept[:, 1]).astype(np.int32),
        label=kept[:, 2].astype(np.int32),
        known=np.maximum(_lookup(known, telling), _NO_TRUTH).astype(np.int32),
        priors=priors,
        has_prior=has_prior,
    )
    return Told(table, telling, annotator_ids, len(rows))


def votes(project_id: int) -> QuerySet[Annotation]:
    """Give the live votes of people who do not decide alone: labels, and none of these.

    What was confirmed in a grid is left out: it tells nothing of who confirmed it.
    """
    return Annotation.objects.filter(
        project_id=project_id,
        withdrawn_at__isnull=True,
        annotator__quarantined_at__isnull=True,
        is_expert=False,
        kind__in=(AnnotationKind.LABEL, AnnotationKind.NONE_OF_THESE),
    ).exclude(Q(annotator__kind=AnnotatorKind.IMPORT) | Q(assignment__policy=policy.CONFIRMED))


def _rows(project_id: int, scheme: SchemeView) -> npt.NDArray[np.int64]:
    """Give (n, 3) image, annotator and column, by image and annotator; retired labels left out."""
    column_of = scheme.column_of
    none = max(len(scheme.label_ids), 1)
    said = (
        votes(project_id)
        .order_by("image_id", "annotator_id", "pk")
        .values_list("image_id", "annotator_id", "kind", "labels__label_id", "labels__value")
        .iterator(chunk_size=CHUNK)
    )
    early = _said_too_early(project_id)
    parts = [np.empty((0, 3), dtype=np.int64)]
    while chunk := list(islice(said, CHUNK)):
        kept = []
        for image_id, annotator_id, kind, label_id, value in chunk:
            if kind == AnnotationKind.NONE_OF_THESE:
                if (image_id, annotator_id) in early:
                    continue
                kept.append((image_id, annotator_id, none))
            elif value == LabelValue.YES and label_id in column_of:
                kept.append((image_id, annotator_id, column_of[label_id]))
        parts.append(np.array(kept, dtype=np.int64).reshape(-1, 3))
    return np.concatenate(parts)


def _said_too_early(project_id: int) -> set[tuple[int, int]]:
    """Give image and annotator of those who could not choose what an expert says: a newer label."""
    found = votes(project_id).filter(
        kind=AnnotationKind.NONE_OF_THESE,
        image__consensus__is_expert=True,
        image__consensus__label__created_at__gt=F("created_at"),
    )
    return set(found.order_by("pk").values_list("image_id", "annotator_id"))


def _known(project_id: int, scheme: SchemeView) -> npt.NDArray[np.int64]:
    """Give (n, 2) image and column that an expert or an import says, by image.

    An image whose expert named no outcome (nobody can tell, or the label was retired) is marked to
    be left out: it tells nothing.
    """
    column_of = scheme.column_of
    rows = (
        Consensus.objects.filter(project_id=project_id, is_expert=True, n_votes__gt=1)
        .order_by("image_id")
        .values_list("image_id", "state", "label_id")
    )
    found = []
    for image_id, state, label_id in rows.iterator(chunk_size=CHUNK):
        column = _LEFT_OUT
        if state == ConsensusState.RESOLVED:
            column = column_of.get(label_id, _LEFT_OUT)
        elif state == ConsensusState.NONE_OF_THESE:
            column = max(len(scheme.label_ids), 1)
        found.append((image_id, column))
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _lookup(
    known: npt.NDArray[np.int64], image_ids: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    out = np.full(len(image_ids), _NO_TRUTH, dtype=np.int64)
    if len(known):
        place = np.minimum(np.searchsorted(known[:, 0], image_ids), len(known) - 1)
        is_known = known[place, 0] == image_ids
        out[is_known] = known[place[is_known], 1]
    return out


def _audit(project_id: int, image_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    ids = Image.objects.filter(project_id=project_id, partition=Partition.AUDIT).order_by("pk")
    audit = np.fromiter(ids.values_list("pk", flat=True).iterator(chunk_size=CHUNK), np.int64)
    return np.isin(image_ids, audit)


def _priors(
    image_ids: npt.NDArray[np.int64], is_audit: npt.NDArray[np.bool_], scheme: SchemeView
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Read (m, k) priors; audit images get none, whatever is stored (rule 1)."""
    k = max(len(scheme.label_ids), 1)
    out = np.full((len(image_ids), k), 1 / k, dtype=np.float32)
    has = np.zeros(len(image_ids), dtype=bool)
    pool = np.flatnonzero(~is_audit)
    for start in range(0, len(pool), PRIORS_AT_ONCE):
        places = pool[start : start + PRIORS_AT_ONCE]
        found = crowd_selectors.priors(image_ids[places].tolist(), scheme)
        for place in places.tolist():
            row = found.get(int(image_ids[place]))
            if row is not None:
                out[place], has[place] = row, True
    return out, has
