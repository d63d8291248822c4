"""Small worlds for tests of the queue: a project, images without files, people who answer."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.models import (
    Annotator,
    AnnotatorSkill,
    Assignment,
    Image,
    Label,
    LabelScheme,
    Partition,
    Project,
    SchemeLabel,
    ServeCounter,
    SplitGroup,
)
from labeling.services import annotations as annotation_service
from labeling.services import queue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labeling.models import Annotation

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LABELS = ("milk", "soy milk", "oat milk")


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def make_project(**settings: Any) -> Project:
    """A project with three labels; every slot is an acquired one unless shares are given."""
    name = f"pantry-{uuid.uuid4().hex[:8]}"
    given: dict[str, Any] = {
        "audit_serving_share": 0.0,
        "random_arm_share": 0.0,
        "seed": 7,
        **settings,
    }
    project = Project.objects.create(slug=name, name=name, consent="Yes.", created_at=NOW, **given)
    ServeCounter.objects.create(project=project)
    make_scheme(project, LABELS)
    return project


def make_scheme(project: Project, names: Sequence[str]) -> LabelScheme:
    """The project's next scheme version, of these labels in this order."""
    version = LabelScheme.objects.filter(project=project).count() + 1
    scheme = LabelScheme.objects.create(project=project, version=version, created_at=NOW)
    for position, name in enumerate(names):
        label, _ = Label.objects.get_or_create(
            project=project, code=slug(name), defaults={"name": name, "created_at": NOW}
        )
        SchemeLabel.objects.create(scheme=scheme, label=label, position=position, name=name)
    return scheme


def make_images(
    project: Project, count: int, partition: str = Partition.POOL, **fields: Any
) -> list[Image]:
    """Images of a split group each; in the audit slice each is the one to be measured."""
    start = Image.objects.filter(project=project).count()
    groups = _make_groups(project, count, partition, start)
    images = [
        Image(
            project=project,
            sha256=hashlib.sha256(f"{project.pk} {number}".encode()).hexdigest(),
            storage_key=f"{project.pk}/{number}.jpg",
            thumbnail_key=f"{project.pk}/{number}.thumb.jpg",
            width=640,
            height=480,
            size_bytes=1000,
            source="kitchen",
            licence="CC0",
            perceptual_hash=number,
            partition=partition,
            inclusion_probability=0.12 if partition == Partition.AUDIT else 0.88,
            created_at=NOW,
            split_group=group,
            **fields,
        )
        for number, group in enumerate(groups, start)
    ]
    Image.objects.bulk_create(images)
    if partition == Partition.AUDIT:
        for image, group in zip(images, groups, strict=True):
            group.measured_image = image
        SplitGroup.objects.bulk_update(groups, ["measured_image"])
    return images


def _make_groups(project: Project, count: int, partition: str, start: int) -> list[SplitGroup]:
    # By place, not by key: keys go on counting, and another order of tests would draw others.
    orders = np.random.default_rng([project.seed, start]).random(count)
    return SplitGroup.objects.bulk_create(
        SplitGroup(
            project=project,
            partition=partition,
            inclusion_probability=0.5,
            draw_order=float(order),
            created_at=NOW,
        )
        for order in orders
    )


def make_annotator(project: Project, name: str = "Ada", **fields: Any) -> Annotator:
    return Annotator.objects.create(project=project, display_name=name, created_at=NOW, **fields)


def make_skill(annotator_id: int, *, right: float, wrong: float, now: datetime = NOW) -> None:
    """What is known of how often somebody is right."""
    AnnotatorSkill.objects.create(
        annotator_id=annotator_id, n_right=right, n_wrong=wrong, updated_at=now
    )


def claim(
    annotator: Annotator, count: int = 3, client: str = "tab", now: datetime = NOW
) -> list[Assignment]:
    return queue.claim(
        project_id=annotator.project_id,
        annotator_id=annotator.pk,
        count=count,
        client=client,
        now=now,
    ).assignments


def submit(
    assignment: Assignment,
    label: str | None = "milk",
    *,
    kind: str = "LABEL",
    key: uuid.UUID | None = None,
    flag_reason: str = "",
    now: datetime = NOW,
) -> annotation_service.Submitted:
    codes = [slug(label)] if label and kind == "LABEL" else []
    return annotation_service.submit(
        annotator_id=assignment.annotator_id,
        assignment_public_id=assignment.public_id,
        key=key or uuid.uuid4(),
        request_hash=annotation_service.hash_of(str(assignment.public_id), kind, codes),
        kind=kind,
        label_codes=codes,
        flag_reason=flag_reason,
        time_spent_ms=900,
        shown={},
        now=now,
    )


def slug(label: str) -> str:
    return label.replace(" ", "-")


def direct(
    annotator: Annotator, image: Image, label: str | None = "milk", *, kind: str = "LABEL"
) -> Annotation:
    """An answer to an image that was not handed out."""
    Annotator.objects.filter(pk=annotator.pk).update(last_seen_at=NOW)
    return annotation_service.record_direct(
        annotator_id=annotator.pk,
        image_id=image.pk,
        kind=kind,
        label_codes=[slug(label)] if label and kind == "LABEL" else [],
        key=uuid.uuid4(),
        now=NOW,
    ).annotation


def top_up(project: Project, now: datetime = NOW, seed: int = 0) -> int:
    return queue.top_up(project_id=project.pk, now=now, rng=np.random.default_rng(seed))


def active(project: Project, people: Sequence[Annotator]) -> None:
    """Let everyone have answered something outside the queue: they count as active then."""
    images = make_images(project, len(people), Partition.EXCLUDED)
    for who, image in zip(people, images, strict=True):
        direct(who, image)
