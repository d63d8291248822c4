"""Settle doubted labels from the review page: an expert's ordinary answer.

One an image; where images may bear several labels, one a label that is doubted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from labeling.errors import LabelingError
from labeling.models import ABOUT_ONE_LABEL, LabelValue
from labeling.selectors import doubts as selectors
from labeling.services import answers, decisions

if TYPE_CHECKING:
    from datetime import datetime

    from labeling.models import Annotation, LabelDoubt


class NothingToReviewError(LabelingError):
    """The label is doubted no more: somebody has settled it meanwhile, or it never was."""

    code = "nothing_to_review"
    status = 409


def settle(
    *,
    project_id: int,
    image_id: int,
    annotator_id: int,
    kind: str,
    label_code: str | None,
    now: datetime,
) -> Annotation:
    """Store an expert's word on a doubted label; of two experts at once one wins.

    Where images may bear several labels, the word is YES, NO or UNSURE of `label_code` alone.
    The answer says what the page had shown: whoever reads it later knows it was not blind.

    Raises:
        NothingToReviewError: its label is not doubted (any more).
        InvalidAnswerError, ImageNotFoundError: as `decisions.adjudicate`, `decisions.settle_label`.
    """
    with transaction.atomic():
        answers.locked(project_id, image_id)
        is_of_one = kind in ABOUT_ONE_LABEL
        if is_of_one and not label_code:
            raise answers.InvalidAnswerError(f"{kind} of which label? Name it.", kind=kind)
        doubt = selectors.open_of(image_id, label_code if is_of_one else None)
        if doubt is None:
            raise NothingToReviewError(
                "The label of this image is not in doubt now; somebody has settled it meanwhile."
            )
        if is_of_one or doubt.is_shown is not None:
            return _settle_label(doubt, annotator_id, kind, now)
        return decisions.adjudicate(
            project_id=project_id,
            image_id=image_id,
            annotator_id=annotator_id,
            kind=kind,
            label_code=label_code,
            shown={
                "label": doubt.label.code,
                "classifier": doubt.suggested.code,
                "neighbours": doubt.alike.code,
            },
            now=now,
        )


def _settle_label(doubt: LabelDoubt, annotator_id: int, kind: str, now: datetime) -> Annotation:
    """Store a yes, a no or an unsure of the one label that is doubted."""
    if kind not in ABOUT_ONE_LABEL or doubt.is_shown is None:
        raise answers.InvalidAnswerError(
            "Where pictures may show several labels, each is settled by itself: YES, NO or UNSURE "
            "of `label`; elsewhere the picture is.",
            kind=kind,
        )
    return decisions.settle_label(
        project_id=doubt.project_id,
        image_id=doubt.image_id,
        annotator_id=annotator_id,
        kind=kind,
        label_code=doubt.label.code,
        shown={
            "label": doubt.label.code,
            "given": LabelValue.YES if doubt.is_shown else LabelValue.NO,
            "classifier": f"{doubt.suggested_probability:.2f}",
            "neighbours": f"{doubt.alike_share:.2f}",
        },
        now=now,
    )
