"""Settle doubted labels from the review page: an expert's ordinary answer, one an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from labeling.errors import LabelingError
from labeling.selectors import doubts as selectors
from labeling.services import answers, decisions

if TYPE_CHECKING:
    from datetime import datetime

    from labeling.models import Annotation


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

    The answer says what the page had shown: whoever reads it later knows it was not blind.

    Raises:
        NothingToReviewError: its label is not doubted (any more).
        InvalidAnswerError, ImageNotFoundError: as `decisions.adjudicate`.
    """
    with transaction.atomic():
        answers.locked(project_id, image_id)
        doubt = selectors.open_of(image_id)
        if doubt is None:
            raise NothingToReviewError(
                "The label of this image is not in doubt now; somebody has settled it meanwhile."
            )
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
