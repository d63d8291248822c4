"""Why the version that serves is the one, what waits, and what the audit slice has said so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.selectors import projects
from ml.evaluation import intervals, label_sets
from ml.models import Champion, Comparison, ComparisonKind, ModelKind, ModelState, ModelVersion
from ml.selectors import evidence

if TYPE_CHECKING:
    from labeling.selectors.projects import ProjectRow
    from ml.selectors.evidence import AuditTruth

SHOWN = 40
"""Comparisons on the page, newest first; older ones are told by their versions' verdicts."""

NEEDED_FOR_PROOF = 10
"""Audit answers before anything can be proven (`ml.services.certification`)."""

WAITS = {"AUTOMATIC": "NEXT_HEAD", "ASK": "YES", "SHADOW": "NOBODY"}


def page(project_id: int) -> dict[str, Any]:
    """Give what the Versions page says beside the list of versions."""
    project = projects.by_id(project_id)
    pointer = (
        Champion.objects.filter(project_id=project_id)
        .select_related("model_version", "proven")
        .first()
    )
    truth = evidence.audit_truth(project_id)
    return {
        "mode": project.deployment_mode,
        "champion": _champion(pointer, len(truth.image_ids)) if pointer else None,
        "waiting": _waiting(project, pointer.model_version if pointer else None, truth),
        "comparisons": _comparisons(project_id),
    }


def _champion(pointer: Champion, n_audit: int) -> dict[str, Any]:
    version = pointer.model_version
    return {
        "number": version.number,
        "evidence": version.evidence,
        "since": pointer.moved_at,
        "proven": pointer.proven.number if pointer.proven else None,
        "why": _why(pointer, n_audit),
    }


def _why(pointer: Champion, n_audit: int) -> str:
    """Say in one or two sentences why this version serves and no other."""
    version, proven = pointer.model_version, pointer.proven
    back = _rolled_back_from(version)
    if back is not None:
        start = f"v{version.number} serves again since v{back} was rolled back"
    elif version.approved_at is not None:
        start = f"v{version.number} serves because a manager let it"
    elif proven is not None and proven.pk == version.pk:
        start = f"v{version.number} serves because the audit images have proven it"
    else:
        start = f"v{version.number} serves because it passed the check on the labeled images"
    if proven is None:
        if n_audit < NEEDED_FOR_PROOF:
            short = NEEDED_FOR_PROOF - n_audit
            answers = "one more audit answer" if short == 1 else f"{short} more audit answers"
            return f"{start}. Nothing is proven yet: that takes {answers}."
        return f"{start}. The audit images have not proven it yet, nor any version before."
    if proven.pk == version.pk:
        return f"{start}."
    return (
        f"{start}. v{proven.number} is the last proven version; should v{version.number} fall "
        f"more than 2 points behind it, v{proven.number} comes back by itself."
    )


def _rolled_back_from(version: ModelVersion) -> int | None:
    """Give the number of the newest version that served after this one and was withdrawn."""
    later = ModelVersion.objects.filter(
        project_id=version.project_id,
        state=ModelState.REJECTED,
        promoted_at__isnull=False,
        number__gt=version.number,
    )
    return later.order_by("-number", "-pk").values_list("number", flat=True).first()


def _waiting(
    project: ProjectRow, champion: ModelVersion | None, truth: AuditTruth
) -> list[dict[str, Any]]:
    challengers = ModelVersion.objects.filter(project_id=project.pk, state=ModelState.CHALLENGER)
    return [
        {
            "id": str(version.public_id),
            "number": version.number,
            "kind": version.kind,
            "evidence": version.evidence,
            "n_labels": version.n_labels,
            "created_at": version.created_at,
            "verdict": version.verdict,
            "waits_for": _waits_for(project, version),
            "on_audit": _on_audit(version, champion, truth) if champion else None,
        }
        for version in challengers.order_by("-number", "-pk")
    ]


def _waits_for(project: ProjectRow, version: ModelVersion) -> str:
    """Name what must come before a challenger serves."""
    if version.kind == ModelKind.HEAD:
        return WAITS[project.deployment_mode]
    newest = Comparison.objects.filter(challenger=version, kind=ComparisonKind.CERTIFICATION)
    decision = newest.order_by("-pk").values_list("decision", flat=True).first()
    if decision != "PASSED":
        return "AUDIT"
    if project.deployment_mode == "AUTOMATIC" or version.approved_at is not None:
        return "VECTORS"
    return WAITS[project.deployment_mode]


def _on_audit(
    version: ModelVersion, champion: ModelVersion, truth: AuditTruth
) -> dict[str, Any] | None:
    """Compare a challenger with what serves, on the audit images that both can be asked about."""
    table = evidence.table(version, champion, truth)
    pairs = table.counts()
    if pairs.n == 0:
        return None
    is_known = (table.said != evidence.UNKNOWN) & (table.reference != evidence.UNKNOWN)
    mine, theirs = (
        int(np.sum((said == table.truth)[is_known])) for said in (table.said, table.reference)
    )
    return {
        "n": pairs.n,
        "wins": pairs.wins,
        "losses": pairs.losses,
        "challenger": _share(mine, pairs.n),
        "champion": _share(theirs, pairs.n) | {"number": champion.number},
    }


def _share(right: int, n: int) -> dict[str, Any]:
    one = intervals.wilson(right, n)
    return {"right": right, "estimate": one.estimate, "low": one.low, "high": one.high}


def _comparisons(project_id: int) -> list[dict[str, Any]]:
    rows = Comparison.objects.filter(project_id=project_id).select_related(
        "challenger", "reference"
    )
    rows = rows.defer("challenger__head", "reference__head").order_by("-pk")
    names = projects.label_names(project_id)
    return [
        {
            "kind": row.kind,
            "version": row.challenger.number,
            "version_kind": row.challenger.kind,
            "reference": row.reference.number if row.reference else None,
            "always": label_sets.names(row.detail["always"], names)
            if "always" in row.detail
            else None,
            "ordinal": row.ordinal,
            "decision": row.decision,
            "wins": row.wins,
            "losses": row.losses,
            "n": row.wins + row.losses + row.ties,
            "log_e": row.log_e,
            "needed": row.detail.get("numbers", {}).get("needed"),
            "fallen": [
                label_sets.names(each["label"], names)
                for each in row.detail.get("numbers", {}).get("fallen", [])
            ],
            "sentence": row.detail.get("sentence", ""),
            "looks": [
                dict(zip(("n", "wins", "losses", "log_e", "at"), look, strict=True))
                for look in row.detail.get("looks", [])
            ],
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }
        for row in rows[:SHOWN]
    ]
