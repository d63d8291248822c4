"""Images of which people know no more than that they are one of several labels.

Somebody said "milk, I cannot say which", or a label that was split since. What is believed of all
its labels together is spread over them by a head of the answered images alone, which has not
learned the image, and the row teaches with its full weight. It is never asked whether the
classifier is right: checks, thresholds and figures leave it out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors import consensus
from ml.heads import codec, ridge
from ml.selectors import embeddings
from ml.services import common_ground, snapshots
from ml.types import LabeledSet

if TYPE_CHECKING:
    import numpy.typing as npt

    from labeling.selectors.consensus import TrainingRows
    from labeling.selectors.projects import ProjectRow
    from ml.models import EmbeddingSet
    from ml.selectors.registry import ChampionView
    from ml.services.lending import Lending
    from ml.types import Probabilities

MULTI = "MULTI"


def joined(
    found: Lending,
    project: ProjectRow,
    embedding_set: EmbeddingSet | None,
    champion: ChampionView | None,
) -> Lending:
    """Append the narrowed rows behind what is answered and what is lent.

    An image that is lent a label, which says more, has no second row.
    """
    if embedding_set is None or project.mode == MULTI:
        return found
    rows, before = consensus.narrowed_rows(project.pk), found.rows
    if not len(rows.image_ids) or rows.scheme_id != before.scheme_id:
        return found
    has_vector = embeddings.has_vector(embedding_set.pk, rows.image_ids)
    rows = snapshots.only(rows, has_vector & ~np.isin(rows.image_ids, before.image_ids))
    own = snapshots.only(before, np.arange(len(before.image_ids)) < found.n_own)
    may = consensus.may_be(project.pk, rows.image_ids)
    believed = _believed(own, rows, embedding_set.pk, champion)
    posteriors = spread(rows.posteriors.astype(np.float64), may, believed)
    together = replace(
        before,
        image_ids=np.concatenate([before.image_ids, rows.image_ids]),
        posteriors=np.concatenate([before.posteriors, posteriors.astype(np.float32)]),
        weights=np.concatenate([before.weights, rows.weights]),
        groups=np.concatenate([before.groups, rows.groups]),
    )
    return replace(found, rows=together, n_narrowed=len(rows.image_ids))


def spread(
    posteriors: Probabilities, may: npt.NDArray[np.bool_], believed: Probabilities
) -> Probabilities:
    """Spread what (n, k) rows have on the labels they may be by what is believed of those.

    What lies on other labels stays. On made-up clusters (three labels, two of them a group; 12
    answers of labels, 48 more of which those of the group name it only) the head was right about
    the group as often as with even shares, and about the label more often: .90, .68 and .53 against
    .79, .62 and .51 at three levels of noise; without the 48, .85, .62 and .47.
    """
    mass = np.where(may, posteriors, 0.0).sum(axis=1, keepdims=True)
    shares = np.where(may, np.maximum(believed, 1e-12), 0.0)
    total = shares.sum(axis=1, keepdims=True)
    inside = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
    return np.asarray(np.where(may, mass * inside, posteriors))


def _believed(
    own: TrainingRows, rows: TrainingRows, set_id: int, champion: ChampionView | None
) -> Probabilities:
    """Say (n, k) what a head of the answered rows believes of the narrowed ones; even without one.

    Of many rows at the strength and temperature that were chosen last.
    """
    k = len(own.codes)
    n_seen = len(np.unique(own.posteriors.argmax(axis=1))) if len(own.image_ids) else 0
    if n_seen < 2 or not len(rows.image_ids):
        return np.full((len(rows.image_ids), k), 1.0 / k)
    labeled = LabeledSet(
        image_ids=own.image_ids,
        embeddings=embeddings.load_matrix(set_id, own.image_ids),
        targets=common_ground.targets_of(own),
        weights=own.weights,
        groups=own.groups,
        label_order=tuple(own.codes),
    )
    n = len(own.image_ids)
    if champion is None or n <= ridge.ALWAYS_CHOSEN_BELOW:
        head = ridge.fit_ridge(labeled).head
    else:
        before = codec.from_bytes(champion.head)
        centre = labeled.embeddings.mean(axis=0, dtype=np.float64)
        choice = ridge.Choice(before.regularisation, champion.temperature, centre, n)
        head = ridge.solve_as_chosen(labeled, choice)
    return ridge.predict(head, embeddings.load_matrix(set_id, rows.image_ids))
