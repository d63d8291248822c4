"""What the API answered."""

from __future__ import annotations

import uuid

from django.db import models

from ml.models.versions import ModelVersion


class Prediction(models.Model):
    """What the API answered, and what people said afterwards."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey("labeling.Project", on_delete=models.CASCADE, related_name="+")
    token = models.ForeignKey(
        "labeling.Token", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    user = models.ForeignKey(
        "labeling.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    annotator = models.ForeignKey(
        "labeling.Annotator", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    image = models.ForeignKey(
        "labeling.Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    sha256 = models.CharField(max_length=64)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT)
    mode = models.CharField(max_length=8)
    probabilities = models.JSONField(help_text="Label code to probability, top k.")
    uncertainty = models.FloatField()
    accepted = models.BooleanField()
    answer = models.JSONField(
        null=True, blank=True, help_text="What was sure enough: a label, or a group of labels."
    )
    queued = models.BooleanField(default=False)
    feedback = models.CharField(max_length=16, blank=True)
    feedback_label = models.ForeignKey(
        "labeling.Label", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    feedback_by = models.ForeignKey(
        "labeling.Annotator",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Whose answer the feedback becomes; `annotator` is who asked.",
    )
    feedback_at = models.DateTimeField(null=True, blank=True)
    answer_settled_at = models.DateTimeField(
        null=True, blank=True, help_text="When feedback became an answer, or was found unable to."
    )
    answer_recorded = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["project", "-created_at"], name="prediction_newest")]

    def __str__(self) -> str:
        return str(self.public_id)


class IdempotentReply(models.Model):
    """The first reply to an `Idempotency-Key`, given again on a retry."""

    principal = models.CharField(max_length=60)
    key = models.CharField(max_length=80)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "idempotent replies"
        constraints = [
            models.UniqueConstraint(
                fields=["principal", "key"], name="idempotent_reply_key_is_unique"
            )
        ]

    def __str__(self) -> str:
        return self.key
