"""What a backbone says of every image, set by set."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class EmbeddingSetState(models.TextChoices):
    """Whether every image of the project has a vector."""

    BUILDING = "BUILDING", "being filled"
    READY = "READY", "complete"
    RETIRED = "RETIRED", "no longer filled"


class EmbeddingScope(models.TextChoices):
    """Which images a set is filled for."""

    ALL = "ALL", "every image"
    JUDGED = "JUDGED", "what a challenger is fitted and judged on: labeled and audit images"


class EmbeddingSet(models.Model):
    """One backbone version of one project: where its compiled file is and how to feed it.

    It is also the unit of work of embedding: a claim has a fencing token and a heartbeat.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey("labeling.Project", on_delete=models.CASCADE, related_name="+")
    backbone = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the compiled backbone.")
    storage_key = models.CharField(max_length=200)
    preprocessing = models.JSONField()
    dim = models.PositiveIntegerField()
    is_original = models.BooleanField(default=False, help_text="Split groups come from this one.")
    state = models.CharField(
        max_length=8, choices=EmbeddingSetState, default=EmbeddingSetState.BUILDING
    )
    scope = models.CharField(max_length=6, choices=EmbeddingScope, default=EmbeddingScope.ALL)
    centre = models.BinaryField(
        null=True, help_text="float32 mean of the first images: what cosines are centred by."
    )
    unreadable = models.JSONField(default=list, help_text="Images whose file cannot be decoded.")
    fencing_token = models.PositiveIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="embedding_set_is_unique"),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(is_original=True),
                name="embedding_set_one_original_a_project",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.backbone} {self.digest[:8]}"


class Embedding(models.Model):
    """One image's vector, float16, as the backbone gave it (not centred, not normalised)."""

    set = models.ForeignKey(EmbeddingSet, on_delete=models.CASCADE, related_name="embeddings")
    image = models.ForeignKey("labeling.Image", on_delete=models.CASCADE, related_name="+")
    vector = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["set", "image"], name="embedding_once_an_image")
        ]

    def __str__(self) -> str:
        return f"{self.set_id}/{self.image_id}"
