"""Embedding sets and their vectors as matrices.

A stored vector never changes, so each process keeps those it has read, as float16, and reads only
the ones it lacks.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from ml.errors import MlError
from ml.models import Champion, Embedding, EmbeddingScope, EmbeddingSet, EmbeddingSetState

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from django.db.models import QuerySet

    from ml.types import Embeddings, Indices

SETS_KEPT = 4
IDS_A_QUERY = 5000
"""SQLite takes 32,766 parameters in one statement."""

CENTRE_IMAGES = 2048
"""The first so many vectors of a set give its centre; with fewer, those there are."""


class NoEmbeddingSetError(MlError):
    """A project has no vectors at all yet."""

    code = "no_embedding_set"
    status = 409


class NotEmbeddedError(MlError):
    """A vector was asked for that has not been computed."""

    code = "not_embedded"
    status = 409


class _Matrix:
    """The vectors of one set that this process has read; rows are only ever added."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.row_of: dict[int, int] = {}
        self.rows: npt.NDArray[np.float16] = np.empty((0, dim), dtype=np.float16)
        self.lock = threading.Lock()

    def add(self, image_ids: Sequence[int], content: bytes) -> None:
        """Append (m, d) float16 rows; the buffer doubles, so that adding is cheap."""
        n, m = len(self.row_of), len(image_ids)
        if n + m > len(self.rows):
            grown = np.empty((max(2 * len(self.rows), n + m), self.dim), dtype=np.float16)
            grown[:n] = self.rows[:n]
            self.rows = grown
        self.rows[n : n + m] = np.frombuffer(content, dtype=np.float16).reshape(m, self.dim)
        self.row_of.update(zip(image_ids, range(n, n + m), strict=True))


_matrices: OrderedDict[UUID, _Matrix] = OrderedDict()
_lock = threading.Lock()


def original_set(project_id: int) -> EmbeddingSet:
    """Give the set that split groups come from.

    Raises:
        NoEmbeddingSetError: nothing has been embedded yet.
    """
    found = EmbeddingSet.objects.filter(project_id=project_id, is_original=True).first()
    if found is None:
        raise NoEmbeddingSetError(
            "No image of this project has been embedded yet; wait for the `default` worker.",
            project_id=project_id,
        )
    return found


def serving_set(project_id: int) -> EmbeddingSet | None:
    """Give the set of the champion's backbone, or the original one while there is no champion."""
    pointer = (
        Champion.objects.filter(project_id=project_id)
        .select_related("model_version__embedding_set")
        .first()
    )
    if pointer is not None:
        return pointer.model_version.embedding_set
    return EmbeddingSet.objects.filter(project_id=project_id, is_original=True).first()


def sets_to_fill(project_id: int) -> list[EmbeddingSet]:
    """List the sets that new images are embedded for, the original one first."""
    live = EmbeddingSet.objects.filter(project_id=project_id, scope=EmbeddingScope.ALL)
    return list(live.exclude(state=EmbeddingSetState.RETIRED).order_by("-is_original", "pk"))


def image_ids_of(set_id: int) -> QuerySet[Embedding, int]:
    """Give the ids of the images that have a vector in a set, as a query."""
    return Embedding.objects.filter(set_id=set_id).values_list("image_id", flat=True)


def has_vector(set_id: int, image_ids: Indices) -> npt.NDArray[np.bool_]:
    """Tell for (n,) images whether each has a vector; one query for those not read before."""
    matrix = _matrix(set_id)
    _read(matrix, set_id, image_ids)
    return np.fromiter((int(key) in matrix.row_of for key in image_ids), bool, len(image_ids))


def load_matrix(set_id: int, image_ids: Sequence[int] | Indices) -> Embeddings:
    """Give the (n, d) float32 vectors of images, in the order asked for.

    Vectors read before cost no query but one for the set.

    Raises:
        NotEmbeddedError: an image has no vector in this set; a row of zeros would be a lie.
    """
    matrix = _matrix(set_id)
    _read(matrix, set_id, image_ids)
    return matrix.rows[_places(matrix, set_id, image_ids)].astype(np.float32)


def stored_rows(
    set_id: int, image_ids: Sequence[int] | Indices
) -> tuple[npt.NDArray[np.float16], Indices]:
    """Give the set's vectors as this process holds them, and where those of (n,) images lie.

    Nothing is copied: later vectors are appended and never move these.

    Raises:
        NotEmbeddedError: an image has no vector in this set.
    """
    matrix = _matrix(set_id)
    _read(matrix, set_id, image_ids)
    return matrix.rows, np.array(_places(matrix, set_id, image_ids), dtype=np.int64)


def centre(embedding_set: EmbeddingSet) -> npt.NDArray[np.float64] | None:
    """Give the (d,) centre that cosines of a set are taken around; None while it is empty.

    It is the mean of the first `CENTRE_IMAGES` vectors, stored once there are so many, and until
    then the mean of those there are: a centre of the first hundred alone fails where images come
    sorted by what they show: all others then look alike.
    """
    if embedding_set.centre is not None:
        return np.frombuffer(bytes(embedding_set.centre), dtype=np.float32).astype(np.float64)
    first = image_ids_of(embedding_set.pk).order_by("pk")[:CENTRE_IMAGES]
    ids = np.fromiter(first, dtype=np.int64)
    if not len(ids):
        return None
    rows = load_matrix(embedding_set.pk, ids)
    mean: npt.NDArray[np.float64] = rows.mean(axis=0, dtype=np.float64)
    return mean


def forget() -> None:
    """Drop every vector held (tests, and a host short of memory)."""
    with _lock:
        _matrices.clear()


def _matrix(set_id: int) -> _Matrix:
    key, dim = EmbeddingSet.objects.values_list("public_id", "dim").get(pk=set_id)
    with _lock:
        matrix = _matrices.pop(key, None) or _Matrix(dim)
        _matrices[key] = matrix
        while len(_matrices) > SETS_KEPT:
            _matrices.popitem(last=False)
    return matrix


def _places(matrix: _Matrix, set_id: int, image_ids: Sequence[int] | Indices) -> list[int]:
    try:
        return [matrix.row_of[int(key)] for key in image_ids]
    except KeyError as missing:
        raise NotEmbeddedError(
            f"Image {missing} has no vector in embedding set {set_id}; embed it first.",
            set_id=set_id,
        ) from None


def _read(matrix: _Matrix, set_id: int, image_ids: Sequence[int] | Indices) -> None:
    with matrix.lock:
        missing = [int(key) for key in image_ids if int(key) not in matrix.row_of]
        for start in range(0, len(missing), IDS_A_QUERY):
            found = Embedding.objects.filter(
                set_id=set_id, image_id__in=missing[start : start + IDS_A_QUERY]
            ).values_list("image_id", "vector")
            rows = [(image_id, bytes(vector)) for image_id, vector in found.iterator()]
            matrix.add([row[0] for row in rows], b"".join(row[1] for row in rows))
