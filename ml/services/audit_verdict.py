"""From what two versions said of the audit slice to a verdict, its numbers and its sentence.

Nothing here reads the clock, the queue or an embedding: the same table gives the same verdict, now
and when it is computed again from what was stored (`ml.services.verdicts_again`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.evaluation import compare, label_sets, verdicts
from ml.evaluation.verdicts import Verdict
from ml.models import ComparisonDecision, ComparisonKind, ModelKind

if TYPE_CHECKING:
    from datetime import datetime

    from ml.models import Comparison
    from ml.selectors.evidence import Pairs, Table

NON_INFERIORITY_MARGIN = 0.02
MONITOR_MARGIN = 0.02
"""Points of accuracy that all heads since the last proven one may have lost together."""

Names = Mapping[str, str]
_BY_CODE: Names = MappingProxyType({})
"""A label without a name is called by its code."""

LOOKS_KEPT = 120
"""As many points as a plot can show; older ones are thinned out."""


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What the audit slice says of a comparison.

    Attributes:
        decision: of the comparison; UNDECIDED is never found here (`ml.services.waiting`).
        log_e: the largest log e-value of the tests it may pass (of harm, for the monitor).
        needed: the log e-value that ends it.
        numbers: all that the sentence rests on.
        sentence: why, in words.
    """

    decision: ComparisonDecision
    pairs: Pairs
    log_e: float
    needed: float
    numbers: dict[str, Any]
    sentence: str


def of_certification(
    comparison: Comparison, table: Table, *, n_open: int, names: Names = _BY_CODE
) -> AuditVerdict:
    """Judge a candidate by `verdicts.certify`, with the floor under each label.

    Args:
        comparison: its budget, its versions; nothing of it is changed.
        table: the pairs.
        n_open: measured images that still wait for an answer or an expert. A fine-tune fails
            once there are none: nobody will ever answer more.
        names: code to what a label is called, for the sentence.
    """
    pairs = table.counts()
    margin = NON_INFERIORITY_MARGIN if comparison.reference_id is not None else None
    found = verdicts.certify(
        pairs.wins, pairs.losses, pairs.ties, alpha=comparison.alpha, margin=margin
    )
    fallen = _fallen(table) if margin is not None else []
    log_e = _log_e(pairs, margin)
    needed = verdicts.needed_log_e(comparison.alpha, margin)
    numbers = {
        **log_e,
        "n": pairs.n,
        "n_open": n_open,
        "needed": needed,
        "margin": margin,
        "verdict": found.value,
        "fallen": fallen,
    }
    decision = _decision(comparison, found, pairs, fallen=fallen, n_open=n_open)
    said = _sentence(comparison, pairs, decision, numbers, names)
    return AuditVerdict(decision, pairs, max(log_e.values()), needed, numbers, said)


def of_monitor(comparison: Comparison, pairs: Pairs) -> AuditVerdict:
    """Ask whether the heads that served have fallen behind the proven one by the margin."""
    log_e = compare.log_e_harm(pairs.wins, pairs.losses, pairs.ties, margin=MONITOR_MARGIN)
    needed = math.log(1 / comparison.alpha)
    is_harm = log_e >= needed
    decision = ComparisonDecision.FAILED if is_harm else ComparisonDecision.RUNNING
    numbers = {"margin": MONITOR_MARGIN, "n": pairs.n, "needed": needed, "harm": log_e}
    seen = counted(comparison, pairs)
    said = f"Rolled back: {seen}." if is_harm else f"No harm seen: {seen}."
    return AuditVerdict(decision, pairs, log_e, needed, numbers, said)


def with_look(detail: dict[str, Any], found: AuditVerdict, now: datetime) -> dict[str, Any]:
    """Add what this look has seen to the history that pages show, where it is new.

    A look is [audit images, wins, losses, log e-value, time].
    """
    pairs, looks = found.pairs, list(detail.get("looks", []))
    seen = [pairs.n, pairs.wins, pairs.losses]
    if looks and looks[-1][:3] == seen:
        return detail
    looks.append([*seen, round(found.log_e, 4), now.isoformat()])
    if len(looks) > LOOKS_KEPT:
        looks = [*looks[:-1:2], looks[-1]]
    return {**detail, "looks": looks}


def other(comparison: Comparison, names: Names = _BY_CODE) -> str:
    """Name what a comparison compares with."""
    if comparison.reference is None:
        return f"always answering {_named(str(comparison.detail['always']), names)}"
    return f"v{comparison.reference.number}"


def _named(code: str, names: Names) -> str:
    """Write a label, or a set of labels, as people know it."""
    return f"“{label_sets.names(code, dict(names))}”"


def _log_e(pairs: Pairs, margin: float | None) -> dict[str, float]:
    """Give the log e-values of the tests a certification may pass."""
    values = {"superiority": compare.log_e_value(pairs.wins, pairs.losses)}
    if margin is not None:
        values["non_inferiority"] = compare.log_e_noninferiority(
            pairs.wins, pairs.losses, pairs.ties, margin=margin
        )
    return values


def _fallen(table: Table) -> list[dict[str, Any]]:
    by_label = table.by_label()
    counts = np.array([[one.wins, one.losses, one.n] for one in by_label.values()], dtype=np.int64)
    if not by_label:
        return []
    has_fallen = verdicts.fallen_labels(counts[:, 0], counts[:, 1], counts[:, 2])
    return [
        {"label": code, "wins": one.wins, "losses": one.losses, "n": one.n}
        for (code, one), is_fallen in zip(by_label.items(), has_fallen, strict=True)
        if is_fallen
    ]


def _decision(
    comparison: Comparison,
    found: Verdict,
    pairs: Pairs,
    *,
    fallen: list[dict[str, Any]],
    n_open: int,
) -> ComparisonDecision:
    if found in (Verdict.BETTER, Verdict.NOT_WORSE) and not fallen:
        return ComparisonDecision.PASSED
    if found is Verdict.HARMFUL:
        return ComparisonDecision.FAILED
    is_finetune = comparison.challenger.kind == ModelKind.FINETUNE
    if is_finetune and n_open == 0 and pairs.n > 0:
        return ComparisonDecision.FAILED
    return ComparisonDecision.RUNNING


def counted(comparison: Comparison, pairs: Pairs, names: Names = _BY_CODE) -> str:
    """Say on how many audit images the two differed, and which way."""
    if comparison.kind == ComparisonKind.MONITOR:
        return (
            f"wrong on {pairs.losses} audit images that {other(comparison, names)} had right, "
            f"right on {pairs.wins} that it had wrong, of {pairs.n}"
        )
    return (
        f"right on {pairs.wins} audit images that {other(comparison, names)} had wrong, wrong on "
        f"{pairs.losses} that it had right, of {pairs.n}"
    )


def _sentence(
    comparison: Comparison,
    pairs: Pairs,
    decision: ComparisonDecision,
    numbers: dict[str, Any],
    names: Names,
) -> str:
    seen = counted(comparison, pairs, names)
    dropped = ", ".join(
        f"{_named(each['label'], names)} (wrong on {each['losses']} of {each['n']} that "
        f"{other(comparison, names)} had right)"
        for each in numbers["fallen"]
    )
    but = f" It has become worse at {dropped}." if dropped else ""
    if decision == ComparisonDecision.PASSED:
        if numbers["verdict"] == Verdict.NOT_WORSE:
            return f"Proven: {seen}; no more than {100 * numbers['margin']:.0f} points worse."
        return f"Proven: {seen}; better."
    if decision == ComparisonDecision.FAILED:
        return f"Not proven: {seen}.{but}"
    return f"Not decided: {seen}.{but}"
