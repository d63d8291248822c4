"""Look for a label that the scheme lacks, in the images that people say fit none of its labels.

Images are compared in the original embeddings: a tuned backbone has forgotten what is strange to
it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction

from labeling.selectors import consensus, projects
from labeling.selectors import new_labels as selectors
from labeling.services import new_labels
from ml.evaluation import new_class
from ml.evaluation.geometry import prepare
from ml.models import NewLabelSearch
from ml.selectors import embeddings

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

    from ml.evaluation.new_class import Proposal
    from ml.types import Groups, Indices

PAUSE = timedelta(seconds=20)
"""Between two searches of one project."""
MOST_SEARCHED = 1000
"""Images compared in one search, those answered last: the time grows with their square."""


def is_due(project_id: int, *, now: datetime) -> bool:
    """Tell whether there are images to compare, and answers since the last search a while ago."""
    last = NewLabelSearch.objects.filter(project_id=project_id).first()
    if last is not None and last.searched_at > now - PAUSE:
        return False
    seen = last.last_annotation_id if last is not None else 0
    return consensus.data_version(project_id) > seen and selectors.is_any(project_id)


def search(*, project_id: int, now: datetime) -> int:
    """Cluster the images that fit no label and bring the proposals in line; give how many wait.

    Safe to call at any time: the same answers give the same proposals. An image without a vector
    waits for the next search.
    """
    newest = consensus.data_version(project_id)
    clusters = find(project_id)
    with transaction.atomic():
        n_open = new_labels.propose(project_id=project_id, clusters=clusters, now=now)
        NewLabelSearch.objects.update_or_create(
            project_id=project_id, defaults={"last_annotation_id": newest, "searched_at": now}
        )
    return n_open


def find(project_id: int) -> list[new_labels.Cluster]:
    """Give the clusters of images that fit no label, the largest first; O(n² d)."""
    original = embeddings.original_or_none(project_id)
    centre = embeddings.centre(original) if original is not None else None
    if original is None or centre is None:
        return []
    rows = selectors.unmatched(project_id)
    known = np.flatnonzero(embeddings.has_vector(original.pk, rows.image_ids))[-MOST_SEARCHED:]
    ids = rows.image_ids[known]
    if len(ids) < new_class.ENOUGH:
        return []
    alike = _alike(project_id, original.pk, centre)
    prepared = prepare(embeddings.load_matrix(original.pk, ids), centre)
    found = new_class.propose(prepared, rows.groups[known], alike=alike)
    return [_cluster(each, ids) for each in found]


def _cluster(found: Proposal, image_ids: Indices) -> new_labels.Cluster:
    return new_labels.Cluster(image_ids[found.rows].tolist(), found.similarity, found.n_groups)


def _alike(project_id: int, set_id: int, centre: npt.NDArray[np.float64]) -> float:
    """Learn from the project's own labels how alike images of one label are."""
    rows = consensus.training_rows(project_id)
    known = embeddings.has_vector(set_id, rows.image_ids)
    ids: Groups = rows.image_ids[known]
    if not len(ids):
        return new_class.ALIKE
    rng = np.random.default_rng([projects.by_id(project_id).seed, len(ids)])
    columns = rows.posteriors[known].argmax(axis=1)
    drawn = rng.permutation(len(ids))[: new_class.SAMPLE]
    prepared = prepare(embeddings.load_matrix(set_id, ids[drawn]), centre)
    return new_class.alike_for(prepared, columns[drawn], rng=rng)
