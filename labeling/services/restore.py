"""Reading an export into a new project, and proving that the state is the same."""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction

from labeling.errors import LabelingError
from labeling.models import (
    Annotation,
    AnnotationLabel,
    Annotator,
    Assignment,
    Consensus,
    Image,
    Label,
    LabelMapping,
    LabelScheme,
    Project,
    SchemeLabel,
    ServeCounter,
    SplitGroup,
)
from labeling.services import images
from labeling.services.exports import FORMULA_STARTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _is_true(cell: str) -> bool:
    return cell == "true"


# How a CSV cell becomes the value that JSON Lines would have held.
READERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("labels", "probabilities", "shown"), json.loads),
    **dict.fromkeys(("is_measured", "is_expert"), _is_true),
    **dict.fromkeys(("width", "height", "perceptual_hash", "split_group"), int),
    **dict.fromkeys(("scheme_version", "n_votes", "serve_number", "time_spent_ms"), int),
    **dict.fromkeys(("inclusion_probability", "group_draw_order"), float),
    **dict.fromkeys(("effective_votes", "selection_probability"), float),
}
TEXT_CELLS = {"flag_reason", "original_name", "capture_session"}


class NotAnExportError(LabelingError):
    """The folder holds no complete export."""

    code = "not_an_export"


class SlugTakenError(LabelingError):
    """A project of that slug exists; an import never writes over one."""

    code = "slug_taken"
    status = 409


class PicturesMissingError(LabelingError):
    """Some exported images have no picture among the files given."""

    code = "pictures_missing"


def restore(
    *,
    folder: Path,
    slug: str,
    pictures: dict[str, Path],
    now: datetime,
    progress: Callable[[int], None] = lambda _: None,
) -> Project:
    """Make a new project out of an export and the original pictures.

    Args:
        folder: what `exports.write_folder` wrote.
        slug: of the new project.
        pictures: SHA-256 of the uploaded bytes to the file that holds them.
        now: the time of the import; answers keep their own times.
        progress: called with the number of images stored so far.

    Raises:
        NotAnExportError: a file is missing or is no export.
        SlugTakenError: the slug is in use.
        PicturesMissingError: an image of the export is not among `pictures`; nothing is written.
    """
    record, image_rows, answer_rows = _read_folder(folder)
    missing = [row["sha256"] for row in image_rows if row["sha256"] not in pictures]
    if missing:
        raise PicturesMissingError(
            f"{len(missing)} of {len(image_rows)} images have no picture in the folder given, "
            f"the first with SHA-256 {missing[0]}. Give the folder of the original files.",
            missing=missing[:20],
        )
    if Project.objects.filter(slug=slug).exists():
        raise SlugTakenError(f"There is a project {slug!r} already; choose another slug.")
    with transaction.atomic():
        project = Project.objects.create(**{**record["settings"], "slug": slug, "created_at": now})
        ServeCounter.objects.create(project=project)
        copy = _Copy(project=project, now=now)
        copy.schemes_and_labels(record)
        for done, row in enumerate(image_rows, start=1):
            copy.image(row, pictures[row["sha256"]])
            progress(done)
        for row in answer_rows:
            copy.answer(row)
    return project


