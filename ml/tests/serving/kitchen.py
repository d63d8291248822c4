"""A project whose versions are written by hand, so that every answer is known beforehand.

A backbone's first three values are the mean red, green and blue of a picture, in an order of its
own; a head says which label each value stands for. So a red picture tells which backbone and which
head answered, and a mixture of two versions would give a label that neither of them gives.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.utils import timezone
from PIL import Image as PillowImage
from rest_framework.test import APIClient

from labeling.selectors import projects
from labeling.services import tokens
from labeling.tests import factories
from labeling.tests.rows import Project
from ml.heads import codec
from ml.inference.files import read_backbone
from ml.models import DatasetSnapshot, EmbeddingSet, ModelVersion
from ml.selectors import registry as registry_selectors
from ml.services import embedding, registry
from ml.tests.inference.tiny import DIM, write_backbone
from ml.types import Head, Sigmoids

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

LABELS = ("apple", "leek", "water")
RED, GREEN, BLUE, GREY = (230, 40, 40), (40, 210, 60), (40, 60, 240), (128, 102, 77)
YELLOW = (230, 210, 40)
"""GREY is the mean that the tiny backbone's preprocessing takes off: it looks like nothing."""
TEMPERATURE = 8.0
THRESHOLD = 0.8


def picture(colour: Sequence[int] = RED, seed: int = 0, kind: str = "PNG") -> bytes:
    """A picture of one colour; another seed moves one pixel by a shade, for another digest."""
    pixels = np.full((16, 16, 3), colour, dtype=np.uint8)
    pixels[seed // 16 % 16, seed % 16, 2] ^= 1
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def file(content: bytes, name: str = "picture.png") -> io.BytesIO:
    """A file as the test client sends it."""
    found = io.BytesIO(content)
    found.name = name
    return found


@dataclass
class Kitchen:
    """The project, and the makers of its versions."""

    project: Project

    @classmethod
    def make(cls, **more: Any) -> Kitchen:
        project = factories.make_project(classes=[label.title() for label in LABELS])
        Project.objects.filter(pk=project.pk).update(**more)
        project.refresh_from_db()
        return cls(project)

    def backbone(self, order: Sequence[int] = (0, 1, 2)) -> EmbeddingSet:
        """A backbone whose value j is the mean of channel `order[j]`; made once."""
        weights = np.zeros((DIM, 3), dtype=np.float32)
        weights[[0, 1, 2], list(order)] = 1
        name = "tiny" + "".join(map(str, order))
        found = list(Path(settings.BACKBONE_DIR).glob(f"{name}-*"))
        path = found[0] if found else write_backbone(settings.BACKBONE_DIR, name, weights=weights)
        return embedding.ensure_set(
            project_id=self.project.pk,
            backbone=read_backbone(path),
            is_original=not EmbeddingSet.objects.filter(project=self.project).exists(),
            now=timezone.now(),
        )

    def version(
        self,
        says: Sequence[str] = LABELS,
        *,
        on: EmbeddingSet | None = None,
        threshold: float = THRESHOLD,
        several: Sigmoids | None = None,
        **fields: Any,
    ) -> ModelVersion:
        """A version whose head takes value j of the backbone for the label `says[j]`.

        With `several` it says yes or no to each label on its own.
        """
        scheme = projects.current_scheme(self.project.pk)
        order = tuple(scheme.codes)
        weights = np.zeros((DIM, len(order)))
        for value, label in enumerate(says):
            weights[value, order.index(label)] = 1
        bias, centre = np.zeros(len(order)), np.zeros(DIM)
        head = Head(weights, bias, centre, TEMPERATURE, 1.0, order, several)
        bars = dict(zip(order, several.thresholds.tolist(), strict=True)) if several else None
        snapshot, _ = DatasetSnapshot.objects.get_or_create(
            project=self.project,
            content_hash="0" * 64,
            defaults={
                "scheme_id": scheme.id,
                "n_rows": 0,
                "storage_key": "none",
                "created_at": timezone.now(),
            },
        )
        given: dict[str, Any] = {
            "kind": "HEAD",
            "temperature": TEMPERATURE,
            "acceptance_threshold": threshold,
            "n_labels": 10,
            "created_at": timezone.now(),
            "metrics": {"thresholds": bars} if bars else {},
            **fields,
        }
        return registry.create_version(
            project_id=self.project.pk,
            head=codec.to_bytes(head),
            embedding_set=on or self.backbone(),
            scheme_id=scheme.id,
            label_order=list(order),
            snapshot=snapshot,
            **given,
        )

    def promote(self, version: ModelVersion) -> ModelVersion:
        """Let it serve, by the registry's own service."""
        serving = registry_selectors.champion(self.project.pk)
        registry.promote(
            project_id=self.project.pk,
            version_id=version.pk,
            expected_id=serving.version_id if serving else None,
            now=timezone.now(),
        )
        return version

    def open_several(self) -> Kitchen:
        """Give it a champion that may see two things in a picture; yellow is red and green."""
        Project.objects.filter(pk=self.project.pk).update(mode="MULTI")
        self.project.refresh_from_db()
        bars = Sigmoids(np.full(3, 10.0), np.full(3, -3.0), np.array([0.8, 0.8, 2.0]))
        self.promote(self.version(several=bars))
        return self

    def open(self) -> Kitchen:
        """Give the project its first champion."""
        self.promote(self.version())
        return self


def client_with(
    project: Project | None,
    *scopes: str,
    user: Any = None,
    ttl: timedelta | None = None,
    member_of: Project | None = None,
) -> APIClient:
    """An API client with a fresh token of a new manager; `project` None leaves it unbound."""
    home = member_of or project
    if user is None:
        assert home is not None
        user = factories.make_member(home, "MANAGER")
    _, secret = tokens.create_token(
        user_id=user.pk,
        project_id=project.pk if project else None,
        name="test",
        scopes=scopes,
        now=timezone.now(),
        ttl=ttl,
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def browser_of(annotator: Any, *, csrf: bool = False) -> APIClient:
    """The browser of somebody who joined without a login."""
    client = APIClient(enforce_csrf_checks=csrf)
    session = client.session
    session["annotators"] = {str(annotator.project_id): annotator.pk}
    session.save()
    client.cookies["sessionid"] = session.session_key or ""
    return client


def signed_in(user: Any) -> APIClient:
    """The browser of somebody with a login."""
    client = APIClient()
    client.force_login(user)
    return client


def ask(
    client: APIClient,
    project: Project,
    *pictures: bytes,
    key: str = "",
    query: str = "",
    **fields: Any,
) -> Any:
    """Send pictures to predict."""
    files = [file(content, f"{place}.png") for place, content in enumerate(pictures)]
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(
        f"/api/v1/projects/{project.slug}/predict{query}",
        {"images": files, **fields},
        format="multipart",
        headers=headers,
    )
