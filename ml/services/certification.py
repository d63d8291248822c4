"""The gate (rule 3), after a version serves: what the audit slice says of it.

Certification asks whether a candidate may be called proven; the monitor asks whether the heads
that serve have become worse than the last proven one. A comparison is stored with its counts and
computed again from the audit labels as they are, so an answer that was corrected is corrected
here. The tests may be looked at after every answer (`ml.evaluation.compare`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction

from labeling.selectors import projects
from labeling.services import adjudication
from ml.evaluation import compare, label_sets
from ml.heads import several
from ml.models import (
    Champion,
    Comparison,
    ComparisonDecision,
    ComparisonKind,
    ModelKind,
    ModelState,
    ModelVersion,
)
from ml.selectors import evidence, registry
from ml.services import audit_verdict, snapshots, waiting
from ml.services import registry as registry_services
from ml.services.audit_verdict import MONITOR_MARGIN, NON_INFERIORITY_MARGIN

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

    from ml.selectors.evidence import AuditTruth, Pairs
    from ml.services.audit_verdict import AuditVerdict

__all__ = [
    "ALPHA",
    "MONITOR_MARGIN",
    "NON_INFERIORITY_MARGIN",
    "Events",
    "advance",
    "is_candidate",
    "open_certification",
]

ALPHA = 0.05
"""Error budget of one proven version's reign, for certifications and for the monitor each."""

MIN_AUDIT_IMAGES = 10
"""With fewer resolved, no test could pass; opening one would only spend the budget."""

GROWTH = 1.10
"""A head is a candidate with a tenth more labels than the last one had."""


@dataclass(frozen=True, slots=True)
class Events:
    """What a look at the audit slice led to."""

    proven: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    rolled_back_to: int | None = None


def is_candidate(project_id: int, *, n_labels: int, embedding_set_id: int) -> bool:
    """Tell whether the next head is to be certified: enough audit answers, a tenth more labels."""
    last = registry.newest_candidate(project_id, embedding_set_id)
    if last is not None and n_labels < math.ceil(GROWTH * last.n_labels):
        return False
    return len(evidence.audit_truth(project_id).image_ids) >= MIN_AUDIT_IMAGES


def open_certification(*, version: ModelVersion, now: datetime) -> Comparison:
    """Start the test of a candidate against the last proven version; an earlier candidate's ends.

    The k-th candidate of one proven version's reign may use alpha_k = 0.05 * 6 / (pi^2 k^2), so
    that all of them together pass falsely with probability 0.05 at most. Before there is a proven
    version the reference is always the same answer: at each look the commonest label of the audit
    slice (`_hardest_answer`). A new backbone is compared
    with the champion itself, and the project's fine-tunes share one budget for all time.
    """
    is_finetune = version.kind == ModelKind.FINETUNE
    same = Comparison.objects.filter(
        project_id=version.project_id,
        kind=ComparisonKind.CERTIFICATION,
        challenger__kind=version.kind,
    )
    if is_finetune:
        reference = registry.serving(version.project_id)
    else:
        reference = registry.proven(version.project_id)
        same = same.filter(reference=reference)
    with transaction.atomic():
        ordinal = same.count() + 1
        same.filter(decision=ComparisonDecision.RUNNING).update(
            decision=ComparisonDecision.SUPERSEDED, updated_at=now
        )
        detail = {} if reference else {"always": _commonest_label(version)}
        return Comparison.objects.create(
            project_id=version.project_id,
            kind=ComparisonKind.CERTIFICATION,
            challenger=version,
            reference=reference,
            ordinal=ordinal,
            alpha=compare.alpha_k(ordinal, ALPHA),
            detail=detail,
            created_at=now,
            updated_at=now,
        )


def advance(*, project_id: int, now: datetime) -> Events:
    """Look at the audit answers there are, and act: prove, fail, or roll back.

    Cheap where nothing has changed: audit answers of a version are kept by this process.
    """
    running = evidence.running(project_id)
    truth = _truth(project_id, running, now)
    proven: list[int] = []
    failed: list[int] = []
    for comparison in running:
        if comparison.kind != ComparisonKind.CERTIFICATION:
            continue
        decision = _certify(comparison, truth, now)
        if decision == ComparisonDecision.PASSED:
            proven.append(comparison.challenger_id)
        elif decision == ComparisonDecision.FAILED:
            failed.append(comparison.challenger_id)
    back = _after_failures(project_id, failed, now) or _monitor(project_id, truth, now)
    return Events(tuple(proven), tuple(failed), back)


