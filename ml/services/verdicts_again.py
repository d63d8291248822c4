"""Every verdict once more, from what is stored: do the numbers that people saw still come out?

A check before serving is computed from the snapshots of the two versions and the stored vectors; a
verdict of the audit slice from the pairs that were kept with it. Nothing is written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import projects
from ml.errors import MlError
from ml.models import ComparisonDecision, ComparisonKind, ModelKind, ModelVersion
from ml.selectors import evidence
from ml.services import audit_verdict, certification, common_ground, fitting, gate

if TYPE_CHECKING:
    from ml.models import Comparison
    from ml.selectors.evidence import AuditTruth, Pairs, Table
    from ml.services.audit_verdict import AuditVerdict

TOLERANCE = 1e-6
"""Numbers agree to this share of them: sums in another order differ in the last digits."""

WORDS = "sentence"

CHECK, CERTIFICATION, MONITOR = "check", "certification", "monitor"


class NoSuchVersionError(MlError):
    """The project has no version of that number."""

    code = "not_found"
    status = 404


@dataclass(frozen=True, slots=True)
class Again:
    """One verdict, stored and computed again.

    Attributes:
        what: check (before it served), certification or monitor.
        version: number of the version judged.
        agrees: whether everything stored comes out again; None where that cannot be asked.
        note: why not, or what has changed since.
        stored, again: the numbers of both.
    """

    what: str
    version: int
    agrees: bool | None
    note: str
    stored: dict[str, Any]
    again: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Give the fields as JSON has them."""
        return {
            "what": self.what,
            "version": self.version,
            "agrees": self.agrees,
            "note": self.note,
            "stored": self.stored,
            "again": self.again,
        }


def of_project(project_id: int) -> list[Again]:
    """Compute every verdict of a project again, oldest version first."""
    versions = ModelVersion.objects.filter(project_id=project_id)
    numbers = versions.order_by("number", "pk").values_list("number", flat=True)
    return [each for number in list(numbers) for each in of_version(project_id, number)]


def of_version(project_id: int, number: int) -> list[Again]:
    """Compute the verdicts on version `number` again, from the stored rows alone.

    Raises:
        NoSuchVersionError: the project has none of that number.
    """
    version = _numbered(project_id, number)
    common_ground.forget()
    found = [_check(version)] if version.kind == ModelKind.HEAD and version.gate else []
    truth = evidence.audit_truth(project_id)
    for comparison in reversed(evidence.of_version(version.pk)):
        if comparison.kind == ComparisonKind.MONITOR:
            found.append(_monitor(comparison, truth))
        else:
            found.append(_certification(comparison, truth))
    return found


def _numbered(project_id: int, number: int) -> ModelVersion:
    version = ModelVersion.objects.filter(project_id=project_id, number=number).first()
    if version is None:
        raise NoSuchVersionError(f"This project has no version {number}.", version=number)
    return version


def _check(version: ModelVersion) -> Again:
    """Fit the head again on its snapshot, and judge it against the versions it was judged by."""
    stored = version.gate
    if "log_loss" not in stored:
        return Again(CHECK, version.number, None, "It was deployed past the check.", stored, {})
    labeled, fitted = common_ground.answered(version)
    leash = stored.get("leash") or {}
    verdict = gate.judge(
        labeled,
        fitted,
        champion=_named(version, stored.get("champion")),
        proven=_named(version, leash.get("proven")),
        must_be_better=fitting.HEAD_KIND in version.metrics,
    )
    again = {**verdict.numbers, "is_passed": verdict.is_passed, "sentence": verdict.sentence}
    wrong = _differing({name: stored.get(name) for name in again if name in stored}, again)
    return Again(CHECK, version.number, not wrong, _differ(wrong), stored, again)


def _named(version: ModelVersion, number: int | None) -> ModelVersion | None:
    return None if number is None else _numbered(version.project_id, number)


