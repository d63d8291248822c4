"""Answers that decide alone: an expert's adjudication, and a label that came with an import."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import transaction

from labeling.models import (
    Annotation,
    AnnotationKind,
    AnnotationLabel,
    Annotator,
    AnnotatorKind,
    Project,
)
from labeling.selectors import projects
from labeling.services import answers, consensus, slots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

IMPORTER_NAME = "import"


def adjudicate(
    *,
    project_id: int,
    image_id: int,
    annotator_id: int,
    kind: str,
    label_code: str | None,
    now: datetime,
    shown: dict[str, str] | None = None,
    label_codes: Sequence[str] = (),
) -> Annotation:
    """Let an expert decide an image alone; an answer this expert gave before is withdrawn.

    `label_codes` are the further labels where an image may bear several.
    `shown` is what the page had told them before, where it had told them anything.

    Raises:
        InvalidAnswerError: neither a label, "none of these" nor "can't tell".
        ImageNotFoundError: not an image of the project.
    """
    if kind not in slots.VOTE_KINDS:
        raise answers.InvalidAnswerError(
            f"An adjudication says a label, none of these or can't tell, not {kind!r}.", kind=kind
        )
    codes = [*([label_code] if label_code else []), *label_codes]
    answer = answers.Answer(
        kind,
        codes,
        uuid.uuid4(),
        answers.hash_of(image_id, kind, codes),
        shown=shown,
        is_expert=True,
    )
    with transaction.atomic():
        annotator = Annotator.objects.select_related("project").get(
            pk=annotator_id, project_id=project_id
        )
        image = answers.locked(project_id, image_id)
        answers.withdraw_earlier(annotator, image, now)
        annotation = answers.write(annotator, image, answer, now)
        answers.close_held(annotator, image, now)
        answers.follow(annotator.project, image, annotation, now)
    return annotation


def settle_label(
    *,
    project_id: int,
    image_id: int,
    annotator_id: int,
    kind: str,
    label_code: str,
    now: datetime,
    shown: dict[str, str] | None = None,
) -> Annotation:
    """Let an expert decide one label of an image that may bear several: YES, NO or UNSURE.

    The other labels stay as people say, and so does what this expert said of the whole picture.
    `shown` is what the page had told them before.

    Raises:
        InvalidAnswerError: another kind of answer, or no label of the project now.
        ImageNotFoundError: not an image of the project.
    """
    scheme = projects.current_scheme(project_id)
    if label_code not in scheme.codes:
        raise answers.InvalidAnswerError(
            f"Not a label of this project now: {label_code}. Reload the page.", labels=[label_code]
        )
    label_id = scheme.label_ids[scheme.codes.index(label_code)]
    answer = answers.Answer(
        kind,
        [label_code],
        uuid.uuid4(),
        answers.hash_of(image_id, kind, label_code),
        shown=shown,
        is_expert=True,
    )
    with transaction.atomic():
        annotator = Annotator.objects.select_related("project").get(
            pk=annotator_id, project_id=project_id
        )
        image = answers.locked(project_id, image_id)
        answers.withdraw_settled(annotator, image, label_id, now)
        annotation = answers.write(annotator, image, answer, now, scheme=scheme, asks=label_id)
        answers.follow(annotator.project, image, annotation, now, scheme)
    return annotation


def record_trusted(
    *,
    project_id: int,
    image_id: int,
    label_id: int,
    now: datetime,
    further_ids: Sequence[int] = (),
) -> Annotation:
    """Store a label that came with an import; it resolves the image alone.

    `further_ids` are the other labels where an image may bear several: together they are the set.

    Running it again with the same label changes nothing; with another, the earlier is withdrawn.
    No `annotation_submitted` is sent: an import stores thousands, and what follows it (embedding,
    partitions, the sweep) makes `ml` look at the new data version.
    """
    with transaction.atomic():
        annotator = _importer(project_id, now)
        image = answers.locked(project_id, image_id)
        live = Annotation.objects.filter(
            annotator=annotator, image=image, withdrawn_at__isnull=True
        ).exclude(kind=AnnotationKind.UNDO)
        ids = list(dict.fromkeys([label_id, *further_ids]))
        before = live.filter(labels__label_id=label_id).first()
        if before is not None and {row.label_id for row in before.labels.all()} == set(ids):
            return before
        answers.withdraw_earlier(annotator, image, now)
        annotation = Annotation.objects.create(
            project_id=project_id,
            image=image,
            annotator=annotator,
            scheme_id=projects.current_scheme(project_id).id,
            kind=AnnotationKind.LABEL,
            key=uuid.uuid4(),
            request_hash=answers.hash_of(image_id, *ids),
            created_at=now,
        )
        AnnotationLabel.objects.bulk_create(
            AnnotationLabel(annotation=annotation, label_id=each) for each in ids
        )
        consensus.update(image_id=image_id, now=now)
        slots.recount(annotator.project, [image], now)
    return annotation


def _importer(project_id: int, now: datetime) -> Annotator:
    """Give the annotator that stands for imported labels; made once a project."""
    importers = Annotator.objects.select_related("project").filter(
        project_id=project_id, kind=AnnotatorKind.IMPORT
    )
    found = importers.order_by("pk").first()
    if found is None:
        Project.objects.select_for_update(no_key=True).get(pk=project_id)
        found = importers.order_by("pk").first() or Annotator.objects.create(
            project_id=project_id,
            kind=AnnotatorKind.IMPORT,
            display_name=IMPORTER_NAME,
            created_at=now,
        )
    return found