def _truth(project_id: int, running: list[Comparison], now: datetime) -> AuditTruth:
    """Read the audit slice; before it counts as used up, ask the experts all there is to ask.

    A fine-tune fails once nobody will answer more. The sweep that opens the experts' questions may
    not have seen the last answers yet, and that verdict is not taken back.
    """
    truth = evidence.audit_truth(project_id)
    waits = any(each.challenger.kind == ModelKind.FINETUNE for each in running)
    if truth.n_open or not waits:
        return truth
    adjudication.open_due(project_id=project_id, now=now)
    return evidence.audit_truth(project_id)


def _certify(comparison: Comparison, truth: AuditTruth, now: datetime) -> str:
    if comparison.reference is None:
        always = _hardest_answer(truth, str(comparison.detail["always"]))
        comparison.detail = {**comparison.detail, "always": always}
    reference = comparison.reference or str(comparison.detail["always"])
    table = evidence.table(comparison.challenger, reference, truth)
    names = projects.label_names(comparison.project_id)
    found = audit_verdict.of_certification(comparison, table, n_open=truth.n_open, names=names)
    decision, sentence = found.decision, found.sentence
    is_finetune = comparison.challenger.kind == ModelKind.FINETUNE
    if decision == ComparisonDecision.RUNNING and is_finetune:
        comparison.detail = {**comparison.detail, "wait": waiting.after(comparison, truth, now)}
        if waiting.is_over(comparison, now):
            decision = ComparisonDecision.UNDECIDED
            found.numbers["difference"] = waiting.bound(found.pairs, truth.n_open)
            sentence = (
                f"{waiting.sentence(comparison, truth, found.pairs)} "
                f"So far {audit_verdict.counted(comparison, found.pairs)}."
            )
    if decision != ComparisonDecision.RUNNING:
        # What the verdict rests on, for good: labels change, and weights are dropped.
        comparison.detail = {**comparison.detail, "pairs": table.to_json()}
    comparison.decision = decision
    _store(comparison, found, sentence, now)
    if decision != ComparisonDecision.RUNNING:
        _act(comparison, found, sentence, now)
    return decision


def _hardest_answer(truth: AuditTruth, before: str) -> str:
    """Name the one label that is right most often where it is always answered.

    Whoever beats that one beats every other: the commonest label among those learned from may not
    be in the audit slice at all, and would be beaten by anything.
    """
    if not len(truth.codes):
        return before
    plain = [_plain(code) for code in truth.codes]
    codes, counts = np.unique(np.array(plain, dtype=str), return_counts=True)
    return str(codes[counts.argmax()])


def _plain(code: str) -> str:
    """Give a set without what nobody was asked about."""
    return label_sets.written(label_sets.members(code)) if label_sets.is_set(code) else code


def _act(comparison: Comparison, found: AuditVerdict, sentence: str, now: datetime) -> None:
    """Let a certification that has ended show in the version."""
    version = comparison.challenger
    if comparison.decision == ComparisonDecision.PASSED and version.kind == ModelKind.HEAD:
        registry_services.prove(
            project_id=version.project_id, version_id=version.pk, verdict=sentence, now=now
        )
    elif comparison.decision == ComparisonDecision.PASSED:
        # A new backbone serves only when the pool has its vectors: `finetune.advance` hands over.
        ModelVersion.objects.filter(pk=version.pk).update(verdict=sentence)
    elif version.state == ModelState.CHALLENGER:
        gate = {**version.gate, "certification": found.numbers}
        registry_services.reject(version_id=version.pk, verdict=sentence, gate=gate, now=now)


def _after_failures(project_id: int, failed: list[int], now: datetime) -> int | None:
    """Roll back where the version that serves has failed its certification as harmful."""
    champion = registry.champion(project_id)
    if champion is None or champion.version_id not in failed or champion.proven_id is None:
        return None
    comparison = evidence.of_version(champion.version_id)[0]
    pairs = evidence.Pairs(comparison.wins, comparison.losses, comparison.ties)
    return _roll_back(project_id, champion.version_id, comparison, pairs, now)


def _monitor(project_id: int, truth: AuditTruth, now: datetime) -> int | None:
    """Follow the heads that serve against the last proven one; roll back where they do harm.

    One process for all heads of a reign: each audit image labeled since it began is one pair, by
    the head that served when it was first seen here. What both said is stored, so a corrected
    label changes the count, and pruned weights are not needed again.
    """
    pointer = (
        Champion.objects.filter(project_id=project_id)
        .select_related("model_version", "proven")
        .first()
    )
    if pointer is None or pointer.proven is None or pointer.proven_id == pointer.model_version_id:
        return None
    comparison = _running_monitor(pointer, truth, now)
    detail = _with_new_pairs(comparison.detail, pointer.model_version, pointer.proven, truth)
    pairs = recount(detail["pairs"], truth)
    found = audit_verdict.of_monitor(comparison, pairs)
    comparison.detail = detail
    comparison.challenger = pointer.model_version
    comparison.decision = found.decision
    if found.decision == ComparisonDecision.FAILED:
        comparison.detail = {**detail, "truth": _truth_of(detail["pairs"], truth)}
    _store(comparison, found, found.sentence, now)
    if found.decision != ComparisonDecision.FAILED:
        return None
    return _roll_back(project_id, pointer.model_version_id, comparison, pairs, now)


