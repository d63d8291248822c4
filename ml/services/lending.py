"""Lending groups in the fast loop: what an answer is lent to, and who is asked about instead.

Only pool images that are not gold lend and are lent to. Nothing is lent before the labels show
that images of a group bear one label (`ml.acquisition.lending.calibrate`): 133 groups with two
labeled images each at the least. Those come from the random arm, which pays no heed to groups, and
from the page that asks "all the same?".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import alike as alike_selectors
from labeling.services import alike as alike_services
from ml.acquisition import PreparedRows, lending, lent
from ml.evaluation import metrics
from ml.heads.calibration import decided
from ml.recent import Recent
from ml.selectors import embeddings

if TYPE_CHECKING:
    import numpy.typing as npt

    from labeling.selectors.consensus import TrainingRows
    from labeling.selectors.projects import ProjectRow
    from ml.heads.ridge import FittedHead
    from ml.models import EmbeddingSet
    from ml.services.acquisition import Scored
    from ml.types import Groups, Indices, LabeledSet, Probabilities

MOST_IMAGES = 100_000
"""Pool images up to which groups are formed: two seconds when the pool has grown."""

SHOWN_FROM = 0.90
"""Cosine of the groups that people are shown to confirm, before labels allow lending by itself."""

RETURNED = "lending_returned"
WRITTEN = "lending_written"
MULTI = "MULTI"
_POOLS_KEPT = 4


@dataclass(frozen=True, slots=True)
class _Pool:
    """The images of a project that may lend, linked."""

    version: tuple[int, int, int]
    image_ids: Indices
    split_groups: Groups
    rows: PreparedRows
    joins: lending.Joins


@dataclass(frozen=True, slots=True)
class Lending:
    """What is lent at one refit, and to whom.

    Attributes:
        rows: the training rows, then one row for each image that is lent a label, then those that
            people could only narrow down (`ml.services.narrowed`).
        n_own: how many of them are answered.
        calibration: what labels say of groups; None where there are no groups to ask about.
        image_ids: (m,) images that may lend, ascending.
        groups: (m,) their lending groups; None where nothing is lent.
        central: (g,) the row that stands for each group.
        is_returned: (m,) images whose classifier has objected to what was lent.
        is_mixed: (m,) images of groups whose answers disagree.
    """

    rows: TrainingRows
    n_own: int
    calibration: lending.Calibration | None = None
    image_ids: Indices | None = None
    groups: Groups | None = None
    central: Indices | None = None
    is_returned: npt.NDArray[np.bool_] | None = None
    is_mixed: npt.NDArray[np.bool_] | None = None
    n_narrowed: int = 0

    @property
    def n_lent(self) -> int:
        """Count the rows that are lent a label."""
        return len(self.rows.image_ids) - self.n_own - self.n_narrowed

    def own(self, labeled: LabeledSet, fitted: FittedHead) -> tuple[LabeledSet, FittedHead]:
        """Give the answered rows alone, with what heads without their split group say of them.

        Checks, thresholds and figures rest on answers, never on what was lent.
        """
        n = self.n_own
        if n == len(labeled.image_ids):
            return labeled, fitted
        rows = replace(
            labeled,
            image_ids=labeled.image_ids[:n],
            embeddings=labeled.embeddings[:n],
            targets=labeled.targets[:n],
            weights=labeled.weights[:n],
            groups=labeled.groups[:n],
        )
        said = fitted.out_of_group[:n]
        loss = fitted.log_loss
        if np.isfinite(loss):
            loss = metrics.log_loss(decided(rows.targets), said, rows.weights)
        return rows, replace(fitted, out_of_group=said, log_loss=loss)

    def objected(self, labeled: LabeledSet, fitted: FittedHead, kept: dict[str, Any]) -> None:
        """Remember the images whose classifier objects: they are asked about by themselves."""
        n, loans = self.n_own, slice(self.n_own, self.n_own + self.n_lent)
        if self.n_lent == 0:
            return
        objects = lent.objections(
            fitted.out_of_group[loans],
            labeled.targets[loans],
            labeled.targets[:n],
            labeled.groups[:n],
        )
        found = labeled.image_ids[loans][objects].tolist()
        kept[RETURNED] = sorted({*kept.get(RETURNED, ()), *found})

    def narrow(self, scored: Scored) -> Scored:
        """Leave one candidate of each group, or all where nothing else is left to ask about."""
        if self.groups is None or self.image_ids is None or self.central is None:
            return scored
        assert self.is_returned is not None  # noqa: S101 - they come together
        assert self.is_mixed is not None  # noqa: S101
        is_busy = ~np.isin(self.image_ids, scored.image_ids)
        may = lent.worth_asking(self.groups, self.central, is_busy, self.is_returned, self.is_mixed)
        kept = np.flatnonzero(~np.isin(scored.image_ids, self.image_ids[~may & ~is_busy]))
        return _only(scored, kept) if len(kept) else scored

    def of_snapshot(self) -> dict[str, Any]:
        """Give the account with the images whose rows only teach: they are no answers."""
        return {**self.account(), "image_ids": self.rows.image_ids[self.n_own :].tolist()}

    def account(self) -> dict[str, Any]:
        """Say what was lent at which threshold, and what labels said of each, as JSON."""
        if self.calibration is None:
            return {"threshold": None, "n_lent": 0, "tried": []}
        return {
            "threshold": self.calibration.threshold,
            "n_lent": self.n_lent,
            "tried": [
                [one.threshold, one.n_groups, round(one.share, 4), round(one.lower, 4)]
                for one in self.calibration.tried
                if one.n_groups
            ],
        }


_pools: Recent[int, _Pool] = Recent(_POOLS_KEPT)


def plan(
    project: ProjectRow,
    rows: TrainingRows,
    embedding_set: EmbeddingSet | None,
    kept: dict[str, Any],
) -> Lending:
    """Say what is lent now; write down which images are alike where that has changed.

    Args:
        project: of the rows; one with several labels an image lends nothing.
        rows: what is answered.
        embedding_set: that the head learns on; an image without a vector in it is lent nothing.
        kept: what the last refit left to this one; what this one leaves is put into it.
    """
    nothing = Lending(rows, len(rows.image_ids))
    is_wanted = project.lending_enabled or project.alike_share > 0
    if not is_wanted or project.mode == MULTI or embedding_set is None:
        return nothing
    pool = _linked(project.pk)
    if pool is None:
        return nothing
    answered = np.searchsorted(pool.image_ids, rows.image_ids)
    is_member = np.isin(rows.image_ids, pool.image_ids)
    answered, posteriors = answered[is_member], rows.posteriors[is_member].astype(np.float64)
    tells = ~np.isin(pool.image_ids[answered], alike_selectors.judged_by_grid(project.pk))
    found = _calibrated(pool, answered[tells], posteriors[tells].argmax(axis=1))
    _write(project.pk, pool, found.threshold or SHOWN_FROM, kept)
    if found.threshold is None or not project.lending_enabled:
        return replace(nothing, calibration=found)
    groups = pool.joins.groups(found.threshold)
    returned = np.isin(pool.image_ids, np.array(kept.get(RETURNED, []), dtype=np.int64))
    returned |= np.isin(pool.image_ids, alike_selectors.set_apart(project.pk))
    loans = lent.lend(groups, answered, posteriors, returned)
    may = np.isin(pool.image_ids[loans.rows], alike_selectors.undecided_ids(project.pk))
    may &= embeddings.has_vector(embedding_set.pk, pool.image_ids[loans.rows])
    return Lending(
        _with_loans(rows, pool, loans.rows[may], loans.posteriors[may]),
        len(rows.image_ids),
        found,
        pool.image_ids,
        groups,
        lending.most_central(pool.rows, groups, pool.image_ids),
        returned,
        loans.is_mixed,
    )


def _linked(project_id: int) -> _Pool | None:
    """Link the pool, or give it as it was linked before, where no image has come since."""
    original = embeddings.original_or_none(project_id)
    if original is None:
        return None
    version = (original.pk, *alike_selectors.pool_version(project_id))
    known = _pools.find(project_id)
    if known is not None and known.version == version:
        return known
    if not 1 < version[1] <= MOST_IMAGES:
        return None
    linked = _link(project_id, original, version)
    if linked is None:
        return None
    _pools.put(project_id, linked)
    return linked


def _link(project_id: int, original: EmbeddingSet, version: tuple[int, int, int]) -> _Pool | None:
    centre = embeddings.centre(original)
    members = alike_selectors.pool_rows(project_id)
    known = embeddings.has_vector(original.pk, members.image_ids)
    ids, groups = members.image_ids[known], members.groups[known]
    if centre is None or len(ids) < 2:
        return None
    raw, places = embeddings.stored_rows(original.pk, ids)
    rows = PreparedRows(raw, places, centre)
    return _Pool(version, ids, groups, rows, lending.joins(rows, ids, groups))


def _calibrated(pool: _Pool, answered: Indices, labels: Indices) -> lending.Calibration:
    """Ask the split groups with two labeled images or more: all others say nothing."""
    split = pool.split_groups[answered]
    _, here, counts = np.unique(split, return_inverse=True, return_counts=True)
    tells = counts[here] >= 2
    is_asked = np.isin(pool.split_groups, split[tells])
    place = np.cumsum(is_asked) - 1
    return lending.calibrate(
        pool.joins.among(is_asked),
        place[answered[tells]],
        labels[tells],
        pool.rows[answered[tells]],
    )


def _write(project_id: int, pool: _Pool, threshold: float, kept: dict[str, Any]) -> None:
    key = [threshold, *pool.version]
    if kept.get(WRITTEN) == key:
        return
    groups = pool.joins.groups(threshold)
    _, first, sizes = np.unique(groups, return_index=True, return_counts=True)
    shared = np.flatnonzero(sizes[groups] > 1)
    names = pool.image_ids[first][groups[shared]]
    members = dict(zip(pool.image_ids[shared].tolist(), names.tolist(), strict=True))
    alike_services.set_groups(project_id=project_id, groups=members)
    kept[WRITTEN] = key


def _with_loans(
    rows: TrainingRows, pool: _Pool, at: Indices, posteriors: Probabilities
) -> TrainingRows:
    """Append one row at half weight for each image something is lent to."""
    return replace(
        rows,
        image_ids=np.concatenate([rows.image_ids, pool.image_ids[at]]),
        posteriors=np.concatenate([rows.posteriors, posteriors.astype(np.float32)]),
        weights=np.concatenate([rows.weights, np.full(len(at), lent.LENT_WEIGHT)]),
        groups=np.concatenate([rows.groups, pool.split_groups[at]]),
    )


def _only(scored: Scored, kept: Indices) -> Scored:
    """Give some of the candidates."""
    rows = scored.prepared
    rows = replace(rows, places=rows.places[kept]) if isinstance(rows, PreparedRows) else rows[kept]
    return replace(
        scored,
        image_ids=scored.image_ids[kept],
        groups=scored.groups[kept],
        prepared=rows,
        probabilities=None if scored.probabilities is None else scored.probabilities[kept],
        doubt=None if scored.doubt is None else scored.doubt[kept],
    )
