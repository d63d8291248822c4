"""A project whose images have made-up embeddings, so that the loop runs in milliseconds.

Every class is a direction in space; an image is its class's direction with noise. Images, answers,
consensus and queue are the real services; only the backbone is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from labeling.tests import worlds
from labeling.tests.rows import Annotator, Image, Partition, Project
from ml.models import Embedding, EmbeddingSet
from ml.services import refit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

DIM = 16
NOISE = 0.6
LABELS = ("milk", "soy milk", "oat milk")


@dataclass
class World:
    """The project, who answers, and what the truth is."""

    project: Project
    annotator: Annotator
    embedding_set: EmbeddingSet
    rng: np.random.Generator
    directions: np.ndarray
    truth: dict[int, str] = field(default_factory=dict)
    images: dict[int, Image] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    clock: float = 0.0
    noise: float = NOISE

    @classmethod
    def make(
        cls,
        *,
        pool: int = 120,
        audit: int = 0,
        seed: int = 0,
        noise: float = NOISE,
        **settings: object,
    ) -> World:
        project = worlds.make_project(votes_audit=1, **settings)
        rng = np.random.default_rng(seed)
        embedding_set = EmbeddingSet.objects.create(
            project=project,
            backbone="made-up",
            digest=f"{project.pk:064x}",
            storage_key="backbones/none.onnx",
            preprocessing={},
            dim=DIM,
            is_original=True,
            created_at=worlds.NOW,
        )
        world = cls(
            project,
            worlds.make_annotator(project),
            embedding_set,
            rng,
            rng.normal(size=(len(LABELS), DIM)),
            noise=noise,
        )
        world.add(pool)
        world.add(audit, Partition.AUDIT)
        return world

    def add(self, count: int, partition: str = Partition.POOL) -> list[Image]:
        """Add images with vectors; classes in turn."""
        images = worlds.make_images(self.project, count, partition)
        classes = np.arange(count) % len(LABELS)
        vectors = self.directions[classes] + self.noise * self.rng.normal(size=(count, DIM))
        Embedding.objects.bulk_create(
            Embedding(
                set=self.embedding_set, image=image, vector=vector.astype(np.float16).tobytes()
            )
            for image, vector in zip(images, vectors, strict=True)
        )
        self.images |= {image.pk: image for image in images}
        self.truth.update({image.pk: LABELS[at] for image, at in zip(images, classes, strict=True)})
        return images

    @property
    def now(self) -> datetime:
        return worlds.later(self.clock)

    def label(self, image_ids: Sequence[int], *, scrambled: bool = False) -> None:
        """Answer images truly, or with a random wrong label."""
        for image_id in image_ids:
            right = self.truth[image_id]
            wrong = [label for label in LABELS if label != right]
            said = str(self.rng.choice(wrong)) if scrambled else right
            image = self.images.get(image_id) or Image.objects.get(pk=image_id)
            worlds.direct(self.annotator, image, said)
            self.answered.add(image_id)

    def unanswered(self, partition: str = Partition.POOL) -> list[int]:
        """Image ids of a partition without an answer, in a fixed random order."""
        ids = list(
            Image.objects.filter(project=self.project, partition=partition).values_list(
                "pk", flat=True
            )
        )
        ids = [key for key in ids if key not in self.answered]
        return [ids[at] for at in np.random.default_rng(1).permutation(len(ids))]

    def label_some(
        self, count: int, partition: str = Partition.POOL, *, scrambled: bool = False
    ) -> list[int]:
        """Answer `count` images of a partition that have no answer yet."""
        chosen = self.unanswered(partition)[:count]
        self.label(chosen, scrambled=scrambled)
        return chosen

    def refit(self) -> refit.RefitOutcome:
        """Run the fast loop once, a second later."""
        self.clock += 1
        return refit.run(project_id=self.project.pk, now=self.now)
