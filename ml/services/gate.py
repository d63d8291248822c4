"""The gate (rule 3), before a version serves: is its leave-group-out log-loss not worse?

Both heads are asked about the same labeled images, each by heads fitted without the image's split
group, so neither has seen what it is asked. The audit slice has no part in this; what it says
afterwards is `ml.services.certification`'s.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.heads import calibration, codec, ridge
from ml.models import ModelVersion
from ml.selectors import embeddings, registry
from ml.services import snapshots
from ml.types import LabeledSet

if TYPE_CHECKING:
    from uuid import UUID

    import numpy.typing as npt

    from ml.heads.ridge import FittedHead
    from ml.selectors.registry import ChampionView
    from ml.types import Indices, Probabilities

TOLERANCE_NATS = 0.02
"""How much worse the log-loss may be over all images both can be asked about."""

SETTLED_TOLERANCE_NATS = 0.10
"""How much worse on images whose label has not changed since the champion was fitted. Wider: new,
harder labels soften the temperature, which costs a little on the easy ones."""

ERRORS_ALLOWED = 1.64
"""Standard errors (over split groups) on top: few labels refuse nothing by bad luck."""

HOLD_SHARE = 0.10
"""After a roll-back, heads from almost the same labels would be almost the same head."""

FLOOR = 1e-4
"""Probability of a label the champion does not know yet."""

CHAMPIONS_KEPT = 8


@dataclass(frozen=True, slots=True)
class Verdict:
    """May the head serve?

    Attributes:
        is_passed: whether it may.
        sentence: why, in one plain sentence.
        numbers: all that the sentence rests on.
    """

    is_passed: bool
    sentence: str
    numbers: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OutOfGroup:
    """What a version says of its own labeled images by heads that had not seen their groups."""

    image_ids: Indices
    targets: npt.NDArray[np.int64]  # (n,) likeliest column of the labels it was fitted on
    probabilities: Probabilities  # (n, k)
    groups: npt.NDArray[np.int64]
    label_order: tuple[str, ...]


_out_of_group: OrderedDict[UUID, OutOfGroup] = OrderedDict()


def check(project_id: int, labeled: LabeledSet, fitted: FittedHead) -> Verdict:
    """Judge a fitted head against the champion on the same labeled images.

    - Without a champion: its leave-group-out log-loss must not exceed that of knowing nothing.
    - Otherwise the mean paired difference must stay within `TOLERANCE_NATS` over all comparable
      images, and within `SETTLED_TOLERANCE_NATS` on those whose label stands since the champion
      was fitted: scrambled new answers may look fine to a head fitted on them, but they spoil it
      for the settled ones. Each bound gets `ERRORS_ALLOWED` standard errors.
    - Where more than half of the champion's labels have changed there is no common ground, and the
      log-losses that the two reached on their own labels are compared.
    """
    if not math.isfinite(fitted.log_loss):
        return Verdict(
            False,
            "Not deployed: all labeled images are of one split group, so nothing could be checked.",
            {"log_loss": None},
        )
    champion = registry.champion(project_id)
    if champion is None:
        return _against_nothing(fitted, len(labeled.label_order))
    held = _held_back(project_id, len(labeled.image_ids))
    if held is not None:
        return held
    return _against_champion(labeled, fitted, champion)


def remember(version: ModelVersion, labeled: LabeledSet, fitted: FittedHead) -> None:
    """Keep a version's out-of-group probabilities: the next check asks for them at once."""
    _keep(
        version.public_id,
        OutOfGroup(
            labeled.image_ids,
            labeled.targets.argmax(axis=1),
            fitted.out_of_group,
            labeled.groups,
            labeled.label_order,
        ),
    )


