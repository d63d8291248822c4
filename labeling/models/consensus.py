"""What the answers to an image say together."""

from __future__ import annotations

from django.db import models

from labeling.models.images import Image
from labeling.models.labels import Label, LabelScheme
from labeling.models.projects import Project


class ConsensusState(models.TextChoices):
    """Where an image stands."""

    OPEN = "OPEN", "needs answers"
    RESOLVED = "RESOLVED", "resolved"
    DISPUTED = "DISPUTED", "disputed"
    NONE_OF_THESE = "NONE_OF_THESE", "none of these"
    UNUSABLE = "UNUSABLE", "cannot be labeled"


class Consensus(models.Model):
    """The aggregated label of an image and its distribution over an explicit label order."""

    image = models.OneToOneField(Image, on_delete=models.PROTECT, related_name="consensus")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="consensuses")
    scheme = models.ForeignKey(LabelScheme, on_delete=models.PROTECT)
    posterior = models.BinaryField(help_text="float32, in the order of the scheme; sums to 1.")
    label = models.ForeignKey(Label, null=True, blank=True, on_delete=models.PROTECT)
    state = models.CharField(max_length=14, choices=ConsensusState)
    effective_votes = models.FloatField(help_text="Votes this image needed when it was decided.")
    n_votes = models.PositiveIntegerField()
    is_expert = models.BooleanField(default=False)
    counted = models.JSONField(
        null=True,
        blank=True,
        help_text="What this image has added to the skills of its annotators; null for nothing.",
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "consensus"
        indexes = [models.Index(fields=["project", "state"], name="consensus_by_state")]

    def __str__(self) -> str:
        return f"{self.image_id}: {self.state}"
