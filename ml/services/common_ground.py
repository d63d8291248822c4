"""What a version says of labeled images it has not seen, beside what a new head says of them.

Two versions can only be compared on the same images, each asked by heads that were fitted without
the image's split group. That is the common ground of the gate's checks before a version serves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation.metrics import log_loss
from ml.heads import challenger, codec, judged, ridge, several
from ml.heads.calibration import decided
from ml.heads.kept import label_shares
from ml.models import ModelVersion
from ml.recent import Recent
from ml.selectors import embeddings
from ml.services import fitting, snapshots
from ml.types import Head, LabeledSet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import numpy.typing as npt

    from labeling.selectors.consensus import TrainingRows
    from ml.heads.kept import Steps
    from ml.heads.ridge import FittedHead
    from ml.types import Indices, Probabilities

FLOOR = 1e-4
"""Probability of a label that a version does not know yet."""

VERSIONS_KEPT = 8


@dataclass(frozen=True, slots=True)
class OutOfGroup:
    """What a version says of its own labeled images by heads that had not seen their groups.

    Attributes:
        image_ids: (n,).
        targets: (n,) likeliest column of the labels it was fitted on; a number of the set of
            labels where an image may bear several (`judged.kinds`).
        probabilities: (n, k).
        groups: (n,).
        head: the version itself, for images of groups it has not seen.
    """

    image_ids: Indices
    targets: npt.NDArray[np.int64]
    probabilities: Probabilities
    groups: npt.NDArray[np.int64]
    head: Head

    @property
    def label_order(self) -> tuple[str, ...]:
        """The labels it knows, one a column."""
        return self.head.label_order


@dataclass(frozen=True, slots=True)
class Ground:
    """What a version says of a new head's labeled images.

    Attributes:
        said: (n, k) in the new head's label order.
        is_comparable: (n,) the images it can be asked about fairly.
        is_settled: (n,) of these, the ones it was fitted on with the label they have now.
        n_own: how many images it was fitted on.
    """

    said: Probabilities
    is_comparable: npt.NDArray[np.bool_]
    is_settled: npt.NDArray[np.bool_]
    n_own: int

    @property
    def is_common(self) -> bool:
        """Whether at least half of the labels it was fitted on still stand."""
        return 2 * int(self.is_settled.sum()) >= self.n_own


@dataclass(frozen=True, slots=True)
class Difference:
    """A weighted mean of paired differences, and its standard error over split groups."""

    mean: float
    error: float


_kept: Recent[UUID, OutOfGroup] = Recent(VERSIONS_KEPT)


def remember(version: ModelVersion, labeled: LabeledSet, fitted: FittedHead) -> None:
    """Keep a version's out-of-group probabilities: the next check asks for them at once."""
    _kept.put(version.public_id, _of_fit(labeled, fitted, fitted.head))


def forget() -> None:
    """Drop everything kept (tests, and whoever computes verdicts again from what is stored)."""
    _kept.clear()


def out_of_group(version: ModelVersion) -> OutOfGroup:
    """Give a version's out-of-group probabilities, computed again where this process lacks them.

    The snapshot and the vectors have not changed since, so the result is the same; so is the head
    of a version whose weights were dropped.
    """
    return _kept.get(version.public_id, lambda: computed(version))


def computed(version: ModelVersion) -> OutOfGroup:
    """Compute a version's out-of-group probabilities from its stored snapshot and vectors."""
    labeled, fitted = answered(version)
    head = fitted.head
    if version.head is not None:
        head = replace(codec.from_bytes(bytes(version.head)), temperature=version.temperature)
    return _of_fit(labeled, fitted, head)


def labeled_set(version: ModelVersion) -> LabeledSet:
    """Read what a version was fitted on, lent rows too."""
    rows = snapshots.load(version.snapshot_id)
    return LabeledSet(
        image_ids=rows.image_ids,
        embeddings=embeddings.load_matrix(version.embedding_set_id, rows.image_ids),
        targets=targets_of(rows),
        weights=rows.weights,
        groups=rows.groups,
        label_order=rows.codes,
        is_several=rows.is_several,
    )


def answered(version: ModelVersion) -> tuple[LabeledSet, FittedHead]:
    """Fit a version again, and give the rows that people answered with what is said of them.

    What was lent a label is learned from, and never asked about (`ml.services.lending`).
    """
    labeled = labeled_set(version)
    fitted = refitted(version, labeled)
    lent = snapshots.load(version.snapshot_id).lending.get("image_ids", [])
    is_own = ~np.isin(labeled.image_ids, np.array(lent, dtype=np.int64))
    if is_own.all():
        return labeled, fitted
    rows = replace(
        labeled,
        image_ids=labeled.image_ids[is_own],
        embeddings=labeled.embeddings[is_own],
        targets=labeled.targets[is_own],
        weights=labeled.weights[is_own],
        groups=labeled.groups[is_own],
    )
    said, loss = fitted.out_of_group[is_own], fitted.log_loss
    if np.isfinite(loss):
        loss = log_loss(decided(rows.targets), said, rows.weights)
    return rows, replace(fitted, out_of_group=said, log_loss=loss)


