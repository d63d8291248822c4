"""An expert's decision from the expert page: only where a question waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from labeling.errors import LabelingError
from labeling.selectors import adjudication as selectors
from labeling.services import answers, decisions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from labeling.models import Annotation


class NothingToDecideError(LabelingError):
    """The image waits for no expert: somebody has settled it meanwhile, or it never did."""

    code = "nothing_to_decide"
    status = 409


def decide(
    *,
    project_id: int,
    image_id: int,
    annotator_id: int,
    kind: str,
    label_code: str | None,
    now: datetime,
    label_codes: Sequence[str] = (),
) -> Annotation:
    """Store an expert's word on an image that waits for one; of two experts at once one wins.

    Raises:
        NothingToDecideError: it does not wait.
        InvalidAnswerError, ImageNotFoundError: as `decisions.adjudicate`.
    """
    with transaction.atomic():
        answers.locked(project_id, image_id)
        if not selectors.is_waiting(image_id):
            raise NothingToDecideError(
                "This image waits for no expert now; somebody has decided it meanwhile."
            )
        return decisions.adjudicate(
            project_id=project_id,
            image_id=image_id,
            annotator_id=annotator_id,
            kind=kind,
            label_code=label_code,
            label_codes=label_codes,
            now=now,
        )
