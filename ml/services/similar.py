"""Find more like this: staff show a few images, and those like them are served before all others.

The way to labels so rare that no classifier knows them (SEALS: Coleman et al. 2022, "Similarity
Search for Efficient Active Learning and Search of Rare Concepts"). A refill looks for them, in the
original embeddings, and keeps them in the window until they are answered or staff stop it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction

from labeling.selectors import images
from labeling.selectors import projects as project_selectors
from labeling.selectors import queue as queue_selectors
from labeling.services import journal
from labeling.services.queue import RefillEntry
from ml.acquisition import picking
from ml.errors import MlError
from ml.evaluation import geometry
from ml.models import SimilarRequest
from ml.selectors import embeddings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    import numpy.typing as npt

    from ml.types import Embeddings, Groups, Indices

MOST_LIKE = 10
"""Images shown as examples: the newest of a label."""
MOST_OPEN = 5
MOST_COMPARED = 100_000
"""Candidates looked at; of a larger pool so many are drawn."""
_BLOCK = 8192
_FIRST = 2.0
"""Priority of the first entry: before all others, which have 1 at most."""


class NoExamplesError(MlError):
    """There is no image to find more of."""

    code = "no_examples"
    status = 409


class TooManySearchesError(MlError):
    """Staff want more of too many things at once: nothing else would be served."""

    code = "too_many_searches"
    status = 409


class SearchNotFoundError(MlError):
    """The project has no such search."""

    code = "search_not_found"
    status = 404


def ask(
    *,
    project_id: int,
    like: Sequence[UUID],
    label_code: str,
    count: int,
    user_id: int | None,
    now: datetime,
) -> SimilarRequest:
    """Ask for `count` images like some, or like those labeled so last; a refill finds them.

    Args:
        project_id: whose pool.
        like: public ids of images; of none, those of `label_code` are taken.
        label_code: whose images, or empty.
        count: how many at most.
        user_id: who asks.
        now: the time.

    Raises:
        NoExamplesError: none of the images is there, or nothing has that label yet.
        TooManySearchesError: five are open.
        LabelNotFoundError: the project has no such label.
    """
    keys = images.keys_of(project_id, like[:MOST_LIKE]) if like else []
    if not like:
        label = project_selectors.label(project_id, label_code)
        keys = images.labeled_as(project_id, label.code, MOST_LIKE)
    if not keys:
        raise NoExamplesError(
            "There is no picture to go by: it was taken out meanwhile, "
            "or the label has no picture yet."
        )
    with transaction.atomic():
        n_open = SimilarRequest.objects.filter(project_id=project_id, ended_at=None).count()
        if n_open >= MOST_OPEN:
            raise TooManySearchesError(
                f"{n_open} searches are under way; stop one, or wait until one is answered."
            )
        request = SimilarRequest.objects.create(
            project_id=project_id,
            like=keys,
            label_code=label_code,
            count=count,
            found=[],
            selection_probability=1.0,
            requested_by_id=user_id,
            created_at=now,
        )
        journal.record_event(
            project_id=project_id,
            user_id=user_id,
            verb="similar_wanted",
            target=label_code,
            detail={"like": len(keys), "count": count},
            now=now,
        )
    return request


def stop(*, project_id: int, public_id: UUID, user_id: int | None, now: datetime) -> None:
    """End a search; the next refill leaves its images to the others. Twice is as once.

    Raises:
        SearchNotFoundError: the project has none of that id.
    """
    rows = SimilarRequest.objects.filter(project_id=project_id, public_id=public_id)
    if not rows.exists():
        raise SearchNotFoundError(f"This project has no search {public_id}.")
    if rows.filter(ended_at=None).update(ended_at=now):
        journal.record_event(
            project_id=project_id, user_id=user_id, verb="similar_stopped", now=now
        )


def is_waiting(project_id: int) -> bool:
    """Tell whether somebody has asked and no refill has looked yet."""
    return SimilarRequest.objects.filter(project_id=project_id, ended_at=None, found=[]).exists()


def entries(
    *,
    project_id: int,
    image_ids: Indices,
    groups: Groups,
    rng: np.random.Generator,
    now: datetime,
) -> list[RefillEntry]:
    """Give what staff wait for, as the first entries of a window; look for it where nobody has.

    Args:
        project_id: the project.
        image_ids: (n,) candidates.
        groups: (n,) their split groups.
        rng: draws from a pool too large to look at.
        now: the time.
    """
    chosen: dict[int, RefillEntry] = {}
    candidates: set[int] | None = None
    for request in SimilarRequest.objects.filter(project_id=project_id, ended_at=None).order_by(
        "pk"
    ):
        if not request.found:
            _search(request, image_ids, groups, rng)
        left = queue_selectors.undecided(project_id, request.found)
        if not left:
            SimilarRequest.objects.filter(pk=request.pk, ended_at=None).update(ended_at=now)
        candidates = candidates if candidates is not None else set(image_ids.tolist())
        for key in request.found:
            if key in left and key in candidates and key not in chosen:
                priority = _FIRST - len(chosen) / 1000
                chance = request.selection_probability
                chosen[key] = RefillEntry(key, priority, chance, queue_selectors.SIMILAR)
    return list(chosen.values())


def _search(
    request: SimilarRequest, image_ids: Indices, groups: Groups, rng: np.random.Generator
) -> None:
    """Find the candidates nearest to any of the examples, one of a split group while it lasts.

    No list tells which images measure, so none is refused as an example; but the audit slice steers
    nothing, not even what is trained on near it: one that is not in the pool is passed over, and
    nothing is found where there is no other.
    """
    original = embeddings.original_or_none(request.project_id)
    centre = embeddings.centre(original) if original is not None else None
    if original is None or centre is None:
        return
    like = np.array(request.like, dtype=np.int64)
    like = like[np.isin(like, images.pool_ids(request.project_id))]
    like = like[embeddings.has_vector(original.pk, like)]
    is_other = ~np.isin(image_ids, like)
    rows = np.flatnonzero(is_other & embeddings.has_vector(original.pk, image_ids))
    n = len(rows)
    if not n or not len(like):
        return
    if n > MOST_COMPARED:
        rows = np.sort(rng.choice(rows, MOST_COMPARED, replace=False, shuffle=False))
    candidates = image_ids[rows]
    nearest = _likeness(original.pk, centre, like, candidates).max(axis=0)
    order = np.argsort(-nearest, kind="stable")
    picked = picking.one_a_group(order, groups[rows], request.count)
    request.found = image_ids[rows[picked]].tolist()
    request.selection_probability = len(rows) / n
    # Whoever stops it meanwhile has stopped it.
    request.save(update_fields=["found", "selection_probability"])


def _likeness(
    set_id: int, centre: npt.NDArray[np.float64], examples: Indices, others: Indices
) -> Embeddings:
    """Give the (n, m) cosines of (n,) examples with (m,) images."""
    prepared = geometry.prepare(embeddings.load_matrix(set_id, examples), centre)
    found = np.empty((len(examples), len(others)), dtype=np.float32)
    for start in range(0, len(others), _BLOCK):
        block = slice(start, start + _BLOCK)
        vectors = embeddings.load_matrix(set_id, others[block])
        found[:, block] = geometry.cosines(prepared, vectors, centre)
    return found
