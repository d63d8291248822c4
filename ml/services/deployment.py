"""Who lets a version serve that has passed its checks: nobody need, a manager, or nobody may.

In every mode the newest head chooses what people are asked next; the mode is about what answers
programs and people. What harms is rolled back by itself in every mode.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from django.db import transaction

from labeling.selectors import projects
from labeling.services import journal
from ml.errors import MlError
from ml.models import (
    Comparison,
    ComparisonDecision,
    ComparisonKind,
    EmbeddingSet,
    EmbeddingSetState,
    ModelKind,
    ModelState,
    ModelVersion,
)
from ml.selectors import registry as registry_selectors
from ml.services import registry

if TYPE_CHECKING:
    from datetime import datetime

    from labeling.selectors.projects import ProjectRow

AUTOMATIC, ASK, SHADOW = "AUTOMATIC", "ASK", "SHADOW"

OFFER_GROWTH = 1.10
"""A waiting head is replaced with a tenth more labels, not with every answer: it can be read."""

OFFER = "offer"
"""Marks, in `ModelVersion.gate`, a head that was put before a manager."""


class NotWaitingError(MlError):
    """The version does not wait for anybody."""

    code = "version_not_waiting"
    status = 409


class NotYetPassedError(MlError):
    """The audit slice has not said yet what the version is worth."""

    code = "version_not_passed"
    status = 409


class OnlyMeasuredError(MlError):
    """The project measures new versions and lets none serve."""

    code = "version_only_measured"
    status = 409


def admit(
    *, project: ProjectRow, version: ModelVersion, expected_id: int | None, now: datetime
) -> None:
    """Let a head that has passed its check serve, wait, or be kept; `version` is refreshed.

    Where a manager is asked, one head waits at a time. A newer one takes its place with a tenth
    more labels, and at once where the labels themselves or the backbone have changed.

    Raises:
        PointerMovedError: another champion came first.
    """
    if project.deployment_mode == AUTOMATIC:
        registry.promote(
            project_id=project.pk, version_id=version.pk, expected_id=expected_id, now=now
        )
    else:
        _offer(version, now)
    version.refresh_from_db()


def outcome(version: ModelVersion) -> str:
    """Name what became of an admitted version."""
    names = {ModelState.CHAMPION.value: "deployed", ModelState.CHALLENGER.value: "offered"}
    return names.get(version.state, "kept")


def may_serve(version: ModelVersion) -> bool:
    """Tell whether a version that has passed its test may serve."""
    mode = projects.by_id(version.project_id).deployment_mode
    return mode == AUTOMATIC or (mode == ASK and version.approved_at is not None)


def approve(
    *, project_id: int, version_id: int, user_id: int | None, now: datetime
) -> ModelVersion:
    """Let a waiting version serve: a head at once, a new backbone when the pool has its vectors.

    Raises:
        NotWaitingError: it serves, was overtaken, or was set aside.
        OnlyMeasuredError: the project lets no new version serve.
        NotYetPassedError: a new backbone that is not proven.
        PointerMovedError: another version came to serve meanwhile.
    """
    with transaction.atomic():
        version = _waiting(project_id, version_id)
        if projects.by_id(project_id).deployment_mode == SHADOW:
            raise OnlyMeasuredError(
                f"This project only measures new versions; v{version.number} can serve once "
                "its settings say so."
            )
        if version.kind == ModelKind.FINETUNE:
            _check_passed(version)
        ModelVersion.objects.filter(pk=version_id).update(approved_at=now)
        if version.kind == ModelKind.HEAD:
            _serve(version, now)
        journal.record_event(
            project_id=project_id,
            verb="version_approved",
            user_id=user_id,
            target=f"v{version.number}",
            detail={"verdict": version.verdict},
            now=now,
        )
    version.refresh_from_db()
    return version


def decline(
    *, project_id: int, version_id: int, user_id: int | None, reason: str, now: datetime
) -> ModelVersion:
    """Set a waiting version aside for good; the next head is offered with a tenth more labels.

    Raises:
        NotWaitingError: it serves, was overtaken, or was set aside before.
    """
    with transaction.atomic():
        version = _waiting(project_id, version_id)
        verdict = reason or "Set aside by a manager."
        registry.reject(version_id=version.pk, verdict=verdict, gate=version.gate, now=now)
        Comparison.objects.filter(challenger=version, decision=ComparisonDecision.RUNNING).update(
            decision=ComparisonDecision.SUPERSEDED, updated_at=now
        )
        if version.kind == ModelKind.FINETUNE:
            EmbeddingSet.objects.filter(pk=version.embedding_set_id).update(
                state=EmbeddingSetState.RETIRED
            )
        journal.record_event(
            project_id=project_id,
            verb="version_declined",
            user_id=user_id,
            target=f"v{version.number}",
            detail={"reason": verdict},
            now=now,
        )
    version.refresh_from_db()
    return version


def _offer(version: ModelVersion, now: datetime) -> None:
    """Put a head before the manager, or keep its record where another one waits."""
    last = _newest_offer(version)
    if last is not None and _is_like(version, last):
        wanted = math.ceil(OFFER_GROWTH * last.n_labels)
        waits = last.state == ModelState.CHALLENGER
        why = f"v{last.number} waits" if waits else f"v{last.number} was set aside"
        ModelVersion.objects.filter(pk=version.pk).update(
            state=ModelState.RETIRED,
            retired_at=now,
            verdict=f"Not offered: {why}; the next one is offered at {wanted} labels.",
        )
        return
    overtaken = f"Not served: v{version.number} took its place before anybody said yes."
    registry.withdraw_offers(
        project_id=version.project_id, but_id=version.pk, why=overtaken, now=now
    )
    ModelVersion.objects.filter(pk=version.pk).update(gate={**version.gate, OFFER: True})


def _newest_offer(version: ModelVersion) -> ModelVersion | None:
    """Give the newest head that waits, or that a manager or the audit slice has set aside."""
    offered = ModelVersion.objects.filter(
        project_id=version.project_id,
        kind=ModelKind.HEAD,
        gate__has_key=OFFER,
        state__in=(ModelState.CHALLENGER, ModelState.REJECTED),
    ).exclude(pk=version.pk)
    return offered.defer("head").order_by("-number", "-pk").first()


def _is_like(version: ModelVersion, last: ModelVersion) -> bool:
    is_comparable = (version.scheme_id, version.embedding_set_id) == (
        last.scheme_id,
        last.embedding_set_id,
    )
    return is_comparable and version.n_labels < math.ceil(OFFER_GROWTH * last.n_labels)


def _waiting(project_id: int, version_id: int) -> ModelVersion:
    version = ModelVersion.objects.select_for_update(of=("self",)).get(
        pk=version_id, project_id=project_id
    )
    if version.state != ModelState.CHALLENGER:
        raise NotWaitingError(
            f"v{version.number} does not wait for anybody any more; look at the page again.",
            version=version.number,
        )
    return version


def _check_passed(version: ModelVersion) -> None:
    passed = Comparison.objects.filter(
        challenger=version,
        kind=ComparisonKind.CERTIFICATION,
        decision=ComparisonDecision.PASSED,
    )
    if not passed.exists():
        raise NotYetPassedError(
            f"v{version.number} is fine-tuned, and the audit images have not shown yet that it "
            "is better; it needs more audit answers."
        )


def _serve(version: ModelVersion, now: datetime) -> None:
    champion = registry_selectors.serving(version.project_id)
    registry.promote(
        project_id=version.project_id,
        version_id=version.pk,
        expected_id=champion.pk if champion else None,
        now=now,
    )
    version.refresh_from_db()
    if registry_selectors.is_proven(version):
        registry.refer_to(project_id=version.project_id, version_id=version.pk, now=now)
