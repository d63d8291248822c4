"""Images and the split groups that decide where they may be used."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from labeling.models.labels import Label, LabelScheme
from labeling.models.people import User
from labeling.models.projects import Project


class Partition(models.TextChoices):
    """Where an image may be used; decided once, by split group."""

    PENDING = "PENDING", "not decided yet"
    POOL = "POOL", "pool"
    AUDIT = "AUDIT", "audit slice"
    EXCLUDED = "EXCLUDED", "excluded"


class SplitGroup(models.Model):
    """Images that may show the same thing: they share one partition (architecture rule 1)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="split_groups")
    partition = models.CharField(max_length=8, choices=Partition)
    inclusion_probability = models.FloatField()
    measured_image = models.ForeignKey(
        "Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    draw_order = models.FloatField(help_text="Uniform in [0, 1): the random order of measuring.")
    order_weight = models.FloatField(
        default=1.0,
        db_default=1.0,
        help_text="So many times as early it is asked about.",
    )
    reached = models.FloatField(
        default=0.0,
        db_default=0.0,
        help_text="Its chance to have been asked about before its weight was what it is.",
    )
    serve_order = models.GeneratedField(
        expression=F("draw_order") / F("order_weight"),
        output_field=models.FloatField(),
        db_persist=True,
    )
    created_at = models.DateTimeField()
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT)

    class Meta:
        indexes = [
            models.Index(
                fields=["project", "partition", "serve_order"], name="split_group_by_serving"
            )
        ]

    def __str__(self) -> str:
        return f"group {self.pk}"


class Image(models.Model):
    """One picture, re-encoded at ingest so that no uploaded byte is ever served."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="images")
    sha256 = models.CharField(max_length=64, help_text="Of the uploaded bytes.")
    storage_key = models.CharField(max_length=200)
    thumbnail_key = models.CharField(max_length=200)
    original_name = models.CharField(max_length=255, blank=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size_bytes = models.PositiveIntegerField()
    source = models.CharField(max_length=80)
    licence = models.CharField(max_length=80)
    captured_at = models.DateTimeField(null=True, blank=True)
    capture_session = models.CharField(max_length=64, blank=True)
    uploaded_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL)
    perceptual_hash = models.BigIntegerField()
    suggested_label = models.ForeignKey(
        Label, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    split_group = models.ForeignKey(
        SplitGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="images"
    )
    partition = models.CharField(max_length=8, choices=Partition, default=Partition.PENDING)
    inclusion_probability = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField()
    flagged_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "sha256"], name="image_bytes_are_unique"),
            models.CheckConstraint(
                condition=Q(partition=Partition.PENDING) | Q(inclusion_probability__isnull=False),
                name="image_partition_comes_with_its_probability",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "partition", "id"], name="image_by_partition"),
            models.Index(fields=["project", "capture_session"], name="image_by_session"),
            models.Index(fields=["project", "perceptual_hash"], name="image_by_hash"),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class ImagePrior(models.Model):
    """The classifier's out-of-group probabilities, written by `ml`; absent means uniform."""

    image = models.OneToOneField(Image, on_delete=models.CASCADE, related_name="prior")
    scheme = models.ForeignKey(LabelScheme, on_delete=models.PROTECT)
    probabilities = models.BinaryField(help_text="float32, in the order of the scheme.")
    model_version = models.UUIDField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"prior of {self.image_id}"


class AlikeImage(models.Model):
    """That an image is nearly the same as others of the pool; written by `ml`, and rewritten.

    Not to be confused with split groups, which join chains of images and never change.
    """

    image = models.OneToOneField(Image, on_delete=models.PROTECT, related_name="alike")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    group = models.BigIntegerField(help_text="The smallest image key of the lending group.")
    set_apart_at = models.DateTimeField(
        null=True, help_text="Since somebody has said that it is not the same as the others."
    )

    class Meta:
        indexes = [models.Index(fields=["project", "group"], name="alike_by_group")]

    def __str__(self) -> str:
        return f"{self.image_id} in {self.group}"