def _certification(comparison: Comparison, truth: AuditTruth) -> Again:
    version = comparison.challenger
    if "numbers" not in comparison.detail:
        note = "Another candidate came before the first look."
        return Again(CERTIFICATION, version.number, None, note, {}, {})
    reference = comparison.reference or str(comparison.detail["always"])
    kept = comparison.detail.get("pairs")
    if kept is None and comparison.decision != ComparisonDecision.RUNNING:
        note = "It ended without a verdict; nothing was decided by it."
        return Again(CERTIFICATION, version.number, None, note, _stored(comparison), {})
    table = evidence.Table.from_json(kept) if kept else evidence.table(version, reference, truth)
    n_open = int(comparison.detail["numbers"].get("n_open", truth.n_open))
    names = projects.label_names(comparison.project_id)
    found = audit_verdict.of_certification(comparison, table, n_open=n_open, names=names)
    again = _as_stored(comparison, found)
    wrong = _differing(_stored(comparison), again)
    if kept is None and _counts(found.pairs) != _counts_of(comparison):
        note = "Audit answers have come or changed since the last look."
        return Again(CERTIFICATION, version.number, None, note, _stored(comparison), again)
    note = _differ(wrong)
    if kept is not None:
        n_other = _answered_otherwise(comparison, table)
        wrong += ["answers"] * bool(n_other)
        note = " ".join(filter(None, [_differ(wrong), _changed(table, truth)]))
    return Again(CERTIFICATION, version.number, not wrong, note, _stored(comparison), again)


def _monitor(comparison: Comparison, truth: AuditTruth) -> Again:
    version, detail = comparison.challenger, comparison.detail
    if "numbers" not in detail:
        return Again(MONITOR, version.number, None, "It was never looked at.", {}, {})
    is_decided = "truth" in detail
    by = _as_truth(detail["truth"]) if is_decided else truth
    pairs = certification.recount(detail["pairs"], by)
    found = audit_verdict.of_monitor(comparison, pairs)
    stored, again = _stored(comparison), _as_stored(comparison, found)
    if not is_decided and _counts(pairs) != _counts_of(comparison):
        note = "Audit answers have come or changed since the last look."
        return Again(MONITOR, version.number, None, note, stored, again)
    wrong = _differing(stored, again)
    return Again(MONITOR, version.number, not wrong, _differ(wrong), stored, again)


def _as_truth(stored: dict[str, str]) -> AuditTruth:
    return evidence.AuditTruth(
        image_ids=np.array([int(key) for key in stored], dtype=np.int64),
        codes=np.array([*stored.values()], dtype=object),
        n_open=0,
    )


def _stored(comparison: Comparison) -> dict[str, Any]:
    numbers = comparison.detail["numbers"]
    return {
        "decision": comparison.decision,
        "wins": comparison.wins,
        "losses": comparison.losses,
        "ties": comparison.ties,
        "log_e": comparison.log_e,
        **{name: value for name, value in numbers.items() if name != "difference"},
    }


def _as_stored(comparison: Comparison, found: AuditVerdict) -> dict[str, Any]:
    """Give a verdict in the shape of what is stored; how it ended is the same unless decided."""
    ended = (ComparisonDecision.UNDECIDED, ComparisonDecision.SUPERSEDED)
    is_open = found.decision == ComparisonDecision.RUNNING
    decision = (
        comparison.decision if is_open and comparison.decision in ended else found.decision.value
    )
    return {
        "decision": decision,
        **_counts(found.pairs),
        "log_e": found.log_e,
        **found.numbers,
    }


def _counts(pairs: Pairs) -> dict[str, int]:
    return {"wins": pairs.wins, "losses": pairs.losses, "ties": pairs.ties}


def _counts_of(comparison: Comparison) -> dict[str, int]:
    return {
        "wins": comparison.wins,
        "losses": comparison.losses,
        "ties": comparison.ties,
    }


def _answered_otherwise(comparison: Comparison, table: Table) -> int:
    """Ask both versions again, where they still have weights, and count other answers."""
    n_other = 0
    for version, said in (
        (comparison.challenger, table.said),
        (comparison.reference, table.reference),
    ):
        if version is not None and version.head is not None:
            n_other += int((evidence.answers(version, table.image_ids) != said).sum())
    return n_other


def _changed(table: Table, truth: AuditTruth) -> str:
    """Say how many labels people have changed since; the verdict rests on those of its time."""
    now = dict(zip(truth.image_ids.tolist(), truth.codes, strict=True))
    kept = zip(table.image_ids.tolist(), table.truth, strict=True)
    n = sum(now.get(image_id) != code for image_id, code in kept)
    return f"{n} of its audit labels have changed since." if n else ""


def _differing(stored: dict[str, Any], again: dict[str, Any]) -> list[str]:
    """Name the numbers that differ; a sentence is words about them, which a release may reword."""
    numbers = {name: value for name, value in stored.items() if name != WORDS}
    return [name for name, value in numbers.items() if not _is_same(value, again.get(name))]


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and not _differing(one, other)
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(one == other)


def _differ(wrong: list[str]) -> str:
    return f"Does not come out again: {', '.join(wrong)}." if wrong else ""
