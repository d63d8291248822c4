"""Labeled pictures on disk become images of a project, by the services that an import uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labeling.selectors import projects as project_selectors
from labeling.services import images, projects
from ml.services import partition

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ml.services.labeled_folder import LabeledPicture


@dataclass(frozen=True, slots=True)
class Stored:
    """The project and what is known of its images.

    Attributes:
        code_of: label code by the image's public id, as a page names it.
        label_of: label id by image id.
    """

    project_id: int
    code_of: dict[str, str]
    label_of: dict[int, int]


def store(
    pictures: Sequence[LabeledPicture], *, slug: str, now: datetime, **settings: Any
) -> Stored:
    """Make a project of the labels there are and store the pictures in it, without their labels."""
    names = sorted({picture.label for picture in pictures})
    project = projects.create_project(name=slug, classes=names, now=now, **settings)
    scheme = project_selectors.current_scheme(project.pk)
    known = dict(zip(names, zip(scheme.label_ids, scheme.codes, strict=True), strict=True))
    code_of: dict[str, str] = {}
    label_of: dict[int, int] = {}
    for picture in pictures:
        with picture.path.open("rb") as file:
            stored = images.ingest(
                project_id=project.pk,
                upload=file,
                original_name=picture.name[-255:],
                source="bench",
                licence="as given",
                uploaded_by_id=None,
                now=now,
            )
        label_id, code = known[picture.label]
        code_of.setdefault(str(stored.public_id), code)
        label_of.setdefault(stored.image_id, label_id)
    return Stored(project.pk, code_of, label_of)


def embed(project_id: int, *, now: datetime) -> None:
    """Give every image its vector and its partition."""
    while partition.advance(project_id=project_id, now=now, seconds=5.0).remaining:
        pass
