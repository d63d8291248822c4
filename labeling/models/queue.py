"""What waits for answers, and who holds what."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from labeling.models.images import Image
from labeling.models.people import Annotator
from labeling.models.projects import Project

AGAIN = "again 1 "
"""Policies that begin so ask for a second opinion of one label (`labeling.selectors.questions`)."""


class Reason(models.TextChoices):
    """Why an image is in the queue. Never told to an annotator before the answer."""

    ACQUIRED = "ACQUIRED", "chosen by the acquisition function"
    RANDOM = "RANDOM", "random arm"
    AUDIT = "AUDIT", "audit slice"
    GOLD = "GOLD", "gold image"
    DISPUTE = "DISPUTE", "disputed"


class ServeCounter(models.Model):
    """How many assignments a project has handed out; taken inside the claim itself."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="serve_counter")
    served = models.BigIntegerField(default=0)
    shortfalls = models.JSONField(default=dict, help_text="Reason to number of slots not filled.")

    def __str__(self) -> str:
        return f"{self.project_id}: {self.served}"


class QueueEntryState(models.TextChoices):
    """Whether an entry can still be claimed."""

    OPEN = "OPEN", "open"
    CLOSED = "CLOSED", "closed"


class QueueEntry(models.Model):
    """An image waiting for annotations: a bounded window, never the whole pool."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="queue_entries")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="queue_entries")
    reason = models.CharField(max_length=8, choices=Reason)
    priority = models.FloatField(help_text="Higher is sooner.")
    open_slots = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=6, choices=QueueEntryState, default=QueueEntryState.OPEN)
    selection_probability = models.FloatField(help_text="Within its stream, in (0, 1].")
    policy = models.CharField(max_length=80, help_text="What chose it: a name and a version.")
    model_version = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "queue entries"
        constraints = [
            models.UniqueConstraint(
                fields=["image"],
                condition=Q(state="OPEN"),
                name="queue_entry_open_once_an_image",
            )
        ]
        indexes = [
            models.Index(
                fields=["project", "reason", "-priority", "id"],
                condition=Q(state="OPEN", open_slots__gt=0),
                name="queue_entry_claim",
            )
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.image_id}"


class AssignmentState(models.TextChoices):
    """What became of an assignment."""

    OPEN = "OPEN", "open"
    ANSWERED = "ANSWERED", "answered"
    EXPIRED = "EXPIRED", "expired"
    RELEASED = "RELEASED", "given back"


class Assignment(models.Model):
    """An image handed to one annotator, until it expires."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="assignments")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="assignments")
    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="assignments")
    entry = models.ForeignKey(QueueEntry, null=True, on_delete=models.SET_NULL)
    state = models.CharField(max_length=8, choices=AssignmentState, default=AssignmentState.OPEN)
    reason = models.CharField(max_length=8, choices=Reason)
    policy = models.CharField(max_length=80)
    is_again = models.GeneratedField(
        expression=models.Case(
            models.When(policy__startswith=AGAIN, then=True), default=models.Value(value=False)
        ),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    model_version = models.UUIDField(null=True, blank=True)
    selection_probability = models.FloatField()
    serve_number = models.BigIntegerField()
    client = models.CharField(max_length=64, blank=True, help_text="The tab that holds it.")
    suggestion = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["image", "annotator"],
                condition=Q(state="OPEN"),
                name="assignment_open_once_a_person",
            )
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(state="OPEN"), name="assignment_expiry"
            ),
            models.Index(fields=["annotator", "state"], name="assignment_by_annotator"),
            models.Index(
                fields=["project"], condition=Q(is_again=True), name="assignment_asked_again"
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)
