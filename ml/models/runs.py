"""Training under way and what was used for it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from ml.models.versions import ModelVersion


class TrainingKind(models.TextChoices):
    """Which loop a run belongs to."""

    HEAD = "HEAD", "head refit"
    FINETUNE = "FINETUNE", "fine-tune"


class TrainingState(models.TextChoices):
    """Where a run stands."""

    QUEUED = "QUEUED", "waiting"
    RUNNING = "RUNNING", "running"
    SUCCEEDED = "SUCCEEDED", "done"
    FAILED = "FAILED", "failed"
    REFUSED = "REFUSED", "refused"


class TrainingRun(models.Model):
    """One run of the fast or slow loop: progress, heartbeat, device seconds and their price."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey("labeling.Project", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=TrainingKind)
    trigger = models.CharField(max_length=40)
    state = models.CharField(max_length=9, choices=TrainingState, default=TrainingState.QUEUED)
    stage = models.CharField(max_length=40, blank=True)
    progress = models.FloatField(default=0, help_text="0 to 1 within the whole run.")
    fencing_token = models.PositiveIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    data_version = models.BigIntegerField(default=0, help_text="Last answer the run has seen.")
    device = models.CharField(max_length=80, blank=True)
    seconds = models.FloatField(default=0)
    cost = models.DecimalField(max_digits=10, decimal_places=4, default=0)
    settings = models.JSONField(default=dict)
    stages_s = models.JSONField(default=dict)
    model_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.SET_NULL)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "kind"],
                condition=Q(state__in=["QUEUED", "RUNNING"]),
                name="training_run_one_active_a_kind",
            )
        ]
        indexes = [models.Index(fields=["project", "kind", "-id"], name="training_run_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"