def out_of_group(champion: ChampionView) -> OutOfGroup:
    """Give the champion's out-of-group probabilities, computed again where this process lacks them.

    The snapshot and the vectors have not changed since, so the result is the same.
    """
    known = _out_of_group.get(champion.public_id)
    if known is not None:
        return known
    rows = snapshots.load(champion.snapshot_id)
    head = codec.from_bytes(champion.head)
    labeled = LabeledSet(
        image_ids=rows.image_ids,
        embeddings=embeddings.load_matrix(champion.embedding_set_id, rows.image_ids),
        targets=unit_rows(rows.posteriors),
        weights=rows.weights,
        groups=rows.groups,
        label_order=rows.codes,
    )
    again = ridge.fit_ridge(
        labeled, strengths=(head.regularisation,), temperatures=(champion.temperature,)
    )
    found = OutOfGroup(
        rows.image_ids, labeled.targets.argmax(axis=1), again.out_of_group, rows.groups, rows.codes
    )
    _keep(champion.public_id, found)
    return found


def unit_rows(posteriors: npt.NDArray[np.float32]) -> Probabilities:
    """Scale (n, k) posteriors to rows that sum to 1 in float64.

    In a project with several labels an image they are probabilities of their own; a head over
    them ranks labels, and is fitted on their shares.
    """
    rows = posteriors.astype(np.float64)
    sums = rows.sum(axis=1, keepdims=True)
    k = rows.shape[1]
    scaled: Probabilities = np.divide(rows, sums, out=np.full_like(rows, 1.0 / k), where=sums > 0)
    return scaled


def _keep(public_id: UUID, found: OutOfGroup) -> None:
    _out_of_group[public_id] = found
    while len(_out_of_group) > CHAMPIONS_KEPT:
        _out_of_group.popitem(last=False)


def _against_nothing(fitted: FittedHead, k: int) -> Verdict:
    bound = math.log(k)
    numbers = {"log_loss": fitted.log_loss, "uniform_log_loss": bound}
    if fitted.log_loss <= bound:
        return Verdict(
            True,
            f"First classifier: leave-group-out log-loss {fitted.log_loss:.2f}, where knowing "
            f"nothing gives {bound:.2f}.",
            numbers,
        )
    return Verdict(
        False,
        f"Not deployed: leave-group-out log-loss {fitted.log_loss:.2f} is worse than knowing "
        f"nothing ({bound:.2f}); it needs more labels.",
        numbers,
    )


def _held_back(project_id: int, n_labels: int) -> Verdict | None:
    """Refuse heads from almost the labels of a version that was rolled back."""
    rejected = registry.rolled_back(project_id)
    if rejected is None or abs(n_labels - rejected.n_labels) >= HOLD_SHARE * rejected.n_labels:
        return None
    wanted = math.ceil((1 + HOLD_SHARE) * rejected.n_labels)
    return Verdict(
        False,
        f"Held back: v{rejected.number} was rolled back with {rejected.n_labels} labels, and these "
        f"{n_labels} are almost the same; the next try is at {wanted}.",
        {"held_by": rejected.number, "n_labels": n_labels, "next_try_at": wanted},
    )


def _against_champion(labeled: LabeledSet, fitted: FittedHead, champion: ChampionView) -> Verdict:
    known = out_of_group(champion)
    theirs, is_comparable, is_settled = _champion_says(labeled, champion, known)
    truth = calibration.decided(labeled.targets)
    mine, old = _losses(truth, fitted.out_of_group), _losses(truth, theirs)
    everything = _difference(mine - old, labeled, is_comparable)
    settled = _difference(mine - old, labeled, is_settled)
    numbers: dict[str, Any] = {
        "champion": champion.number,
        "log_loss": fitted.log_loss,
        "n_compared": int(is_comparable.sum()),
        "n_settled": int(is_settled.sum()),
        "difference": everything.mean,
        "difference_error": everything.error,
        "settled_difference": settled.mean,
        "settled_difference_error": settled.error,
        "tolerance": TOLERANCE_NATS,
        "settled_tolerance": SETTLED_TOLERANCE_NATS,
    }
    if 2 * is_settled.sum() < len(known.image_ids):
        return _by_own_account(fitted, champion, numbers)
    old_loss = float(np.average(old[is_comparable], weights=labeled.weights[is_comparable]))
    numbers["champion_log_loss"] = old_loss
    new_loss = old_loss + everything.mean
    is_passed = (
        everything.mean <= TOLERANCE_NATS + ERRORS_ALLOWED * everything.error
        and settled.mean <= SETTLED_TOLERANCE_NATS + ERRORS_ALLOWED * settled.error
    )
    compared = (
        f"leave-group-out log-loss {new_loss:.3f} against {old_loss:.3f} of v{champion.number} "
        f"on the same {int(is_comparable.sum())} images"
    )
    if is_passed:
        return Verdict(True, f"{praise(new_loss, old_loss)}: {compared}.", numbers)
    where = "" if everything.mean > TOLERANCE_NATS else " (worse on settled labels)"
    return Verdict(False, f"Refused as worse: {compared}{where}.", numbers)


