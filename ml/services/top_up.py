"""Staff want to know a label better: of new pictures that look like it more join the audit slice.

A partition is decided once and kept (rule 1), and which pool images are still untouched is the
classifier's doing, so none of those is moved. What can be raised honestly is the chance of pictures
that nobody has seen: it is stored with each of them, and every figure weighs by it (ADR 14).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction
from django.db.models import F

from labeling.selectors import projects
from labeling.services import journal
from ml.errors import MlError
from ml.heads import codec, ridge
from ml.models import AuditTopUp
from ml.selectors import embeddings, registry
from ml.selectors import top_up as selectors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from ml.types import Indices

MOST_OPEN = 5
"""More at once would send most of what comes in to be measured, and little to learn from."""


class TopUpNotPossibleError(MlError):
    """Nothing can say yet, or any more, which pictures look like the label."""

    code = "top_up_not_possible"
    status = 409


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
        label_code: of a label of today.
        half_width: a share: 0.1 is ten points either way.
        user_id: who asks.
        now: the time.

    Raises:
        LabelNotFoundError: the project has no such label in its scheme.
        TopUpNotPossibleError: no classifier yet, several labels an image, or no audit slice.
        KnownAlreadyError: it has pictures enough already.
        TooManyTopUpsError: five labels are open.
    """
    project = projects.by_id(project_id)
    _refuse_impossible(project_id)
    price = selectors.cost(project_id, code=label_code, half_width=half_width)
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


def shares(*, project_id: int, image_ids: Indices) -> Mapping[int, float]:
    """Give the raised share of each image that the classifier takes for a label staff ask about.

    Asked once of each image, before its partition is drawn.
    """
    rows = AuditTopUp.objects.filter(project_id=project_id, ended_at=None).order_by("pk")
    share_of = {row.label_code: row.share for row in rows}
    champion = registry.champion(project_id) if share_of else None
    if champion is None:
        return {}
    known = image_ids[embeddings.has_vector(champion.embedding_set_id, image_ids)]
    if not len(known):
        return {}
    vectors = embeddings.load_matrix(champion.embedding_set_id, known)
    columns = ridge.scores(codec.from_bytes(champion.head), vectors).argmax(axis=1)
    said = np.array(champion.label_order, dtype=object)[columns]
    for code in share_of:
        rows.filter(label_code=code).update(n_seen=F("n_seen") + int(np.sum(said == code)))
    return {
        image_id: share_of[code]
        for image_id, code in zip(known.tolist(), said, strict=True)
        if code in share_of
    }


def end_reached(*, project_id: int, now: datetime) -> int:
    """End the requests whose label is known as well as wanted; give how many."""
    reached = [
        each["id"]
        for each in selectors.under_way(project_id)
        if each["n"] and each["now"] <= each["half_width"]
    ]
    rows = AuditTopUp.objects.filter(public_id__in=reached, ended_at=None)
    return rows.update(ended_at=now, is_reached=True) if reached else 0


def _refuse_impossible(project_id: int) -> None:
    project = projects.by_id(project_id)
    if project.mode == "MULTI":
        raise TopUpNotPossibleError(
            "Labels of a project with several labels an image cannot be measured more closely yet."
        )
    if project.audit_partition_share == 0:
        raise TopUpNotPossibleError(
            "No picture of this project is kept for measuring; raise the audit share in Settings."
        )
    if registry.serving_brief(project_id) is None:
        raise TopUpNotPossibleError(
            "There is no classifier yet that could say which pictures look like the label."
        )
