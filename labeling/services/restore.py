"""Making a new project out of an export, in the state that the first one was in.

Logins, invitations, tokens, the guide's example pictures and the queue stay behind: people join
again, and the queue fills itself. What was answered, by whom and when, comes over whole.
"""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction

from labeling.errors import LabelingError
from labeling.models import (
    Adjudication,
    Annotation,
    AnnotationLabel,
    Annotator,
    AnnotatorSkill,
    Assignment,
    AssignmentState,
    Consensus,
    ConsensusState,
    GoldReference,
    Image,
    Label,
    LabelMapping,
    LabelScheme,
    Project,
    SchemeLabel,
    ServeCounter,
    SplitGroup,
)
from labeling.selectors import gold
from labeling.selectors.export_record import ANNOTATOR_TIMES
from labeling.services import export_files, images, pictures, slots, windows
from labeling.services.export_files import NotAnExportError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["NotAnExportError", "PicturesMissingError", "SlugTakenError", "restore"]


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
    pictures_by_hash: dict[str, Path],
    now: datetime,
    progress: Callable[[int], None] = lambda _: None,
) -> Project:
    """Make a new project out of an export and the original pictures, whole or not at all.

    Args:
        folder: what `exports.write_folder` wrote.
        slug: of the new project.
        pictures_by_hash: SHA-256 of the uploaded bytes to the file that holds them.
        now: the time of the import; images and answers keep their own times.
        progress: called with the number of images stored so far.

    Raises:
        NotAnExportError: a file is missing or is no export.
        SlugTakenError: the slug is in use.
        PicturesMissingError: an image of the export is not among the pictures.
        ImageRefusedError: a picture is not taken here (this host's limits are narrower).
    """
    record = export_files.read_record(folder)
    _refuse_missing(folder, pictures_by_hash)
    tables = export_files.tables(record)
    for table in tables:
        next(export_files.read_table(folder, table), None)
    if Project.objects.filter(slug=slug).exists():
        raise SlugTakenError(f"There is a project {slug!r} already; choose another slug.")
    with ExitStack() as undo, transaction.atomic():
        copy = _Copy.start(record, slug, now)
        rows = export_files.read_table(folder, "labels")
        for done, row in enumerate(rows, start=1):
            stored = copy.image(row, pictures_by_hash[row["sha256"]])
            undo.callback(pictures.discard, stored.storage_key, stored.thumbnail_key)
            progress(done)
        for table, write in copy.writers.items():
            for row in export_files.read_table(folder, table) if table in tables else ():
                write(row)
        copy.finish()
        undo.pop_all()
    return copy.project


def _refuse_missing(folder: Path, pictures_by_hash: dict[str, Path]) -> None:
    rows = export_files.read_table(folder, "labels")
    hashes = [row["sha256"] for row in rows]
    missing = [sha256 for sha256 in hashes if sha256 not in pictures_by_hash]
    if missing:
        raise PicturesMissingError(
            f"{len(missing)} of {len(hashes)} images have no picture in the folder given, "
            f"the first with SHA-256 {missing[0]}. Give the folder of the original files.",
            missing=missing[:20],
        )


