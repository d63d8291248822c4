"""What is looked for in the embeddings, on its own or when staff ask."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class NewLabelSearch(models.Model):
    """How far a project's answers have been searched for a label that its scheme lacks."""

    project = models.OneToOneField("labeling.Project", on_delete=models.CASCADE, related_name="+")
    last_annotation_id = models.BigIntegerField(default=0)
    searched_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "new label searches"

    def __str__(self) -> str:
        return f"search in {self.project_id}"


class SimilarRequest(models.Model):
    """Staff asked for more images like a few: what was found is served before anything else."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey("labeling.Project", on_delete=models.CASCADE, related_name="+")
    like = models.JSONField(help_text="Keys of the images to find more of.")
    label_code = models.CharField(max_length=64, blank=True, help_text="Whose images they are.")
    count = models.PositiveIntegerField(help_text="How many are wanted.")
    found = models.JSONField(help_text="Keys of the images found, the most similar first.")
    selection_probability = models.FloatField(help_text="Of being looked at, in (0, 1].")
    requested_by = models.ForeignKey(
        "labeling.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["project", "ended_at"], name="similar_request_open")]

    def __str__(self) -> str:
        return f"{len(self.found)} like {len(self.like)}"


class LabelErrorSearch(models.Model):
    """How far a project's labels have been searched for wrong ones."""

    project = models.OneToOneField("labeling.Project", on_delete=models.CASCADE, related_name="+")
    n_labels = models.PositiveIntegerField(default=0, help_text="Labels the last search read.")
    scheme_id = models.BigIntegerField(default=0, help_text="Their scheme version.")
    n_doubted = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(default=0)

    class Meta:
        verbose_name_plural = "label error searches"

    def __str__(self) -> str:
        return f"{self.n_doubted} of {self.n_labels} labels of {self.project_id} doubted"


class UploadDrift(models.Model):
    """Whether the uploads of one source on one day look like what was there before them."""

    project = models.ForeignKey("labeling.Project", on_delete=models.CASCADE, related_name="+")
    source = models.CharField(max_length=80)
    day = models.DateField(help_text="UTC.")
    n_images = models.PositiveIntegerField(help_text="Of the batch, when it was compared.")
    n_baseline = models.PositiveIntegerField()
    signals = models.JSONField(help_text="Name, p-value, effect, label code and alarm of each.")
    is_drifted = models.BooleanField()
    audit_share = models.FloatField(
        help_text="Chance of the batch's next split groups to become audit."
    )
    model_version = models.UUIDField(help_text="Whose outputs were compared.")
    measured_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "source", "day"], name="upload_drift_once_a_batch"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} of {self.day}: {'drifted' if self.is_drifted else 'as before'}"


class AuditTopUp(models.Model):
    """Staff want to know a label better: more new pictures of it join the audit slice."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey("labeling.Project", on_delete=models.CASCADE, related_name="+")
    label_code = models.CharField(max_length=64)
    half_width = models.FloatField(help_text="Wanted of the label's interval, a share.")
    share = models.FloatField(
        help_text="Chance of a new split group that the classifier takes for the label."
    )
    n_seen = models.PositiveIntegerField(
        default=0, help_text="New pictures taken for the label since."
    )
    requested_by = models.ForeignKey(
        "labeling.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    is_reached = models.BooleanField(default=False, help_text="Ended because it is known so well.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "label_code"],
                condition=Q(ended_at__isnull=True),
                name="audit_top_up_one_open_a_label",
            )
        ]

    def __str__(self) -> str:
        return f"{self.label_code} to {self.half_width}"
