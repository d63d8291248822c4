"""Small makers of rows and pictures for tests, by the same services that the product uses."""

from __future__ import annotations

import io
import itertools
from datetime import UTC, datetime
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from labeling.models import Annotator, Image, Membership, Partition, Project, User
from labeling.services import projects

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PASSWORD = "a-long-test-passphrase-7"
_numbers = itertools.count(1)


def make_project(**settings: Any) -> Project:
    """Make a project with the labels milk, juice, apple and bread, unless told otherwise."""
    settings.setdefault("name", f"Pantry {next(_numbers)}")
    settings.setdefault("classes", ["Milk", "Juice", "Apple", "Bread"])
    settings.setdefault("now", NOW)
    return projects.create_project(**settings)


def make_user(username: str | None = None, **fields: Any) -> User:
    """Make a login with the test password."""
    return User.objects.create_user(
        username or f"user-{next(_numbers)}", password=PASSWORD, **fields
    )


def make_member(project: Project, role: str, username: str | None = None) -> User:
    """Make a login with a role in a project."""
    user = make_user(username)
    Membership.objects.create(project=project, user=user, role=role, created_at=NOW)
    return user


def make_annotator(project: Project, name: str | None = None, **fields: Any) -> Annotator:
    """Make an annotator without a login."""
    fields.setdefault("created_at", NOW)
    fields.setdefault("consented_at", NOW)
    name = name or f"Annotator {next(_numbers)}"
    return Annotator.objects.create(project=project, display_name=name, **fields)


def make_expert_annotator(project: Project, user: User) -> Annotator:
    """Make the annotator row of a member."""
    return make_annotator(project, user.username, user=user)


def picture_bytes(
    seed: int | None = None, size: tuple[int, int] = (64, 48), kind: str = "JPEG", **save: Any
) -> bytes:
    """Encode a picture of smooth random colours; different seeds give different pictures."""
    rng = np.random.default_rng(next(_numbers) + 10_000 if seed is None else seed)
    pixels = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = PillowImage.fromarray(pixels).resize(size, PillowImage.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **save)
    return buffer.getvalue()


def make_image(project: Project, partition: str = Partition.POOL, **fields: Any) -> Image:
    """Make an image row without a file: quick, for tests that never look at pixels."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "sha256": f"{number:064x}",
        "storage_key": f"images/00/{number}.jpg",
        "thumbnail_key": f"images/00/{number}-t.jpg",
        "original_name": f"{number}.jpg",
        "width": 64,
        "height": 48,
        "size_bytes": 1000,
        "source": "shop",
        "licence": "MIT",
        "perceptual_hash": number,
        "partition": partition,
        "inclusion_probability": None if partition == Partition.PENDING else 0.5,
        "created_at": NOW,
    }
    return Image.objects.create(project=project, **{**values, **fields})


def make_images(project: Project, count: int, **fields: Any) -> list[Image]:
    """Make several image rows without files."""
    return [make_image(project, **fields) for _ in range(count)]
