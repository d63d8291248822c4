"""What a model version says of audit images, from their stored embeddings.

A version and a stored embedding never change, so an answer once computed stays right; it is kept
in this process for the few dozen versions a page can ask for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ml.heads import codec, ridge
from ml.models import Embedding
from ml.recent import Recent
from ml.selectors import versions
from ml.selectors.practice import PRACTICE

if TYPE_CHECKING:
    from uuid import UUID

    import numpy.typing as npt

    from ml.types import Embeddings, Indices, Labels

VERSIONS_KEPT = 60
NOTHING = -1
IDS_A_QUERY = 5000
"""SQLite takes 32,766 parameters in one statement."""

TOP = 5
"""Columns kept of each image, likeliest first: what a figure "among the first five" needs."""

Answer = tuple[tuple[int, ...], tuple[float, ...]]  # columns of the head, their probabilities


@dataclass(frozen=True, slots=True)
class Answers:
    """What one version says.

    Attributes:
        number: of the version.
        label_order: codes, one a column of its head.
        top: (n, t) likeliest columns, t = min(k, 5), the first one first; -1 where the image has no
            embedding in the version's set.
        p: (n,) calibrated probability of the first; 0 where there is none.
        top_p: (n, t) of each of `top`; empty where labels are sets.
        practice: how its labeled images fared out of group: right and all split groups, by label.
    """

    number: int
    label_order: tuple[str, ...]
    top: npt.NDArray[np.int64]
    p: npt.NDArray[np.float64]
    practice: dict[str, list[float]] = field(default_factory=dict)
    top_p: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))

    @property
    def columns(self) -> Labels:
        """Give the (n,) likeliest columns."""
        return self.top[:, 0]


@dataclass(frozen=True, slots=True)
class _Known:
    number: int
    label_order: tuple[str, ...]
    answers: dict[int, Answer]
    practice: dict[str, list[float]]


_known: Recent[UUID, _Known] = Recent(VERSIONS_KEPT)


def of_version(public_id: UUID, image_ids: Indices) -> Answers | None:
    """Give what a version says of (n,) images; None where its weights are gone.

    Costs no query for images asked about before, one for the version and one for the vectors of
    the others.
    """
    known = _known.find(public_id)
    wanted = image_ids.tolist()
    missing = [image for image in wanted if known is None or image not in known.answers]
    if known is None or missing:
        found = _ask(public_id, sorted(set(missing)))
        if found is None:
            return None
        known = replace(found, answers=known.answers | found.answers) if known else found
        _known.put(public_id, known)
    width = min(TOP, len(known.label_order))
    nothing: Answer = ((NOTHING,) * width, (0.0,) * width)
    rows = [known.answers.get(image, nothing) for image in wanted]
    return Answers(
        number=known.number,
        label_order=known.label_order,
        top=np.array([top for top, _ in rows], dtype=np.int64).reshape(-1, width),
        p=np.array([p[0] for _, p in rows], dtype=np.float64),
        practice=known.practice,
        top_p=np.array([p for _, p in rows], dtype=np.float64).reshape(-1, width),
    )


def _ask(public_id: UUID, image_ids: list[int]) -> _Known | None:
    version = versions.stored(public_id)
    if version is None or version.head is None:
        return None
    head = replace(codec.from_bytes(version.head), temperature=version.temperature)
    ids, vectors = _vectors(version.embedding_set_id, image_ids, version.dim)
    probabilities = ridge.predict(head, vectors)
    top = np.argsort(-probabilities, axis=1, kind="stable")[:, :TOP]
    p = np.take_along_axis(probabilities, top, axis=1)
    rows = zip(map(tuple, top.tolist()), map(tuple, p.tolist()), strict=True)
    answers: dict[int, Answer] = dict(zip(ids, rows, strict=True))
    practice = version.metrics.get(PRACTICE, {})
    return _Known(version.number, version.label_order, answers, practice)


def _vectors(set_id: int, image_ids: list[int], dim: int) -> tuple[list[int], Embeddings]:
    """Read the (m, d) vectors of those images that have one; rows as in the ids returned."""
    of_set = Embedding.objects.filter(set_id=set_id).values_list("image_id", "vector")
    rows: list[tuple[int, bytes]] = []
    for start in range(0, len(image_ids), IDS_A_QUERY):
        part = of_set.filter(image_id__in=image_ids[start : start + IDS_A_QUERY])
        rows += [(image_id, bytes(vector)) for image_id, vector in part]
    content = b"".join(vector for _, vector in rows)
    matrix = np.frombuffer(content, dtype=np.float16).reshape(len(rows), dim)
    return [image for image, _ in rows], matrix.astype(np.float32)
