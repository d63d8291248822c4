"""The gate (rule 3), before a version serves: is its leave-group-out log-loss not worse?

Both heads are asked about the same labeled images, each by heads fitted without the image's split
group, so neither has seen what it is asked. A head that follows a proven version is asked against
that one too, by a fixed margin (`leash`): hundreds of heads, each a little worse than the one
before, do not creep past it. The audit slice has no part in this; what it says afterwards is
`ml.services.certification`'s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import projects
from ml.evaluation import verdicts
from ml.heads import judged
from ml.selectors import registry
from ml.services import common_ground
from ml.services.common_ground import remember, unit_rows

if TYPE_CHECKING:
    from ml.heads.ridge import FittedHead
    from ml.models import ModelVersion
    from ml.services.common_ground import Ground
    from ml.types import LabeledSet

__all__ = ["Verdict", "check", "judge", "praise", "remember", "unit_rows"]

TOLERANCE_NATS = 0.02
"""How much worse the log-loss may be over all images both can be asked about."""

SETTLED_TOLERANCE_NATS = 0.10
"""How much worse on images whose label has not changed since the champion was fitted. Wider: new,
harder labels soften the temperature, which costs a little on the easy ones."""

ERRORS_ALLOWED = 1.64
"""Standard errors (over split groups) on top: few labels refuse nothing by bad luck."""

HOLD_SHARE = 0.10
"""After a roll-back, heads from almost the same labels would be almost the same head."""

LEASH_MARGIN = 0.02
"""Points of accuracy that a head may be behind the last proven version, as the labels tell."""


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


def check(
    project_id: int, labeled: LabeledSet, fitted: FittedHead, *, must_be_better: bool = False
) -> Verdict:
    """Judge a fitted head against the version that serves and the last proven one.

    - Without a champion: its leave-group-out log-loss must not exceed that of knowing nothing.
    - Otherwise the mean paired difference must stay within `TOLERANCE_NATS` over all comparable
      images, and within `SETTLED_TOLERANCE_NATS` on those whose label stands since the champion
      was fitted: scrambled new answers may look fine to a head fitted on them, but they spoil it
      for the settled ones. Each bound gets `ERRORS_ALLOWED` standard errors.
    - Where more than half of the champion's labels have changed there is no common ground, and the
      log-losses that the two reached on their own labels are compared.
    - Its accuracy must stay within `LEASH_MARGIN` of the last proven version's on the same images
      (`verdicts.is_on_leash`); not asked across backbones or where there is no common ground.
    - With `must_be_better` (a head of another kind, that staff try) as good is not enough.
    """
    champion = registry.serving(project_id)
    if champion is not None and math.isfinite(fitted.log_loss):
        held = _held_back(project_id, len(labeled.image_ids))
        if held is not None:
            return held
    proven = registry.proven(project_id)
    return judge(labeled, fitted, champion=champion, proven=proven, must_be_better=must_be_better)


def judge(
    labeled: LabeledSet,
    fitted: FittedHead,
    *,
    champion: ModelVersion | None,
    proven: ModelVersion | None,
    must_be_better: bool = False,
) -> Verdict:
    """Judge as `check` does, against versions that are given: the same rows, the same verdict."""
    if not math.isfinite(fitted.log_loss):
        return Verdict(
            False,
            "Not deployed: all labeled images are near copies or of one scene, so none could be "
            "kept apart to check it on.",
            {"log_loss": None},
        )
    if champion is None:
        return _against_nothing(fitted, judged.knowing_nothing(labeled))
    verdict = _against_champion(labeled, fitted, champion)
    if must_be_better and verdict.is_passed and not verdict.sentence.startswith(BETTER):
        said = verdict.sentence.removeprefix(f"{AS_GOOD}: ")
        return Verdict(False, f"Not better, so it does not serve: {said}", verdict.numbers)
    if proven is None or proven.embedding_set_id != champion.embedding_set_id:
        return verdict
    return _on_leash(verdict, labeled, fitted, proven)


def _against_nothing(fitted: FittedHead, bound: float) -> Verdict:
    numbers = {"log_loss": fitted.log_loss, "uniform_log_loss": bound}
    if fitted.log_loss <= bound:
        return Verdict(
            True,
            "First classifier: on labeled images it had not learned it does better than guessing.",
            numbers,
        )
    return Verdict(
        False,
        "Not deployed: on labeled images it had not learned it does no better than guessing; it "
        "needs more labels.",
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


def _against_champion(labeled: LabeledSet, fitted: FittedHead, champion: ModelVersion) -> Verdict:
    steps = projects.heirs(champion.project_id, labeled.label_order)
    ground = common_ground.between(labeled, common_ground.out_of_group(champion), steps)
    mine, old = judged.losses(labeled, fitted.out_of_group), judged.losses(labeled, ground.said)
    everything = common_ground.difference(mine - old, labeled, ground.is_comparable)
    settled = common_ground.difference(mine - old, labeled, ground.is_settled)
    numbers: dict[str, Any] = {
        "champion": champion.number,
        "log_loss": fitted.log_loss,
        "n_compared": int(ground.is_comparable.sum()),
        "n_settled": int(ground.is_settled.sum()),
        "difference": everything.mean,
        "difference_error": everything.error,
        "settled_difference": settled.mean,
        "settled_difference_error": settled.error,
        "tolerance": TOLERANCE_NATS,
        "settled_tolerance": SETTLED_TOLERANCE_NATS,
    }
    if not ground.is_common:
        return _by_own_account(fitted, champion, numbers)
    weights = labeled.weights[ground.is_comparable]
    old_loss = float(np.average(old[ground.is_comparable], weights=weights))
    numbers["champion_log_loss"] = old_loss
    new_loss = old_loss + everything.mean
    is_passed = (
        everything.mean <= TOLERANCE_NATS + ERRORS_ALLOWED * everything.error
        and settled.mean <= SETTLED_TOLERANCE_NATS + ERRORS_ALLOWED * settled.error
    )
    same = (
        f"on the same {numbers['n_compared']} labeled images, each checked with it and its "
        "look-alikes left out of what is learned"
    )
    if is_passed:
        how = praise(new_loss, old_loss)
        said = f"{how}: {same}, it is {_HOW_SURE[how]} of the right label {_THAN[how]}"
        return Verdict(True, f"{said} v{champion.number}.", numbers)
    where = "," if everything.mean > TOLERANCE_NATS else ", where labels have not changed,"
    said = f"Refused as worse: {same}{where} it is less sure of the right label than"
    return Verdict(False, f"{said} v{champion.number}.", numbers)


def _by_own_account(fitted: FittedHead, champion: ModelVersion, numbers: dict[str, Any]) -> Verdict:
    own = float(champion.metrics.get("log_loss", math.inf))
    numbers |= {"champion_own_log_loss": own, "is_common_ground": False}
    changed = f"most labels have changed since v{champion.number}, so each was checked on its own"
    if fitted.log_loss <= own + SETTLED_TOLERANCE_NATS:
        how = praise(fitted.log_loss, own)
        said = f"{how}: {changed}, and the new one is {_HOW_SURE[how]} of them"
        return Verdict(True, f"{said}.", numbers)
    said = f"Refused as worse: {changed}, and the new one is less sure of them"
    return Verdict(False, f"{said}.", numbers)


BETTER, AS_GOOD = "Better", "About as good"
_HOW_SURE = {BETTER: "surer", AS_GOOD: "about as sure"}
_THAN = {BETTER: "than", AS_GOOD: "as"}


def praise(new_loss: float, old_loss: float) -> str:
    """Name how a passed head compares, by the three digits of the log-loss that the page shows."""
    return BETTER if round(new_loss, 3) < round(old_loss, 3) else AS_GOOD


def _on_leash(
    verdict: Verdict, labeled: LabeledSet, fitted: FittedHead, proven: ModelVersion
) -> Verdict:
    """Hold a head that passed, where the labels cannot say that it is near the proven version."""
    steps = projects.heirs(proven.project_id, labeled.label_order)
    ground = common_ground.between(labeled, common_ground.out_of_group(proven), steps)
    if not ground.is_common:
        leash: dict[str, Any] = {"proven": proven.number, "is_common_ground": False}
        return Verdict(verdict.is_passed, verdict.sentence, {**verdict.numbers, "leash": leash})
    leash = _leash_numbers(labeled, fitted, ground) | {"proven": proven.number}
    is_passed = verdicts.is_on_leash(
        leash["difference"],
        leash["difference_error"],
        margin=LEASH_MARGIN,
        gain=leash["gain"],
        gain_error=leash["gain_error"],
    )
    numbers = {**verdict.numbers, "leash": leash}
    if is_passed or not verdict.is_passed:
        return Verdict(verdict.is_passed, verdict.sentence, numbers)
    return Verdict(False, _held_sentence(leash), numbers)


def _leash_numbers(labeled: LabeledSet, fitted: FittedHead, ground: Ground) -> dict[str, Any]:
    gain = common_ground.difference(
        judged.losses(labeled, ground.said) - judged.losses(labeled, fitted.out_of_group),
        labeled,
        ground.is_comparable,
    )
    mine = judged.right(labeled, fitted.out_of_group)
    theirs = judged.right(labeled, ground.said)
    found = common_ground.difference(
        mine.astype(np.float64) - theirs, labeled, ground.is_comparable
    )
    return {
        "n": int(ground.is_comparable.sum()),
        "right": int(mine[ground.is_comparable].sum()),
        "proven_right": int(theirs[ground.is_comparable].sum()),
        "difference": found.mean,
        "difference_error": found.error,
        "gain": gain.mean,
        "gain_error": gain.error,
        "margin": LEASH_MARGIN,
    }


def _held_sentence(leash: dict[str, Any]) -> str:
    return (
        f"Held back: right on {leash['right']} of {leash['n']} labeled images it had not learned, "
        f"where v{leash['proven']}, the last proven version, is right on {leash['proven_right']}; "
        f"that is not enough to be sure it is no more than {100 * LEASH_MARGIN:.0f} points worse."
    )