def _read_folder(
    folder: Path,
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    head = folder / "project.json"
    if not head.is_file():
        raise NotAnExportError(f"{folder}: no project.json there; give a folder written by export.")
    record = json.loads(head.read_text(encoding="utf-8"))
    if record.get("format") != "larder-export" or record.get("format_version") != 1:
        raise NotAnExportError(f"{head}: expected a larder-export of version 1.")
    return record, list(_read_table(folder, "labels")), list(_read_table(folder, "answers"))


def _read_table(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    lines = folder / f"{table}.jsonl"
    if lines.is_file():
        with lines.open(encoding="utf-8") as file:
            yield from (json.loads(line) for line in file)
        return
    cells = folder / f"{table}.csv"
    if not cells.is_file():
        raise NotAnExportError(f"{folder}: neither {table}.jsonl nor {table}.csv is there.")
    csv.field_size_limit(10_000_000)
    with cells.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {column: _value(column, cell) for column, cell in row.items()}


def _value(column: str, cell: str) -> Any:
    if cell == "":
        return "" if column in TEXT_CELLS else None
    if column in READERS:
        return READERS[column](cell)
    return cell.removeprefix("'") if cell[1:].startswith(FORMULA_STARTS) else cell


@dataclass
class _Copy:
    """The rows made so far, by the names that the export uses for them."""

    project: Project
    now: datetime
    labels: dict[str, Label] = field(default_factory=dict)
    schemes: dict[int, LabelScheme] = field(default_factory=dict)
    orders: dict[int, list[str]] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    groups: dict[int, SplitGroup] = field(default_factory=dict)
    annotators: dict[str, Annotator] = field(default_factory=dict)
    answers: dict[str, Annotation] = field(default_factory=dict)

    def schemes_and_labels(self, record: dict[str, Any]) -> None:
        for fields in record["labels"]:
            self.labels[fields["code"]] = Label.objects.create(
                project=self.project, created_at=self.now, **fields
            )
        for fields in record["schemes"]:
            self._scheme(fields)
        LabelMapping.objects.bulk_create(
            LabelMapping(
                project=self.project,
                kind=fields["kind"],
                from_scheme=self.schemes[fields["from_scheme__version"]],
                to_scheme=self.schemes[fields["to_scheme__version"]],
                from_label=self.labels[fields["from_label__code"]],
                to_label=self.labels.get(fields["to_label__code"]),
                from_name=fields["from_name"],
                to_name=fields["to_name"],
                created_at=self.now,
            )
            for fields in record["mappings"]
        )

    def _scheme(self, fields: dict[str, Any]) -> None:
        scheme = LabelScheme.objects.create(
            project=self.project, version=fields["version"], created_at=self.now
        )
        SchemeLabel.objects.bulk_create(
            SchemeLabel(scheme=scheme, label=self.labels[code], position=position, name=name)
            for position, (code, name) in enumerate(fields["labels"])
        )
        self.schemes[scheme.version] = scheme
        self.orders[scheme.version] = [code for code, _ in fields["labels"]]

    def image(self, row: dict[str, Any], picture: Path) -> None:
        with picture.open("rb") as file:
            ingested = images.ingest(
                project_id=self.project.pk,
                upload=file,
                original_name=row["original_name"],
                source=row["source"],
                licence=row["licence"],
                uploaded_by_id=None,
                now=self.now,
            )
        image = Image.objects.get(pk=ingested.image_id)
        suggested = row["suggested_label"]
        image.suggested_label = self.labels[suggested] if suggested else None
        image.captured_at = _moment(row["captured_at"])
        image.capture_session = row["capture_session"]
        image.partition = row["partition"]
        image.inclusion_probability = row["inclusion_probability"]
        image.flagged_at = _moment(row["flagged_at"])
        image.removed_at = _moment(row["removed_at"])
        image.split_group = self._group(row, image)
        image.save()
        self.images[row["sha256"]] = image
        if row["state"] is not None:
            self._consensus(row, image)

    def _group(self, row: dict[str, Any], image: Image) -> SplitGroup | None:
        key = row["split_group"]
        if key is None:
            return None
        if key not in self.groups:
            self.groups[key] = SplitGroup.objects.create(
                project=self.project,
                partition=row["partition"],
                inclusion_probability=row["inclusion_probability"],
                draw_order=row["group_draw_order"],
                created_at=self.now,
            )
        if row["is_measured"]:
            self.groups[key].measured_image = image
            self.groups[key].save(update_fields=["measured_image"])
        return self.groups[key]

    def _consensus(self, row: dict[str, Any], image: Image) -> None:
        order = self.orders[row["scheme_version"]]
        posterior = [row["probabilities"].get(code, 0.0) for code in order]
        Consensus.objects.create(
            image=image,
            project=self.project,
            scheme=self.schemes[row["scheme_version"]],
            posterior=np.array(posterior, dtype=np.float32).tobytes(),
            label=self.labels[row["label"]] if row["label"] else None,
            state=row["state"],
            effective_votes=row["effective_votes"],
            n_votes=row["n_votes"],
            is_expert=row["is_expert"],
            resolved_at=self.now if row["state"] == "RESOLVED" else None,
            updated_at=self.now,
        )

    def answer(self, row: dict[str, Any]) -> None:
        image = self.images[row["sha256"]]
        annotator = self._annotator(row)
        answer = Annotation.objects.create(
            project=self.project,
            image=image,
            annotator=annotator,
            assignment=self._assignment(row, image, annotator),
            scheme=self.schemes[row["scheme_version"]],
            kind=row["kind"],
            flag_reason=row["flag_reason"],
            is_expert=row["is_expert"],
            time_spent_ms=row["time_spent_ms"],
            shown=row["shown"] or {},
            key=uuid.UUID(row["key"]),
            request_hash=row["request_hash"],
            undoes=self.answers[row["undoes"]] if row["undoes"] else None,
            created_at=_moment(row["created_at"]),
            withdrawn_at=_moment(row["withdrawn_at"]),
        )
        self.answers[row["annotation"]] = answer
        AnnotationLabel.objects.bulk_create(
            AnnotationLabel(annotation=answer, label=self.labels[code], value=value)
            for code, value in (row["labels"] or {}).items()
        )

    def _annotator(self, row: dict[str, Any]) -> Annotator:
        key = row["annotator"]
        if key not in self.annotators:
            self.annotators[key] = Annotator.objects.create(
                project=self.project,
                kind=row["annotator_kind"],
                display_name=row["annotator_name"],
                created_at=_moment(row["created_at"]),
            )
        return self.annotators[key]

    def _assignment(
        self, row: dict[str, Any], image: Image, annotator: Annotator
    ) -> Assignment | None:
        if row["reason"] is None:
            return None
        moment = _moment(row["created_at"])
        return Assignment.objects.create(
            project=self.project,
            image=image,
            annotator=annotator,
            state="ANSWERED",
            reason=row["reason"],
            policy=row["policy"],
            model_version=row["model_version"],
            selection_probability=row["selection_probability"],
            serve_number=row["serve_number"],
            created_at=moment,
            expires_at=moment,
            closed_at=moment,
        )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