def refitted(version: ModelVersion, labeled: LabeledSet) -> FittedHead:
    """Fit a version's head again, at the strength, temperature and centre that were chosen then.

    A version whose weights were dropped has lost its centre with them: it is the mean of its
    images, or that of the champion whose choice it followed, where that one has its weights.
    """
    n = len(labeled.image_ids)
    kind = version.metrics.get(fitting.HEAD_KIND)
    if kind is not None:
        return challenger.fit(labeled, kind)
    if labeled.is_several:
        return several.fit(labeled, strengths=(float(version.metrics["regularisation"]),))
    if version.head is None:
        strength = float(version.metrics["regularisation"])
        centre = _lost_centre(version, labeled)
    else:
        head = codec.from_bytes(bytes(version.head))
        strength, centre = head.regularisation, head.centre
    return ridge.fit_as_chosen(labeled, ridge.Choice(strength, version.temperature, centre, n))


def between(labeled: LabeledSet, known: OutOfGroup, steps: Steps | None = None) -> Ground:
    """Give what a version says of (n,) rows it has not seen, in the rows' label order.

    Rows it was fitted on: by heads without their group. Rows of groups it never saw: by itself.
    Others (a new image of a group it was fitted on) cannot be asked fairly and are left out, and so
    is an image of a label that was split off one the version knows: it could not tell them apart.
    The rows' embeddings must be of the version's own backbone.

    Args:
        labeled: the rows.
        known: what the version says of its own.
        steps: what became of labels of before (`labeling.selectors.projects.heirs`).
    """
    steps = steps or {}
    n, k = labeled.targets.shape
    place = {int(key): at for at, key in enumerate(known.image_ids)}
    at = np.array([place.get(int(key), -1) for key in labeled.image_ids], dtype=np.int64)
    is_old = at >= 0
    is_new = ~is_old & ~np.isin(labeled.groups, known.groups)
    said = np.full((n, len(known.label_order)), 1.0 / len(known.label_order))
    said[is_old] = known.probabilities[at[is_old]]
    if is_new.any():
        said[is_new] = ridge.predict(known.head, labeled.embeddings[is_new])
    mapped = np.full((n, k), FLOOR) + said @ label_shares(
        known.label_order, labeled.label_order, steps
    )
    if labeled.is_several:
        settled = is_old & (judged.kinds(labeled) == np.where(is_old, known.targets[at], -1))
        return Ground(np.minimum(mapped, 1.0), is_old | is_new, settled, len(known.image_ids))
    mapped /= mapped.sum(axis=1, keepdims=True)
    now_code = np.array(labeled.label_order, dtype=object)[labeled.targets.argmax(axis=1)]
    today = [
        steps[code][0] if len(steps.get(code, ())) == 1 else code for code in known.label_order
    ]
    then_code = np.array([*today, ""], dtype=object)[np.where(is_old, known.targets[at], -1)]
    settled = is_old & (now_code == then_code)
    tells = ~np.isin(now_code, list(split_off(known.label_order, steps)))
    return Ground(mapped, (is_old | is_new) & tells, settled & tells, len(known.image_ids))


def split_off(label_order: Sequence[str], steps: Steps) -> set[str]:
    """Give the labels that one of these was split into, and that are not among them."""
    heirs = {one for code in label_order if len(steps.get(code, ())) > 1 for one in steps[code]}
    return heirs - set(label_order)


def difference(
    differences: npt.NDArray[np.float64], labeled: LabeledSet, rows: npt.NDArray[np.bool_]
) -> Difference:
    """Average (n,) paired differences over some rows; no rows give 0."""
    if not rows.any():
        return Difference(0.0, 0.0)
    weights = labeled.weights[rows]
    mean = float(np.average(differences[rows], weights=weights))
    _, group = np.unique(labeled.groups[rows], return_inverse=True)
    off = np.bincount(group, weights=weights * (differences[rows] - mean))
    return Difference(mean, float(np.sqrt((off**2).sum()) / weights.sum()))


def targets_of(rows: TrainingRows | snapshots.Rows) -> Probabilities:
    """Give the (n, k) targets of training rows: of sum 1, or one probability a label."""
    if rows.is_several:
        return rows.posteriors.astype(np.float64)
    return unit_rows(rows.posteriors)


def unit_rows(posteriors: npt.NDArray[np.float32]) -> Probabilities:
    """Scale (n, k) posteriors to rows that sum to 1 in float64."""
    rows = posteriors.astype(np.float64)
    sums = rows.sum(axis=1, keepdims=True)
    k = rows.shape[1]
    scaled: Probabilities = np.divide(rows, sums, out=np.full_like(rows, 1.0 / k), where=sums > 0)
    return scaled


def _of_fit(labeled: LabeledSet, fitted: FittedHead, head: Head) -> OutOfGroup:
    return OutOfGroup(
        labeled.image_ids,
        judged.kinds(labeled),
        fitted.out_of_group,
        labeled.groups,
        head,
    )


def _lost_centre(version: ModelVersion, labeled: LabeledSet) -> npt.NDArray[np.float64]:
    """Give the centre that a version without weights was fitted at (`ml.services.fitting`)."""
    mean: npt.NDArray[np.float64] = labeled.embeddings.mean(axis=0, dtype=np.float64)
    n = len(labeled.image_ids)
    if version.metrics.get(fitting.CHOSEN_AT, n) == n:
        return mean
    followed = ModelVersion.objects.filter(
        project_id=version.project_id, number=version.gate.get("champion"), head__isnull=False
    ).first()
    if followed is None or followed.head is None:
        return mean
    centre = codec.from_bytes(bytes(followed.head)).centre
    choice = ridge.Choice(1.0, version.temperature, centre, n)
    return ridge.taken_over(choice, labeled).centre
