"""What people said, one row an answer, append-only."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from labeling.models.images import Image
from labeling.models.labels import Label, LabelScheme
from labeling.models.people import Annotator
from labeling.models.projects import Project
from labeling.models.queue import Assignment


class AnnotationKind(models.TextChoices):
    """What an annotator said."""

    LABEL = "LABEL", "a label"
    SKIP = "SKIP", "skip"
    CANT_TELL = "CANT_TELL", "can't tell"
    NONE_OF_THESE = "NONE_OF_THESE", "none of these"
    FLAG = "FLAG", "flag"
    YES = "YES", "it shows the label that was asked about"
    NO = "NO", "it does not show that label"
    UNSURE = "UNSURE", "can't tell whether it shows that label"
    UNDO = "UNDO", "undo"


ABOUT_ONE_LABEL = (AnnotationKind.YES, AnnotationKind.NO, AnnotationKind.UNSURE)
"""Kinds of answers to "does this picture show a glacier?"; nothing is said of other labels."""
SETTLES_ONE_LABEL = Q(is_expert=True, kind__in=ABOUT_ONE_LABEL)
"""An expert's word on one label of a picture: beside whatever they say of the whole of it."""


class FlagReason(models.TextChoices):
    """What is wrong with a flagged image."""

    PERSON = "PERSON", "a person is in it"
    BROKEN = "BROKEN", "the picture is broken"
    NOT_ALLOWED = "NOT_ALLOWED", "it should not be here"


class Annotation(models.Model):
    """One answer. Append-only: an undo is a row of its own that withdraws another."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="annotations")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="annotations")
    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="annotations")
    assignment = models.ForeignKey(Assignment, null=True, blank=True, on_delete=models.PROTECT)
    scheme = models.ForeignKey(LabelScheme, on_delete=models.PROTECT)
    kind = models.CharField(max_length=14, choices=AnnotationKind)
    flag_reason = models.CharField(max_length=12, choices=FlagReason, blank=True)
    is_expert = models.BooleanField(
        default=False, help_text="An adjudication: decides alone, be it one label."
    )
    time_spent_ms = models.PositiveIntegerField(null=True, blank=True)
    shown = models.JSONField(default=dict, help_text="What the page showed: labels, suggestion.")
    key = models.UUIDField(help_text="The client's idempotency key.")
    request_hash = models.CharField(max_length=64)
    undoes = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["annotator", "key"], name="annotation_key_is_unique"),
            models.UniqueConstraint(
                fields=["image", "annotator"],
                condition=Q(withdrawn_at__isnull=True) & ~Q(kind="UNDO") & ~SETTLES_ONE_LABEL,
                name="annotation_live_once_a_person",
            ),
            models.CheckConstraint(
                condition=Q(kind="UNDO", undoes__isnull=False)
                | (~Q(kind="UNDO") & Q(undoes__isnull=True)),
                name="annotation_undo_names_what_it_undoes",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-id"], name="annotation_newest"),
            models.Index(fields=["annotator", "-id"], name="annotation_history"),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class LabelValue(models.TextChoices):
    """What an answer says of one label."""

    YES = "YES", "yes"
    NO = "NO", "no"
    UNSURE = "UNSURE", "unsure"


class AnnotationLabel(models.Model):
    """One label of an answer."""

    annotation = models.ForeignKey(Annotation, on_delete=models.CASCADE, related_name="labels")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
    value = models.CharField(max_length=6, choices=LabelValue, default=LabelValue.YES)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["annotation", "label"], name="annotation_names_a_label_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.label_id} {self.value}"
