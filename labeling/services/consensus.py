"""The one writer of `Consensus`: from the live answers of an image to its label or its question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction

from labeling.consensus import majority, policy
from labeling.consensus.types import Answers, Decision, State, Vote
from labeling.models import (
    Annotation,
    AnnotationKind,
    AnnotatorKind,
    Consensus,
    Image,
    ImagePrior,
    LabelValue,
    Mode,
    Partition,
)
from labeling.selectors import annotators, label_order, projects
from labeling.services import slots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    import numpy.typing as npt

BATCH = 500


@dataclass(frozen=True, slots=True)
class _Decided:
    posterior: npt.NDArray[np.float64]
    decision: Decision
    n_votes: int
    needed: int
    is_expert: bool


def update(*, image_id: int, now: datetime) -> Consensus:
    """Write what the live answers of an image say now; inside the caller's transaction.

    The caller holds the image's lock (`slots.lock_images`). An answer by an expert, or a label that
    came with an import, decides alone, the newest first. The classifier's prior is weak, capped and
    for pool images only: what is measured is never steered by what it measures (rule 1).
    """
    image = Image.objects.select_related("project").get(pk=image_id)
    scheme = projects.current_scheme(image.project_id)
    answers = _live_answers(image_id)
    found = _decide(image, tuple(scheme.label_ids), answers, now)
    is_decided = found.decision.state != State.OPEN
    label = found.decision.label
    consensus, _ = Consensus.objects.update_or_create(
        image=image,
        defaults={
            "project_id": image.project_id,
            "scheme_id": scheme.id,
            "posterior": found.posterior.astype(np.float32).tobytes(),
            "label_id": None if label is None else scheme.label_ids[label],
            "state": found.decision.state.value,
            "effective_votes": found.needed,
            "n_votes": found.n_votes,
            "is_expert": found.is_expert,
            "resolved_at": now if is_decided else None,
            "updated_at": now,
        },
    )
    return consensus


def set_priors(
    *,
    project_id: int,
    scheme_id: int,
    image_ids: Sequence[int],
    probabilities: npt.NDArray[np.float32],
    model_version: UUID,
    now: datetime,
) -> int:
    """Store the classifier's out-of-group probabilities for pool images; give how many.

    Audit images among `image_ids` are left out: no prior of theirs exists to be used by mistake.
    `probabilities` is (n, k) float32 in the order of the scheme version, one row an image.

    Raises:
        ValueError: the shape is not (n, k of the scheme); columns would name the wrong labels.
    """
    k = len(label_order.label_ids(scheme_id))
    if probabilities.shape != (len(image_ids), k):
        message = f"probabilities have shape {probabilities.shape}, not ({len(image_ids)}, {k})"
        raise ValueError(message)
    rows = np.ascontiguousarray(probabilities, dtype=np.float32)
    stored = 0
    for start in range(0, len(image_ids), BATCH):
        ids = [int(image_id) for image_id in image_ids[start : start + BATCH]]
        pool = _pool_ids(project_id, ids)
        priors = [
            ImagePrior(
                image_id=image_id,
                scheme_id=scheme_id,
                probabilities=row.tobytes(),
                model_version=model_version,
                updated_at=now,
            )
            for image_id, row in zip(ids, rows[start : start + BATCH], strict=True)
            if image_id in pool
        ]
        _store_priors(priors)
        stored += len(priors)
    return stored


def _pool_ids(project_id: int, ids: Sequence[int]) -> set[int]:
    found = Image.objects.filter(project_id=project_id, pk__in=ids, partition=Partition.POOL)
    return set(found.values_list("pk", flat=True))


@transaction.atomic
def _store_priors(priors: list[ImagePrior]) -> None:
    # In one order, so that two writers never wait for each other.
    ImagePrior.objects.bulk_create(
        sorted(priors, key=lambda prior: prior.image_id),
        update_conflicts=True,
        unique_fields=["image"],
        update_fields=["scheme", "probabilities", "model_version", "updated_at"],
    )


def _live_answers(image_id: int) -> list[Annotation]:
    return list(
        Annotation.objects.filter(
            image_id=image_id, withdrawn_at__isnull=True, annotator__quarantined_at__isnull=True
        )
        .exclude(kind__in=(AnnotationKind.UNDO, AnnotationKind.SKIP, AnnotationKind.FLAG))
        .select_related("annotator")
        .prefetch_related("labels")
        .order_by("pk")
    )


def _decide(
    image: Image, label_ids: tuple[int, ...], answers: list[Annotation], now: datetime
) -> _Decided:
    columns = {label_id: column for column, label_id in enumerate(label_ids)}
    deciders = [answer for answer in answers if _decides_alone(answer)]
    if deciders:
        return _by_decree(deciders[-1], columns, len(answers))
    n_active = annotators.active_count(image.project, now)
    rule = slots.Policy.of(image.project, image.partition, n_active)
    if image.project.mode == Mode.MULTI:
        return _by_label(answers, columns, rule)
    return _by_majority(image, label_ids, answers, rule)


def _decides_alone(answer: Annotation) -> bool:
    return answer.is_expert or answer.annotator.kind == AnnotatorKind.IMPORT


def _named(answer: Annotation, columns: dict[int, int]) -> list[int]:
    """Give the columns an answer says yes to; labels retired since are left out."""
    return [
        columns[said.label_id]
        for said in answer.labels.all()
        if said.value == LabelValue.YES and said.label_id in columns
    ]


def _by_decree(answer: Annotation, columns: dict[int, int], n_votes: int) -> _Decided:
    k = max(len(columns), 1)
    posterior = np.full(k, 1 / k)
    decision = Decision(State.UNUSABLE)
    named = _named(answer, columns)
    if answer.kind == AnnotationKind.NONE_OF_THESE:
        decision = Decision(State.NONE_OF_THESE)
    elif answer.kind == AnnotationKind.LABEL and named:
        posterior = np.zeros(k)
        posterior[named] = 1.0
        decision = Decision(State.RESOLVED, named[0])
    elif answer.kind == AnnotationKind.LABEL:  # Its label was retired: the question is open again.
        decision = Decision(State.OPEN)
    is_decided = decision.state != State.OPEN
    return _Decided(posterior, decision, n_votes, 1, is_expert=is_decided)


def _by_majority(
    image: Image, label_ids: tuple[int, ...], answers: list[Annotation], rule: slots.Policy
) -> _Decided:
    columns = {label_id: column for column, label_id in enumerate(label_ids)}
    votes = [
        Vote(answer.annotator_id, named[0])
        for answer in answers
        if answer.kind == AnnotationKind.LABEL and (named := _named(answer, columns))
    ]
    counted = Answers.of(
        votes,
        none_of_these=sum(answer.kind == AnnotationKind.NONE_OF_THESE for answer in answers),
        cant_tell=sum(answer.kind == AnnotationKind.CANT_TELL for answer in answers),
    )
    is_audit = image.partition == Partition.AUDIT
    prior = None if is_audit else _prior(image.pk, label_ids)
    posterior = majority.majority_posterior(votes, len(label_ids), prior=prior)
    decision = policy.decide(
        counted,
        posterior,
        needed=rule.needed,
        cap=rule.cap,
        retirement_risk=image.project.retirement_risk,
        is_audit=is_audit,
    )
    return _Decided(posterior, decision, counted.n_votes, rule.needed, is_expert=False)


def _prior(image_id: int, label_ids: tuple[int, ...]) -> npt.NDArray[np.float32] | None:
    prior = ImagePrior.objects.filter(image_id=image_id).first()
    if prior is None:
        return None
    row = np.frombuffer(bytes(prior.probabilities), dtype=np.float32)[None, :]
    mapped = label_order.remap(row, label_order.label_ids(prior.scheme_id), label_ids)
    only: npt.NDArray[np.float32] = mapped[0]
    return only


def _by_label(answers: list[Annotation], columns: dict[int, int], rule: slots.Policy) -> _Decided:
    """Decide several labels an image: one Bernoulli a label, the share of answers that name it.

    Each share is held 1/(2 (n + 1)) away from 0 and 1. Resolved where every label has a majority.
    """
    said = [answer for answer in answers if answer.kind == AnnotationKind.LABEL]
    yes = np.zeros(max(len(columns), 1))
    for answer in said:
        yes[_named(answer, columns)] += 1
    none = sum(answer.kind == AnnotationKind.NONE_OF_THESE for answer in answers)
    n, n_votes = len(said) + none, len(answers)
    posterior = (yes + 0.5) / (n + 1)
    if n < rule.needed:
        state = State.OPEN if n_votes < rule.cap else State.UNUSABLE
        return _Decided(posterior, Decision(state), n_votes, rule.needed, is_expert=False)
    has_ties = bool((2 * yes == n).any())
    if has_ties:
        state = State.OPEN if n_votes < rule.cap else State.DISPUTED
        return _Decided(posterior, Decision(state), n_votes, rule.needed, is_expert=False)
    chosen = np.flatnonzero(2 * yes > n)
    if not len(chosen):
        return _Decided(
            posterior, Decision(State.NONE_OF_THESE), n_votes, rule.needed, is_expert=False
        )
    best = int(chosen[np.argmax(yes[chosen])])
    return _Decided(posterior, Decision(State.RESOLVED, best), n_votes, rule.needed, False)
