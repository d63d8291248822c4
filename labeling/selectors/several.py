"""Several labels an image: what people were asked, and the sets of labels they agree on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labeling.consensus import several as pure
from labeling.consensus.several import SetVote
from labeling.models import Annotation, Consensus, ConsensusState, Image, Mode, Project
from labeling.selectors import label_order, projects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt
    from django.db.models import QuerySet

    from labeling.consensus.lineage import Lineage
    from labeling.selectors.projects import SchemeView
    from labeling.selectors.votes import LiveAnswer

BATCH = 500
SETTLED = (ConsensusState.RESOLVED, ConsensusState.NONE_OF_THESE)
"""States in which a set of labels stands; that of "none of these" is empty."""
UNKNOWN = pure.UNKNOWN


@dataclass(frozen=True, slots=True)
class Sets:
    """The labels of (n,) images, as people agree.

    Attributes:
        shows: (n, k) in the order of the current scheme.
        known: (n, k) whether people were asked about the label; nowhere where nothing is settled.
    """

    shows: npt.NDArray[np.bool_]
    known: npt.NDArray[np.bool_]


def is_several(project_id: int) -> bool:
    """Tell whether images of a project may bear several labels."""
    return Project.objects.filter(pk=project_id, mode=Mode.MULTI).exists()


def asked(answers: Iterable[LiveAnswer], scheme: SchemeView) -> dict[int, frozenset[int]]:
    """Give the columns of the labels that each answer's page had listed, by annotation.

    An answer was given under a scheme version; a label that is not in it could not be chosen.
    """
    wanted = [answer.annotation_id for answer in answers]
    rows = Annotation.objects.filter(pk__in=wanted).order_by("pk").values_list("pk", "scheme_id")
    columns: dict[int, frozenset[int]] = {}
    found: dict[int, frozenset[int]] = {}
    for pk, scheme_id in rows:
        if scheme_id not in columns:
            same = scheme_id == scheme.id
            listed = scheme.label_ids if same else label_order.label_ids(scheme_id)
            of = scheme.column_of
            columns[scheme_id] = frozenset(of[label_id] for label_id in listed if label_id in of)
        found[pk] = columns[scheme_id]
    return found


def vote(answer: LiveAnswer, scheme: SchemeView, asked: Mapping[int, frozenset[int]]) -> SetVote:
    """Give an answer as a set; labels retired since are left out.

    Of a group, or of a label that was split since, it is not known which of its labels is meant:
    nothing is said of those.
    """
    of = scheme.column_of
    named = frozenset(of[key] for key in answer.label_ids if key in of)
    if not answer.is_whole:
        # Who says no to a label says it of that label alone, not of one it was merged into.
        own = {key: column for column, key in enumerate(scheme.label_ids)}
        denied = frozenset(own[key] for key in answer.denied_ids if key in own)
        return SetVote(named, named | denied, is_whole=False)
    unsaid = {
        column
        for key in answer.label_ids
        if key not in of
        for column in scheme.lineage.several.get(key, ())
    }
    listed = asked.get(answer.annotation_id, frozenset())
    return SetVote(named, (listed - unsaid) | named)


def remap(
    rows: npt.NDArray[np.float32],
    old: Sequence[int],
    new: Sequence[int],
    lineage: Lineage | None = None,
) -> npt.NDArray[np.float32]:
    """Bring (n, len(old)) probabilities to the labels `new`.

    A label that others were merged into is shown where one of them was; one that is new, or that
    another was split into, is unknown.
    """
    column_of = {label_id: column for column, label_id in enumerate(new)}
    if lineage is not None:
        column_of |= lineage.merged
    out = np.full((len(rows), len(new)), np.nan, dtype=np.float32)
    for place, label_id in enumerate(old):
        if label_id in column_of:
            column = column_of[label_id]
            out[:, column] = np.fmax(out[:, column], rows[:, place])
    return np.where(np.isnan(out), np.float32(UNKNOWN), out)


def sets(project_id: int, image_ids: npt.NDArray[np.int64]) -> Sets:
    """Read the sets of labels of images: a query, and one an older version of the scheme."""
    scheme = projects.current_scheme(project_id)
    place = {int(key): at for at, key in enumerate(image_ids)}
    shows = np.zeros((len(image_ids), len(scheme.label_ids)), dtype=np.bool_)
    known = np.zeros_like(shows)
    reader = _Reader(scheme)
    # By project, since thousands of keys are more than a statement of SQLite takes.
    rows = Consensus.objects.filter(project_id=project_id, state__in=SETTLED).order_by("pk")
    for image_id, stored, scheme_id in rows.values_list("image_id", "posterior", "scheme_id"):
        if image_id not in place:
            continue
        row = reader.row(stored, scheme_id)
        shows[place[image_id]] = row > UNKNOWN
        known[place[image_id]] = row != UNKNOWN
    return Sets(shows, known)


def of_images(image_ids: Sequence[int], scheme: SchemeView) -> dict[int, dict[int, bool]]:
    """Give what people agree on of some settled images: label to whether it is shown, if known.

    Read in parts: thousands of keys are more than a statement of SQLite takes.
    """
    found: dict[int, dict[int, bool]] = {image_id: {} for image_id in image_ids}
    wanted = list(found)
    reader = _Reader(scheme)
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        rows = Consensus.objects.filter(image_id__in=part, state__in=SETTLED).order_by("pk")
        for image_id, stored, scheme_id in rows.values_list("image_id", "posterior", "scheme_id"):
            row = reader.row(stored, scheme_id).tolist()
            found[image_id] = {
                label_id: share > UNKNOWN
                for label_id, share in zip(scheme.label_ids, row, strict=True)
                if share != UNKNOWN
            }
    return found


def newest_showing(
    rows: QuerySet[Image], label_id: int, scheme: SchemeView, *, at_most: int
) -> list[int]:
    """Give the newest images of some that show a label, as people agree.

    What a picture shows lies in its posterior, where no index reaches: so many are read at a time
    until enough are found, and no more are kept.

    Args:
        rows: settled images.
        label_id: a label; one that was merged into another is shown where that one is.
        scheme: the current one.
        at_most: how many to look for.
    """
    column, reader = scheme.column_of.get(label_id), _Reader(scheme)
    found: list[int] = []
    stored = rows.order_by("-pk").values_list("pk", "consensus__posterior", "consensus__scheme_id")
    block = list(stored[:BATCH]) if column is not None else []
    while block:
        found += [
            image_id
            for image_id, posterior, scheme_id in block
            if reader.row(posterior, scheme_id)[column] > UNKNOWN
        ]
        if len(found) >= at_most or len(block) < BATCH:
            break
        block = list(stored.filter(pk__lt=block[-1][0])[:BATCH])
    return found[:at_most]


def names_of(project_id: int, image_ids: Sequence[int]) -> dict[int, list[str]]:
    """Give the names of all labels of a page of settled images that may bear several."""
    scheme = projects.current_scheme(project_id)
    rows = Consensus.objects.filter(image_id__in=list(image_ids), state__in=SETTLED)
    found: dict[int, list[str]] = {}
    reader = _Reader(scheme)
    for image_id, stored, scheme_id in rows.order_by("pk").values_list(
        "image_id", "posterior", "scheme_id"
    ):
        shows = reader.row(stored, scheme_id) > UNKNOWN
        found[image_id] = [name for name, is_shown in zip(scheme.names, shows, strict=True)
                           if is_shown]  # fmt: skip
    return found


class _Reader:
    """Reads stored rows in the order of the current scheme; asks for each older order once."""

    def __init__(self, scheme: SchemeView) -> None:
        self._scheme = scheme
        self._older: dict[int, Sequence[int]] = {}

    def row(self, stored: bytes | memoryview, scheme_id: int) -> npt.NDArray[np.float32]:
        """Give (k,) probabilities."""
        rows = np.frombuffer(bytes(stored), dtype=np.float32)[None]
        if scheme_id != self._scheme.id:
            if scheme_id not in self._older:
                self._older[scheme_id] = label_order.label_ids(scheme_id)
            old = self._older[scheme_id]
            rows = remap(rows, old, self._scheme.label_ids, self._scheme.lineage)
        probabilities: npt.NDArray[np.float32] = rows[0]
        return probabilities
