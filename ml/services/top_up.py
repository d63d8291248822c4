"""Staff want to know a label better, or every label: a closer look.

Of the audit images that wait those that tell most about it are asked about first (ADR 18), and of
new pictures those have a higher chance to join the slice (ADR 14). A partition is decided once and
kept (rule 1), and which pool images are still untouched is the classifier's doing, so none of those
is moved. Every chance is stored, and every figure allows for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction
from django.db.models import F

from labeling.selectors import projects, queue
from labeling.services import audit_order, journal
from ml.errors import MlError
from ml.evaluation import closer_look as look
from ml.models import AuditTopUp
from ml.selectors import audit_predictions, closer_look
from ml.selectors import top_up as selectors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from labeling.selectors.projects import ProjectRow
    from ml.types import Indices

MOST_OPEN = 5
"""More at once would send most of what comes in to be measured, and little to learn from."""


class KnownAlreadyError(MlError):
    """The label is known as well as that."""

    code = "known_already"
    status = 409


class TooManyTopUpsError(MlError):
    """Several labels are being topped up."""

    code = "too_many_top_ups"
    status = 409


class TopUpNotFoundError(MlError):
    """The project has no such request."""

    code = "top_up_not_found"
    status = 404


def ask(
    *, project_id: int, label_code: str, half_width: float, user_id: int | None, now: datetime
) -> AuditTopUp:
    """Ask for a label to be known to +-`half_width`; asking again changes the width wanted.

    Args:
        project_id: whose label.
        label_code: of a label of today; "" for every label.
        half_width: a share: 0.1 is ten points either way.
        user_id: who asks.
        now: the time.

    Raises:
        LabelNotFoundError: the project has no such label in its scheme.
        NothingToMeasureError: no classifier yet, several labels an image, or no audit slice.
        KnownAlreadyError: it has pictures enough already.
        TooManyTopUpsError: five labels are open.
    """
    project = projects.by_id(project_id)
    _refuse_impossible(project)
    price = selectors.cost(project_id, code=label_code, half_width=half_width, now=now)
    if price["missing"] == 0:
        raise KnownAlreadyError(price["sentence"])
    with transaction.atomic():
        rows = AuditTopUp.objects.select_for_update().filter(project_id=project_id, ended_at=None)
        is_open = [row.label_code for row in rows.order_by("pk")]
        if label_code not in is_open and len(is_open) >= MOST_OPEN:
            raise TooManyTopUpsError(
                f"{len(is_open)} labels are being measured more closely; stop one first."
            )
        row, _ = AuditTopUp.objects.update_or_create(
            project_id=project_id,
            label_code=label_code,
            ended_at=None,
            defaults={"half_width": half_width},
            create_defaults={
                "half_width": half_width,
                "share": selectors.joins_at(project),
                "requested_by_id": user_id,
                "created_at": now,
            },
        )
        journal.record_event(
            project_id=project_id,
            user_id=user_id,
            verb="audit_top_up_wanted",
            target=label_code,
            detail={"half_width": half_width, "share": row.share},
            now=now,
        )
    arrange(project_id=project_id, now=now)
    return row


def stop(*, project_id: int, public_id: UUID, user_id: int | None, now: datetime) -> None:
    """End a request: new pictures join the slice as all others. Twice is as once.

    Raises:
        TopUpNotFoundError: the project has none of that id.
    """
    rows = AuditTopUp.objects.filter(project_id=project_id, public_id=public_id)
    if not rows.exists():
        raise TopUpNotFoundError(f"This project has no such request: {public_id}.")
    if rows.filter(ended_at=None).update(ended_at=now):
        journal.record_event(
            project_id=project_id, user_id=user_id, verb="audit_top_up_stopped", now=now
        )
        arrange(project_id=project_id, now=now)


def arrange(*, project_id: int, now: datetime) -> bool:
    """Put the audit images that wait in the order that open requests want; give whether it did.

    In the random order again once none is open.
    """
    requests = list(_open(project_id).values_list("label_code", "half_width"))
    is_preferred = queue.is_audit_preferred(project_id)
    if not requests and not is_preferred:
        return False
    here = closer_look.read(project_id)
    if here is None:
        return False
    weights = np.ones(len(here.image_ids))
    matters = closer_look.wanted(here.found, requests)
    if matters.any():
        weights = look.weights(here.expected, matters)
    audit_order.prefer(
        project_id=project_id,
        image_ids=here.image_ids,
        weights=weights,
        reached=here.reached,
        now=now,
    )
    return True


def shares(*, project_id: int, image_ids: Indices) -> Mapping[int, float]:
    """Give the raised share of each image that tells more than others of what staff ask about.

    Asked once of each image, before its partition is drawn.
    """
    rows = list(_open(project_id).order_by("pk"))
    here = closer_look.read(project_id) if rows else None
    said = audit_predictions.of_version(here.version, image_ids) if here else None
    if here is None or said is None:
        return {}
    matters = closer_look.wanted(here.found, [(row.label_code, row.half_width) for row in rows])
    if not matters.any():
        return {}
    ordinary = projects.by_id(project_id).audit_partition_share
    weights = closer_look.weights_of_new(here, said, matters, ordinary=ordinary)
    most = max(row.share for row in rows)
    raised = np.minimum(ordinary * weights, most)
    told = [key for key, share in zip(image_ids.tolist(), raised, strict=True) if share > ordinary]
    _open(project_id).update(n_seen=F("n_seen") + len(told))
    return {
        key: float(share)
        for key, share in zip(image_ids.tolist(), raised, strict=True)
        if share > ordinary
    }


def end_reached(*, project_id: int, now: datetime) -> int:
    """End the requests whose label is known as well as wanted; give how many.

    The order of what waits follows what is known by now and what serves.
    """
    reached = [
        each["id"]
        for each in selectors.under_way(project_id)
        if each["n"] and each["now"] <= each["half_width"]
    ]
    rows = AuditTopUp.objects.filter(public_id__in=reached, ended_at=None)
    ended = rows.update(ended_at=now, is_reached=True) if reached else 0
    arrange(project_id=project_id, now=now)
    return ended


def _open(project_id: int) -> QuerySet[AuditTopUp]:
    return AuditTopUp.objects.filter(project_id=project_id, ended_at=None)


def _refuse_impossible(project: ProjectRow) -> None:
    if project.mode == "MULTI":
        raise selectors.NothingToMeasureError(
            "Labels of a project with several labels an image cannot be measured more closely yet."
        )
    if project.audit_partition_share == 0:
        raise selectors.NothingToMeasureError(
            "No picture of this project is kept for measuring; raise the audit share in Settings."
        )