def _truth_of(stored: list[dict[str, Any]], truth: AuditTruth) -> dict[str, str]:
    """Keep the labels that a verdict was counted by, by image."""
    code_of = dict(zip(truth.image_ids.tolist(), truth.codes, strict=True))
    return {
        str(pair["image"]): str(code_of[pair["image"]])
        for pair in stored
        if pair["image"] in code_of
    }


def _running_monitor(pointer: Champion, truth: AuditTruth, now: datetime) -> Comparison:
    same = Comparison.objects.filter(
        project_id=pointer.project_id, kind=ComparisonKind.MONITOR, reference=pointer.proven
    )
    found = same.filter(decision=ComparisonDecision.RUNNING).select_related("reference").first()
    if found is not None:
        return found
    ordinal = same.count() + 1
    return Comparison.objects.create(
        project_id=pointer.project_id,
        kind=ComparisonKind.MONITOR,
        challenger=pointer.model_version,
        reference=pointer.proven,
        ordinal=ordinal,
        alpha=compare.alpha_k(ordinal, ALPHA),
        # Labels that were there before have had their say when the reference was chosen.
        detail={"before": truth.image_ids.tolist(), "pairs": []},
        created_at=now,
        updated_at=now,
    )


def _with_new_pairs(
    detail: dict[str, Any], version: ModelVersion, reference: ModelVersion, truth: AuditTruth
) -> dict[str, Any]:
    """Add one pair for each audit image labeled since, in draw order."""
    seen = {*detail["before"], *(pair["image"] for pair in detail["pairs"])}
    is_new = np.array([int(key) not in seen for key in truth.image_ids], dtype=bool)
    ids = truth.image_ids[is_new]
    mine, theirs = evidence.answers(version, ids), evidence.answers(reference, ids)
    added = [
        {"image": image, "by": version.number, "said": said, "reference": other}
        for image, said, other in zip(ids.tolist(), mine, theirs, strict=True)
        if evidence.UNKNOWN not in (said, other)
    ]
    return {**detail, "pairs": [*detail["pairs"], *added]}


def recount(stored: list[dict[str, Any]], truth: AuditTruth) -> Pairs:
    """Count stored pairs against the labels as they are now; unresolved ones wait."""
    code_of = dict(zip(truth.image_ids.tolist(), truth.codes, strict=True))
    live = [pair for pair in stored if pair["image"] in code_of]
    return evidence.count(
        _objects([code_of[pair["image"]] for pair in live]),
        _objects([pair["said"] for pair in live]),
        _objects([pair["reference"] for pair in live]),
    )


def _objects(codes: list[str]) -> npt.NDArray[np.object_]:
    return np.array(codes, dtype=object)


def _roll_back(
    project_id: int, version_id: int, comparison: Comparison, pairs: Pairs, now: datetime
) -> int | None:
    reference = comparison.reference
    if reference is None or reference.head is None:
        return None
    reason = (
        f"Rolled back: wrong on {pairs.losses} audit images that v{reference.number} had right, "
        f"right on {pairs.wins} that it had wrong, of {pairs.n}."
    )
    registry_services.roll_back(
        project_id=project_id,
        to_version_id=reference.pk,
        user_id=None,
        reason=reason,
        now=now,
        expected_id=version_id,
    )
    return reference.pk


def _store(comparison: Comparison, found: AuditVerdict, sentence: str, now: datetime) -> None:
    pairs = found.pairs
    comparison.wins, comparison.losses, comparison.ties = pairs.wins, pairs.losses, pairs.ties
    comparison.log_e = found.log_e
    comparison.detail = audit_verdict.with_look(comparison.detail, found, now) | {
        "numbers": found.numbers,
        "sentence": sentence,
    }
    comparison.updated_at = now
    comparison.save()


def _commonest_label(version: ModelVersion) -> str:
    rows = snapshots.load(version.snapshot_id)
    if rows.is_several:
        sets = label_sets.of_rows(several.shows(rows.posteriors), rows.codes)
        codes, counts = np.unique(sets.astype(str), return_counts=True)
        return str(codes[counts.argmax()])
    return rows.codes[int((rows.weights @ rows.posteriors).argmax())]
