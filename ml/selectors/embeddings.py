"""Embedding sets and their vectors as matrices.

A stored vector never changes, so those that were read once lie in a file which all processes of
this machine map (`ml.inference.vector_file`): the database is asked for those it lacks, and memory
is taken by what is looked at.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from ml.errors import MlError
from ml.inference.vector_file import VectorFile, owners
from ml.models import Champion, Embedding, EmbeddingScope, EmbeddingSet, EmbeddingSetState
from ml.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


class VectorCacheError(MlError):
    """The file that vectors are kept in cannot be written."""

    code = "vector_cache_unwritable"
    status = 500


class _Matrix:
    """The vectors of one set: a file that all processes of this machine map and append to."""

    def __init__(self, set_id: int, key: UUID, dim: int) -> None:
        self.set_id = set_id
        self.lock = threading.Lock()
        with _said_plainly():
            self.file = VectorFile(settings.VECTOR_CACHE_DIR / str(key), dim)
        if len(self.file) and not self._is_ours():
            with _said_plainly():
                self.file = self.file.begun_anew()

    def _is_ours(self) -> bool:
        """Tell whether every row is of an image that this database knows by key and public id.

        A database that was put back to an earlier day gives keys out a second time.
        """
        known = Embedding.objects.filter(set_id=self.set_id)
        rows = known.values_list("image_id", "image__public_id").order_by("image_id")
        ours = {image_id: public_id.bytes for image_id, public_id in rows.iterator()}
        stored = self.file.owners
        return all(
            ours.get(int(image_id)) == public_id.tobytes()
            for image_id, public_id in zip(stored["image"], stored["public_id"], strict=True)
        )

    def read(self, image_ids: Indices) -> Indices:
        """Give the (n,) rows of images, -1 where one has no vector; read those that are missing."""
        with self.lock:
            places = self.file.places(image_ids)
            if (places < 0).any():
                self.file.refresh()
                places = self.file.places(image_ids)
            missing = image_ids[places < 0]
            for start in range(0, len(missing), IDS_A_QUERY):
                self._add(missing[start : start + IDS_A_QUERY])
            return self.file.places(image_ids) if len(missing) else places

    def _add(self, image_ids: Indices) -> None:
        found = Embedding.objects.filter(set_id=self.set_id, image_id__in=image_ids.tolist())
        columns = found.values_list("image_id", "image__public_id", "vector").order_by("image_id")
        rows = list(columns.iterator())
        if not rows:
            return
        keys = np.array([row[0] for row in rows], dtype=np.int64)
        vectors = np.frombuffer(b"".join(bytes(row[2]) for row in rows), dtype=np.float16)
        with _said_plainly():
            self.file.append(
                owners(keys, [row[1].bytes for row in rows]), vectors.reshape(len(rows), -1)
            )


@contextmanager
def _said_plainly() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise VectorCacheError(
            f"The vector cache in {settings.VECTOR_CACHE_DIR} cannot be written ({error}). "
            "Make room there, or name another folder in LARDER_VECTOR_CACHE."
        ) from error


_matrices: Recent[UUID, _Matrix] = Recent(SETS_KEPT)


def original_set(project_id: int) -> EmbeddingSet:
    """Give the set that split groups come from.

    Raises:
        NoEmbeddingSetError: nothing has been embedded yet.
    """
    found = original_or_none(project_id)
    if found is None:
        raise NoEmbeddingSetError(
            "No image of this project has been embedded yet; wait for the `default` worker.",
            project_id=project_id,
        )
    return found


def original_or_none(project_id: int) -> EmbeddingSet | None:
    """Give the set that split groups come from, or None before anything is embedded."""
    return EmbeddingSet.objects.filter(project_id=project_id, is_original=True).first()


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


def is_embedded(set_id: int) -> Q:
    """Give the condition under which an image has a vector in a set, for a query of images."""
    return Q(Exists(Embedding.objects.filter(set_id=set_id, image_id=OuterRef("pk"))))


def remember(set_id: int, image_ids: Indices, public_ids: list[bytes], content: bytes) -> None:
    """Keep what was just stored, so that nobody on this machine reads it from the database.

    Args:
        set_id: of the set; its rows are committed.
        image_ids: (n,) keys of the images.
        public_ids: 16 bytes each.
        content: their float16 vectors, one after the other.

    Raises:
        VectorCacheError: the file cannot be written. The database has the vectors.
    """
    matrix = _matrix(set_id)
    vectors = np.frombuffer(content, dtype=np.float16).reshape(len(image_ids), -1)
    with matrix.lock, _said_plainly():
        matrix.file.append(owners(image_ids, public_ids), vectors)


def has_vector(set_id: int, image_ids: Indices) -> npt.NDArray[np.bool_]:
    """Tell for (n,) images whether each has a vector; one query for those not read before."""
    return _matrix(set_id).read(np.asarray(image_ids, dtype=np.int64)) >= 0


def load_matrix(set_id: int, image_ids: Sequence[int] | Indices) -> Embeddings:
    """Give the (n, d) float32 vectors of images, in the order asked for.

    Vectors read before cost no query but one for the set.

    Raises:
        NotEmbeddedError: an image has no vector in this set; a row of zeros would be a lie.
    """
    rows, places = stored_rows(set_id, image_ids)
    return rows[places].astype(np.float32)


def stored_rows(
    set_id: int, image_ids: Sequence[int] | Indices
) -> tuple[npt.NDArray[np.float16], Indices]:
    """Give the set's vectors as they are mapped, and where those of (n,) images lie.

    Nothing is copied or read before it is used: later vectors are appended and never move these.

    Raises:
        NotEmbeddedError: an image has no vector in this set.
    """
    matrix = _matrix(set_id)
    ids = np.asarray(image_ids, dtype=np.int64)
    places = matrix.read(ids)
    if (places < 0).any():
        raise NotEmbeddedError(
            f"Image {ids[places < 0][0]} has no vector in embedding set {set_id}; embed it first.",
            set_id=set_id,
        )
    return matrix.file.rows, places


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
    """Let go of every file (tests)."""
    _matrices.clear()


def _matrix(set_id: int) -> _Matrix:
    key, dim = EmbeddingSet.objects.values_list("public_id", "dim").get(pk=set_id)
    return _matrices.get(key, lambda: _Matrix(set_id, key, dim))
