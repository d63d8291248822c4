"""Search a project's labels for wrong ones, each time it has a tenth more of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors import consensus, crowd, projects
from labeling.services import doubts
from ml.evaluation import geometry, label_errors, set_errors
from ml.heads import judged
from ml.models import EmbeddingSet, LabelErrorSearch, ModelKind, ModelVersion, TrainingKind
from ml.selectors import embeddings, registry
from ml.services import fitting, runs, snapshots
from ml.types import LabeledSet

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

    from labeling.selectors.consensus import TrainingRows
    from ml.types import Indices, Labels, Probabilities

FEWEST = 50
"""With fewer labels a label's usual self-confidence says nothing."""

GROWTH = 1.1
LARGEST_SHARE = 0.05
"""Of the labels, at most so many are doubted at a time, the worst: a list that is read to its end
is worth more than a long one."""

STALE_AFTER = timedelta(minutes=10)
"""A search that has not ended by then is taken for dead; doing it twice does no harm."""


def is_due(project_id: int, *, now: datetime) -> bool:
    """Tell whether there are a tenth more labels than at the last search, or another scheme."""
    n_labels = _judged(project_id)
    if n_labels < FEWEST:
        return False
    last = LabelErrorSearch.objects.filter(project_id=project_id).first()
    if last is None:
        return True
    if last.finished_at is None and last.started_at > now - STALE_AFTER:
        return False
    is_grown = n_labels >= GROWTH * last.n_labels
    return is_grown or projects.current_scheme(project_id).id != last.scheme_id


def search(*, project_id: int, now: datetime) -> int:
    """Doubt the labels that heads and neighbours speak against; give how many are new.

    Reads settled pool images alone (rule 1), what heads without their split group say of them
    (the stored priors of labeled images; where these may bear several labels a head fitted for it),
    and their vectors by the original backbone. Safe to run twice, and at the same time: what it
    finds replaces the open doubts.
    """
    started = time.perf_counter()
    rows = consensus.training_rows(project_id)
    LabelErrorSearch.objects.update_or_create(
        project_id=project_id,
        defaults={
            "started_at": now,
            "finished_at": None,
            "n_labels": _judged(project_id),
            "scheme_id": rows.scheme_id,
        },
    )
    found = _find(project_id, rows)
    n_new = doubts.note(project_id=project_id, doubts=found, now=now)
    seconds = time.perf_counter() - started
    LabelErrorSearch.objects.filter(project_id=project_id).update(
        finished_at=now + timedelta(seconds=seconds), seconds=seconds, n_doubted=len(found)
    )
    return n_new


def _judged(project_id: int) -> int:
    """Count the labels that heads without their group had judged when all were last written."""
    if projects.by_id(project_id).mode == "MULTI":
        newest = ModelVersion.objects.filter(project_id=project_id, kind=ModelKind.HEAD)
        return newest.order_by("-pk").values_list("n_labels", flat=True).first() or 0
    last = runs.newest_ended(project_id, TrainingKind.HEAD)
    return int(last.settings.get("priors_at", 0)) if last else 0


def _find(project_id: int, rows: TrainingRows) -> list[doubts.Doubt]:
    original = EmbeddingSet.objects.filter(project_id=project_id, is_original=True).first()
    centre = embeddings.centre(original) if original else None
    if original is None or centre is None:
        return []
    if rows.is_several:
        return _of_sets(project_id, rows, original, centre)
    said = _out_of_group(project_id, rows)
    is_known = ~np.isnan(said[:, 0]) & embeddings.has_vector(original.pk, rows.image_ids)
    if is_known.sum() < FEWEST:
        return []
    known = _Known(
        rows.image_ids[is_known],
        rows.posteriors[is_known].argmax(axis=1).astype(np.int64),
        said[is_known],
        rows.codes,
    )
    prepared = geometry.prepare(embeddings.load_matrix(original.pk, known.image_ids), centre)
    suspicion = label_errors.suspect(
        known.labels, known.said, prepared, rows.groups[is_known], asks_all=False
    )
    most = max(1, int(LARGEST_SHARE * len(known.image_ids)))
    worst = [at for at in suspicion.ranked()[:most].tolist() if suspicion.is_flagged[at]]
    return [known.doubt(at, suspicion) for at in worst]


def _of_sets(
    project_id: int,
    rows: TrainingRows,
    original: EmbeddingSet,
    centre: npt.NDArray[np.float64],
) -> list[doubts.Doubt]:
    """Doubt single labels of pictures, by a head fitted on the original backbone."""
    rows = snapshots.only(rows, embeddings.has_vector(original.pk, rows.image_ids))
    labeled = LabeledSet(
        image_ids=rows.image_ids,
        embeddings=embeddings.load_matrix(original.pk, rows.image_ids),
        targets=rows.posteriors.astype(np.float64),
        weights=rows.weights,
        groups=rows.groups,
        label_order=tuple(rows.codes),
        is_several=True,
    )
    if len(rows.image_ids) < FEWEST or not judged.can_teach(labeled):
        return []
    champion = registry.champion(project_id)
    fitted = fitting.fit(labeled, embedding_set=original, champion=champion)
    found = set_errors.doubted(
        labeled.targets,
        fitted.out_of_group,
        geometry.prepare(labeled.embeddings, centre),
        labeled.groups,
        most=max(1, int(LARGEST_SHARE * len(rows.image_ids))),
    )
    return [_of_cell(labeled, found, at) for at in range(len(found.rows))]


def _of_cell(labeled: LabeledSet, found: set_errors.Doubted, at: int) -> doubts.Doubt:
    code = labeled.label_order[found.columns[at]]
    support, other_share = float(found.support[at]), float(found.other_share[at])
    return doubts.Doubt(
        image_id=int(labeled.image_ids[found.rows[at]]),
        label=code,
        suggested=code,
        suggested_probability=1 - support,
        own_probability=support,
        alike=code,
        alike_share=other_share,
        own_share=1 - other_share,
        score=float(found.score[at]),
        is_shown=bool(found.is_shown[at]),
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """Labeled images with what heads say of them: (n,), (n,) columns, (n, k), (k,) codes."""

    image_ids: Indices
    labels: Labels
    said: Probabilities
    codes: tuple[str, ...]

    def doubt(self, at: int, suspicion: label_errors.Suspicion) -> doubts.Doubt:
        label, suggested = int(self.labels[at]), int(suspicion.suggestion[at])
        return doubts.Doubt(
            image_id=int(self.image_ids[at]),
            label=self.codes[label],
            suggested=self.codes[suggested],
            suggested_probability=float(self.said[at, suggested]),
            own_probability=float(self.said[at, label]),
            alike=self.codes[suspicion.alike[at]],
            alike_share=float(suspicion.alike_share[at]),
            own_share=float(suspicion.neighbour_share[at]),
            score=float(suspicion.score[at]),
        )


def _out_of_group(project_id: int, rows: TrainingRows) -> Probabilities:
    """Give (n, k) what heads without the image's group say; a row of NaN where none has yet."""
    known = crowd.priors(rows.image_ids.tolist(), projects.current_scheme(project_id))
    out = np.full((len(rows.image_ids), max(len(rows.codes), 1)), np.nan)
    for place, image_id in enumerate(rows.image_ids.tolist()):
        if image_id in known and known[image_id].sum() > 0:
            out[place] = known[image_id]
    return out