def _by_own_account(fitted: FittedHead, champion: ChampionView, numbers: dict[str, Any]) -> Verdict:
    own = float(champion.metrics.get("log_loss", math.inf))
    numbers |= {"champion_own_log_loss": own, "is_common_ground": False}
    said = (
        f"most labels have changed since v{champion.number}; on its own labels this head reaches "
        f"a leave-group-out log-loss of {fitted.log_loss:.3f}, v{champion.number} reached {own:.3f}"
    )
    if fitted.log_loss <= own + SETTLED_TOLERANCE_NATS:
        return Verdict(True, f"{praise(fitted.log_loss, own)}: {said}.", numbers)
    return Verdict(False, f"Refused as worse: {said}.", numbers)


def praise(new_loss: float, old_loss: float) -> str:
    """Name how a passed head compares, by the three digits that the sentence shows."""
    return "Better" if round(new_loss, 3) < round(old_loss, 3) else "Within the tolerance"


def _champion_says(
    labeled: LabeledSet, champion: ChampionView, known: OutOfGroup
) -> tuple[Probabilities, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Give what the champion says of (n,) rows it has not seen, in the rows' label order.

    Rows it was fitted on: by heads without their group. Rows of groups it never saw: by itself.
    Others (a new image of a group it was fitted on) cannot be asked fairly and are left out.

    Returns:
        (n, k) probabilities, which rows are comparable, and which of them it was fitted on with
        the label they have now.
    """
    n, k = labeled.targets.shape
    place = {int(key): at for at, key in enumerate(known.image_ids)}
    at = np.array([place.get(int(key), -1) for key in labeled.image_ids], dtype=np.int64)
    is_old = at >= 0
    is_new = ~is_old & ~np.isin(labeled.groups, known.groups)
    said = np.full((n, len(known.label_order)), 1.0 / len(known.label_order))
    said[is_old] = known.probabilities[at[is_old]]
    if is_new.any():
        head = replace(codec.from_bytes(champion.head), temperature=champion.temperature)
        said[is_new] = ridge.predict(head, labeled.embeddings[is_new])
    column_of = {code: column for column, code in enumerate(known.label_order)}
    columns = np.array([column_of.get(code, -1) for code in labeled.label_order], dtype=np.int64)
    mapped = np.full((n, k), FLOOR)
    mapped[:, columns >= 0] += said[:, columns[columns >= 0]]
    mapped /= mapped.sum(axis=1, keepdims=True)
    now_code = np.array(labeled.label_order, dtype=object)[labeled.targets.argmax(axis=1)]
    then_code = np.array([*known.label_order, ""], dtype=object)[
        np.where(is_old, known.targets[at], -1)
    ]
    return mapped, is_old | is_new, is_old & (now_code == then_code)


def _losses(targets: Probabilities, probabilities: Probabilities) -> npt.NDArray[np.float64]:
    losses: npt.NDArray[np.float64] = -(targets * np.log(np.maximum(probabilities, 1e-12))).sum(1)
    return losses


@dataclass(frozen=True, slots=True)
class _Difference:
    mean: float
    error: float


def _difference(
    differences: npt.NDArray[np.float64], labeled: LabeledSet, rows: npt.NDArray[np.bool_]
) -> _Difference:
    """Give the weighted mean of paired differences and its standard error over split groups."""
    if not rows.any():
        return _Difference(0.0, 0.0)
    weights = labeled.weights[rows]
    mean = float(np.average(differences[rows], weights=weights))
    _, group = np.unique(labeled.groups[rows], return_inverse=True)
    off = np.bincount(group, weights=weights * (differences[rows] - mean))
    return _Difference(mean, float(np.sqrt((off**2).sum()) / weights.sum()))
