"""A small audited project whose figures were worked out by hand.

    truth    says     source   how many
    apple    apple    shop     3
    apple    leek     shop     1
    leek     leek     home     2
    water    apple    home     1
    none of these     home     1   (answered, and no label)
    not answered      shop     2

So 5 of 7 are right, one is unresolved, and two wait. Three more images are in the pool, two of
them labeled. One person gave all ten answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labeling.tests import worlds
from labeling.tests.rows import Annotator, Image, Partition, Project
from ml.models import Embedding, EmbeddingSet, ModelVersion
from ml.tests.inference.tiny import DIM
from ml.tests.serving.kitchen import LABELS, Kitchen

ROWS = [
    ("apple", "apple", "shop", 3),
    ("apple", "leek", "shop", 1),
    ("leek", "leek", "home", 2),
    ("water", "apple", "home", 1),
    (None, "leek", "home", 1),
    ("", "water", "shop", 2),
]
"""(label people give, None for none of these, "" for no answer; what v1 says; source; number)."""


@dataclass
class Audited:
    """The project with its first champion; `images` by (truth, prediction)."""

    kitchen: Kitchen
    annotator: Annotator
    embedding_set: EmbeddingSet
    version: ModelVersion
    images: dict[tuple[str | None, str], list[Image]] = field(default_factory=dict)

    @classmethod
    def make(cls, kitchen: Kitchen) -> Audited:
        Project.objects.filter(pk=kitchen.project.pk).update(
            votes_pool=1, votes_audit=1, vote_cap_audit=1
        )
        kitchen.project.refresh_from_db()
        embedding_set = kitchen.backbone()
        made = cls(
            kitchen,
            worlds.make_annotator(kitchen.project),
            embedding_set,
            kitchen.promote(kitchen.version()),
        )
        for truth, said, source, count in ROWS:
            made.images[truth, said] = made.add(said, count, source=source)
            for image in made.images[truth, said]:
                made.answer(image, truth)
        for image in made.add("apple", 3, partition=Partition.POOL)[:2]:
            made.answer(image, "apple")
        return made

    @property
    def project(self) -> Project:
        return self.kitchen.project

    def add(
        self, said: str | None, count: int, *, source: str = "shop", partition: str = "AUDIT"
    ) -> list[Image]:
        """Add images that v1 calls `said`; None leaves them without a vector."""
        images = worlds.make_images(self.project, count, partition)
        Image.objects.filter(pk__in=[image.pk for image in images]).update(source=source)
        if said is not None:
            self.embed(images, said)
        return images

    def embed(self, images: list[Image], said: str) -> None:
        vector = np.zeros(DIM, dtype=np.float16)
        vector[LABELS.index(said)] = 1
        Embedding.objects.bulk_create(
            Embedding(set=self.embedding_set, image=image, vector=vector.tobytes())
            for image in images
        )

    def answer(self, image: Image, truth: str | None, by: Any = None) -> None:
        who = by or self.annotator
        if truth is None:
            worlds.direct(who, image, None, kind="NONE_OF_THESE")
        elif truth:
            worlds.direct(who, image, truth)
