"""Fit the head of a refit: choose strength and temperature where it is time, else follow.

What was chosen lies with the version that serves: every worker goes on from there, and a worker
that has just started does. The sums over the labels (`ml.heads.kept`) only make it faster; a
process that has none, or those of another backbone or centre, forms them from the rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from ml.evaluation import practice as of_practice
from ml.heads import calibration, codec, ridge, several
from ml.heads.kept import KeptSums, is_worth_keeping, label_shares
from ml.heads.ridge import Choice
from ml.recent import Recent
from ml.selectors.practice import PRACTICE

if TYPE_CHECKING:
    from labeling.selectors.projects import SchemeView
    from ml.heads.closed_form import Primal
    from ml.heads.kept import Steps
    from ml.heads.ridge import FittedHead
    from ml.models import EmbeddingSet
    from ml.selectors.registry import ChampionView
    from ml.types import Head, LabeledSet

TARGET_ACCURACY = 0.9
"""How often what is accepted shall be right, where a project wishes for nothing else."""

CHOSEN_AT = "chosen_at"
"""Where a version's metrics say on how many labels its strength and temperature were chosen."""

GROUP_THRESHOLD, GROUPED_AS = "group_threshold", "grouped_as"
"""Where they say from which sum a group of labels is said, and which groups there were."""

HEAD_KIND = "head"
"""Where they say what kind of head it is, where it is not the usual one."""

SETS_KEPT = 2
"""Sums for 81 labels and 20,000 images are 400 MB."""

_kept: Recent[UUID, KeptSums] = Recent(SETS_KEPT)


def fit(
    labeled: LabeledSet,
    *,
    embedding_set: EmbeddingSet,
    champion: ChampionView | None,
    precision: float = several.PRECISION,
) -> FittedHead:
    """Fit a head on these rows; leave-group-out is exact either way.

    With several labels an image (`ml.heads.several`) the sums are not kept: labels have rows of
    their own.

    Args:
        labeled: all rows that the head may learn from.
        embedding_set: of the rows' vectors.
        champion: what serves, from which the choice is taken over.
        precision: of several labels, how often one that is said shall be right.

    Raises:
        EmptyLabeledSetError: no rows.
    """
    choice = _choice(labeled, embedding_set, champion)
    if labeled.is_several:
        return _fit_several(labeled, choice, precision)
    if choice is None or ridge.is_choice_due(choice, len(labeled.image_ids)):
        _kept.take(embedding_set.public_id)
        return ridge.fit_ridge(labeled)
    if not is_worth_keeping(labeled):
        return ridge.fit_as_chosen(labeled, choice)
    return ridge.fit_as_chosen(labeled, choice, problem=_problem(labeled, embedding_set, choice))


def threshold(labeled: LabeledSet, fitted: FittedHead, target: float) -> float:
    """Give the probability from which a version's answers are accepted.

    With several labels an image each has its own, in the head; this is the lowest.
    """
    if labeled.is_several:
        return several.lowest_threshold(fitted.head)
    return calibration.acceptance_threshold(
        fitted.out_of_group, labeled.targets, labeled.weights, target_accuracy=target
    )


def practice(
    labeled: LabeledSet, fitted: FittedHead, embedding_set: EmbeddingSet
) -> dict[str, Any]:
    """Give what a version must say of how its labeled images fare out of group, by label.

    Right split groups and split groups of each label, what staff's figures take for a hint
    (`ml.evaluation.practice`). Empty where nothing could be left out, with several labels an
    image, and on a fine-tuned backbone, which has learned from these images.
    """
    if labeled.is_several or not embedding_set.is_original or not np.isfinite(fitted.log_loss):
        return {}
    found = of_practice.tally(
        calibration.label_of_each(labeled.targets),
        fitted.out_of_group.argmax(axis=1),
        labeled.groups,
        len(labeled.label_order),
    )
    counts = zip(found.right.tolist(), found.cases.tolist(), strict=True)
    return {
        PRACTICE: {
            code: [right, cases]
            for code, (right, cases) in zip(labeled.label_order, counts, strict=True)
        }
    }


def groups_said(
    labeled: LabeledSet,
    fitted: FittedHead,
    scheme: SchemeView,
    *,
    threshold: float,
    target: float,
) -> dict[str, Any]:
    """Give what a version must say of groups of labels: which, and from which sum one is said.

    Empty where there are none, and with several labels an image.
    """
    if labeled.is_several or not scheme.groups or labeled.label_order != scheme.codes:
        return {}
    bar = calibration.group_threshold(
        fitted.out_of_group,
        labeled.targets,
        labeled.weights,
        [group.columns for group in scheme.groups],
        threshold=threshold,
        target_accuracy=target,
    )
    members = [[scheme.codes[column] for column in group.columns] for group in scheme.groups]
    return {GROUP_THRESHOLD: bar, GROUPED_AS: members}


def for_labels(head: Head, codes: tuple[str, ...], steps: Steps | None = None) -> Head:
    """Give a head in the order of the labels as they are now, by the steps that led to them."""
    if head.label_order == codes:
        return head
    shares = label_shares(head.label_order, codes, steps)
    mapped = ridge.for_labels if head.several is None else several.for_labels
    return mapped(head, shares, codes)


def metrics(fitted: FittedHead, *, kind: str = "") -> dict[str, Any]:
    """Give what a version must say of its fit, for `fit` to go on from.

    From another kind of head (`ml.heads.challenger`) nothing is taken over but its name.
    """
    found: dict[str, Any] = {
        "log_loss": fitted.log_loss,
        "regularisation": fitted.head.regularisation,
    }
    if kind:
        return {**found, HEAD_KIND: kind}
    found[CHOSEN_AT] = fitted.choice.n_labels
    head = fitted.head
    if head.several is not None:
        bars = zip(head.label_order, head.several.thresholds.tolist(), strict=True)
        found["thresholds"] = {code: bar if bar <= 1 else None for code, bar in bars}
    return found


def _fit_several(labeled: LabeledSet, choice: Choice | None, precision: float) -> FittedHead:
    n = len(labeled.image_ids)
    if choice is None or ridge.is_choice_due(choice, n):
        return several.fit(labeled, precision=precision)
    fitted = several.fit(labeled, precision=precision, strengths=(choice.strength,))
    return replace(fitted, choice=replace(fitted.choice, n_labels=choice.n_labels))


def forget() -> None:
    """Drop all sums (tests, and a host short of memory)."""
    _kept.clear()


def _choice(
    labeled: LabeledSet, embedding_set: EmbeddingSet, champion: ChampionView | None
) -> Choice | None:
    """Take over what the champion was fitted at, if it was fitted on these vectors."""
    if champion is None or champion.embedding_set_id != embedding_set.pk:
        return None
    chosen_at = champion.metrics.get(CHOSEN_AT)
    if chosen_at is None:
        return None
    head = codec.from_bytes(champion.head)
    choice = Choice(head.regularisation, champion.temperature, head.centre, int(chosen_at))
    return ridge.taken_over(choice, labeled)


def _problem(labeled: LabeledSet, embedding_set: EmbeddingSet, choice: Choice) -> Primal:
    """Bring the kept sums up to date, or form them.

    They are taken out meanwhile: whoever fails halfway through leaves none that are half done.
    """
    kept = _kept.take(embedding_set.public_id)
    if kept is None or not np.array_equal(kept.centre, choice.centre):
        kept = KeptSums(labeled, choice.centre)
    problem = kept.follow(labeled)
    _kept.put(embedding_set.public_id, kept)
    return problem
