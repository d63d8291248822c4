"""Do uploads look like what was there before? Where not, more of them go to the audit slice.

A batch is what came from one source on one day. It is compared when 100 of its images have their
vectors and again when it has grown by half, before the partition of its next images is drawn: the
share that is raised is the true probability of every draw made by it (architecture rule 1).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import consensus, projects, upload_batches
from labeling.services import journal
from ml.evaluation import drift, geometry
from ml.heads import codec, ridge
from ml.models import UploadDrift
from ml.selectors import embeddings
from ml.selectors import registry as registry_selectors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import numpy.typing as npt

    from labeling.selectors.upload_batches import Batch
    from ml.selectors.registry import ChampionView
    from ml.types import Indices

GROWTH = 1.5
RAISED = 2.0
"""Times the project's audit share, for what looks different."""

LARGEST_SHARE = 0.5
MOST_COMPARED = 1000
MOST_LABELED = 5000


def audit_shares(
    *, project_id: int, image_ids: npt.NDArray[np.int64], now: datetime
) -> Mapping[int, float]:
    """Compare the batches of these images where it is time; give raised shares by image.

    Without a champion there is nothing to compare by, and every share is the project's.
    """
    champion = registry_selectors.champion(project_id)
    if champion is None:
        return {}
    shares: dict[int, float] = {}
    for batch, members in upload_batches.of_images(image_ids).items():
        row = _measured(project_id, batch, champion, now)
        if row is not None and row.is_drifted:
            shares.update(dict.fromkeys(members, row.audit_share))
    return shares


def _measured(
    project_id: int, batch: Batch, champion: ChampionView, now: datetime
) -> UploadDrift | None:
    """Give what is known of a batch, compared anew where it has grown by half."""
    known = UploadDrift.objects.filter(
        project_id=project_id, source=batch.source, day=batch.day
    ).first()
    ids = upload_batches.members(project_id, batch)
    fewest = drift.MIN_BATCH if known is None else GROWTH * known.n_images
    if len(ids) < fewest:
        return known
    ids = ids[embeddings.has_vector(champion.embedding_set_id, ids)]
    if len(ids) < fewest:
        return known
    rng = np.random.default_rng([projects.by_id(project_id).seed, int(ids[0]), len(ids)])
    signals, n_baseline = _compare(project_id, batch, ids, champion, rng)
    if not signals:
        return known
    compared = _Compared(project_id, batch, len(ids), n_baseline, signals)
    return _store(compared, champion, now)


@dataclass(frozen=True, slots=True)
class _Compared:
    """What came of comparing a batch."""

    project_id: int
    batch: Batch
    n_images: int
    n_baseline: int
    signals: list[drift.Signal]


def _compare(
    project_id: int,
    batch: Batch,
    ids: Indices,
    champion: ChampionView,
    rng: np.random.Generator,
) -> tuple[list[drift.Signal], int]:
    """Compare samples of a batch and of what was there before; nothing where that is too little.

    Images the champion was fitted on, and those of their split groups, stay out: it knows them
    better than any new one, and they lie at no distance from themselves. So does the audit slice:
    it steers nothing (rule 1).
    """
    before, groups = upload_batches.before(project_id, batch)
    if len(before) < drift.MIN_BATCH:
        return [], len(before)
    rows = consensus.training_rows(project_id)
    before = before[~np.isin(groups, rows.groups)]
    set_id = champion.embedding_set_id
    before = before[embeddings.has_vector(set_id, before)]
    fresh = ids[~np.isin(ids, rows.image_ids)]
    labeled = rows.image_ids[embeddings.has_vector(set_id, rows.image_ids)]
    if min(len(before), len(fresh)) < drift.MIN_BATCH or not len(labeled):
        return [], len(before)
    head = codec.from_bytes(champion.head)
    known = geometry.prepare(
        embeddings.load_matrix(set_id, _some(labeled, MOST_LABELED, rng)), head.centre
    )
    raw = [
        embeddings.load_matrix(set_id, _some(each, MOST_COMPARED, rng)) for each in (before, fresh)
    ]
    said = [ridge.predict(head, each) for each in raw]
    away = [_distance(geometry.prepare(each, head.centre), known) for each in raw]
    signals = drift.compare_batch(
        said[0], said[1], baseline_distance=away[0], batch_distance=away[1]
    )
    return signals, len(before)


def _some(ids: Indices, most: int, rng: np.random.Generator) -> Indices:
    return np.sort(rng.permutation(ids)[:most])


def _distance(
    prepared: npt.NDArray[np.float32], known: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Give the cosine distance of each row to the nearest labeled one, 0 to 2."""
    nearest: npt.NDArray[np.float64] = 1.0 - (prepared @ known.T).max(axis=1).astype(np.float64)
    return nearest


def _store(found: _Compared, champion: ChampionView, now: datetime) -> UploadDrift:
    usual = projects.by_id(found.project_id).audit_partition_share
    is_drifted = any(signal.is_alarm for signal in found.signals)
    share = max(usual, min(LARGEST_SHARE, RAISED * usual)) if is_drifted else usual
    row, is_new = UploadDrift.objects.update_or_create(
        project_id=found.project_id,
        source=found.batch.source,
        day=found.batch.day,
        defaults={
            "n_images": found.n_images,
            "n_baseline": found.n_baseline,
            "signals": [_plain(signal, champion.label_order) for signal in found.signals],
            "is_drifted": is_drifted,
            "audit_share": share,
            "model_version": champion.public_id,
            "measured_at": now,
        },
    )
    if is_new and is_drifted:
        journal.record_event(
            project_id=found.project_id,
            verb="uploads_drifted",
            target=found.batch.source,
            detail={
                "day": found.batch.day.isoformat(),
                "images": found.n_images,
                "audit_share": share,
            },
            now=now,
        )
    return row


def _plain(signal: drift.Signal, codes: tuple[str, ...]) -> dict[str, Any]:
    found = asdict(signal)
    column = found.pop("column")
    return found | {
        "effect": found["effect"] if np.isfinite(found["effect"]) else None,
        "label": codes[column] if column >= 0 else "",
    }
