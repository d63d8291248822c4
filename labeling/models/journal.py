"""Long work and its progress; who did what, when."""

from __future__ import annotations

import uuid

from django.db import models

from labeling.models.people import Annotator, User
from labeling.models.projects import Project


class JobState(models.TextChoices):
    """Where a unit of work stands."""

    QUEUED = "QUEUED", "waiting"
    RUNNING = "RUNNING", "running"
    SUCCEEDED = "SUCCEEDED", "done"
    FAILED = "FAILED", "failed"
    CANCELLED = "CANCELLED", "cancelled"


class Job(models.Model):
    """Long work with its progress. The row is the truth; the broker only a hint (rule 6)."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.CASCADE)
    kind = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)
    settings = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    fencing_token = models.PositiveIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["state", "heartbeat_at"], name="job_by_state")]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class AuditEvent(models.Model):
    """Who did what, when. Append-only."""

    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.PROTECT)
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT)
    annotator = models.ForeignKey(Annotator, null=True, blank=True, on_delete=models.PROTECT)
    verb = models.CharField(max_length=60)
    target = models.CharField(max_length=120, blank=True)
    detail = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["project", "-at"], name="audit_event_newest")]

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"