@dataclass
class _Copy:
    """The rows made so far, by the names that the export uses for them."""

    project: Project
    now: datetime
    labels: dict[str, Label] = field(default_factory=dict)
    schemes: dict[int, LabelScheme] = field(default_factory=dict)
    orders: dict[int, list[str]] = field(default_factory=dict)
    annotators: dict[str, int] = field(default_factory=dict)
    groups: dict[int, SplitGroup] = field(default_factory=dict)
    images: dict[str, int] = field(default_factory=dict)
    assignments: dict[str, int] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    served: int = 0

    @classmethod
    def start(cls, record: dict[str, Any], slug: str, now: datetime) -> _Copy:
        settings = {**record["settings"], "slug": slug, "created_at": now}
        project = Project.objects.create(**settings)
        project.refresh_from_db()
        copy = cls(project, now)
        for fields in record["labels"]:
            own = {name: value for name, value in fields.items() if name != "group"}
            copy.labels[fields["code"]] = Label.objects.create(project=project, **own)
        # An export of before has no groups.
        for fields in record["labels"]:
            if fields.get("group"):
                label = copy.labels[fields["code"]]
                label.parent = copy.labels[fields["group"]]
                label.save(update_fields=["parent"])
        for fields in record["schemes"]:
            copy._scheme(fields)
        for fields in record["mappings"]:
            copy._mapping(fields)
        for fields in record["annotators"]:
            copy._annotator(fields)
        return copy

    @property
    def writers(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        """What to do with the rows of each table after the images, in this order."""
        return {"answers": self.answer, "gold": self.gold, "adjudications": self.adjudication}

    def finish(self) -> None:
        """Go on counting what was served, score gold, and put disputes before the experts again."""
        ServeCounter.objects.create(project=self.project, served=self.served)
        AnnotatorSkill.objects.bulk_create(
            AnnotatorSkill(
                annotator_id=annotator_id,
                n_gold_right=found.right,
                n_gold_wrong=found.wrong,
                updated_at=self.now,
            )
            for annotator_id, found in sorted(gold.tallies(self.annotators.values()).items())
        )
        disputed = Consensus.objects.filter(
            project=self.project, state=ConsensusState.DISPUTED
        ).order_by("pk")
        for image in slots.lock_images(disputed.values_list("image_id", flat=True)):
            windows.open_dispute(self.project, image, self.now)

    def _scheme(self, fields: dict[str, Any]) -> None:
        scheme = LabelScheme.objects.create(
            project=self.project,
            version=fields["version"],
            created_at=_time(fields["created_at"]),
        )
        groups = fields.get("groups", {})
        SchemeLabel.objects.bulk_create(
            SchemeLabel(
                scheme=scheme,
                label=self.labels[code],
                parent=self.labels.get(groups.get(code, "")),
                position=position,
                name=name,
            )
            for position, (code, name) in enumerate(fields["labels"])
        )
        self.schemes[scheme.version] = scheme
        self.orders[scheme.version] = [code for code, _ in fields["labels"]]

    def _mapping(self, fields: dict[str, Any]) -> None:
        LabelMapping.objects.create(
            project=self.project,
            kind=fields["kind"],
            from_scheme=self.schemes[fields["from_version"]],
            to_scheme=self.schemes[fields["to_version"]],
            from_label=self.labels[fields["from_label"]],
            to_label=self.labels.get(fields["to_label"]),
            from_name=fields["from_name"],
            to_name=fields["to_name"],
            created_at=_time(fields["created_at"]),
        )

    def _annotator(self, fields: dict[str, Any]) -> None:
        # An export of version 1 does not say who has been onboarded, nor why somebody is paused.
        times = {column: _moment(fields.get(column)) for column in ANNOTATOR_TIMES}
        made = Annotator.objects.create(
            project=self.project,
            display_name=fields["name"],
            kind=fields["kind"],
            consent_text=fields["consent_text"],
            paused_reason=fields.get("paused_reason", ""),
            **times,
        )
        self.annotators[fields["annotator"]] = made.pk

    def image(self, row: dict[str, Any], picture: Path) -> Image:
        """Take a picture in as any upload, then give it the state that it had."""
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
        for column in ("created_at", "captured_at", "flagged_at", "removed_at"):
            setattr(image, column, _moment(row[column]))
        for column in ("capture_session", "partition", "inclusion_probability"):
            setattr(image, column, row[column])
        suggested = row["suggested_label"]
        image.suggested_label = self.labels[suggested] if suggested else None
        image.split_group = self._group(row, image)
        image.save()
        self.images[row["sha256"]] = image.pk
        if row["state"] is not None:
            self._consensus(row, image)
        return image

    def _group(self, row: dict[str, Any], image: Image) -> SplitGroup | None:
        key = row["split_group"]
        if key is None:
            return None
        if key not in self.groups:
            self.groups[key] = SplitGroup.objects.create(
                project=self.project,
                partition=row["partition"],
                inclusion_probability=row["group_inclusion_probability"],
                draw_order=row["group_draw_order"],
                # Exports of before had one order for all.
                order_weight=row.get("group_order_weight", 1.0),
                reached=row.get("group_reached", 0.0),
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
            resolved_at=_moment(row["resolved_at"]),
            updated_at=self.now,
        )

    def answer(self, row: dict[str, Any]) -> None:
        """Write an answer with its own time; nothing is decided anew."""
        answer = Annotation.objects.create(
            project=self.project,
            image_id=self.images[row["sha256"]],
            annotator_id=self.annotators[row["annotator"]],
            assignment_id=self._assignment(row),
            scheme=self.schemes[row["scheme_version"]],
            kind=row["kind"],
            flag_reason=row["flag_reason"],
            is_expert=row["is_expert"],
            time_spent_ms=row["time_spent_ms"],
            shown=row["shown"] or {},
            key=uuid.UUID(row["key"]),
            request_hash=row["request_hash"],
            undoes_id=self.answers[row["undoes"]] if row["undoes"] else None,
            created_at=_time(row["created_at"]),
            withdrawn_at=_moment(row["withdrawn_at"]),
        )
        self.answers[row["annotation"]] = answer.pk
        AnnotationLabel.objects.bulk_create(
            AnnotationLabel(annotation=answer, label=self.labels[code], value=value)
            for code, value in (row["labels"] or {}).items()
        )

    def gold(self, row: dict[str, Any]) -> None:
        """Write a reference; its login stays behind, whose word it is comes over."""
        reference = GoldReference.objects.create(
            image_id=self.images[row["sha256"]],
            label=self.labels[row["label"]],
            annotator_id=self.annotators[row["annotator"]] if row["annotator"] else None,
            note=row["note"],
            created_at=_time(row["created_at"]),
            withdrawn_at=_moment(row["withdrawn_at"]),
        )
        further = row.get("further") or ""
        reference.further.set([self.labels[code] for code in further.split("|") if code])

    def adjudication(self, row: dict[str, Any]) -> None:
        """Write a question put to the experts, and the answer that settled it."""
        Adjudication.objects.create(
            project=self.project,
            image_id=self.images[row["sha256"]],
            kind=row["kind"],
            probability=row["probability"],
            created_at=_time(row["created_at"]),
            settled_at=_moment(row["settled_at"]),
            annotation_id=self.answers[row["annotation"]] if row["annotation"] else None,
        )

    def _assignment(self, row: dict[str, Any]) -> int | None:
        key = row["assignment"]
        if key is None or key in self.assignments:
            return self.assignments.get(key)
        closed_at = _time(row["created_at"])
        made = Assignment.objects.create(
            project=self.project,
            image_id=self.images[row["sha256"]],
            annotator_id=self.annotators[row["annotator"]],
            state=AssignmentState.ANSWERED,
            reason=row["reason"],
            policy=row["policy"] or "",
            model_version=row["model_version"],
            selection_probability=row["selection_probability"],
            serve_number=row["serve_number"],
            created_at=_time(row["assigned_at"]),
            expires_at=closed_at,
            closed_at=closed_at,
        )
        self.served = max(self.served, made.serve_number + 1)
        self.assignments[key] = made.pk
        return made.pk


def _moment(text: str | None) -> datetime | None:
    return _time(text) if text else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
