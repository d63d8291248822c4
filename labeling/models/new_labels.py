"""Labels that were found in images of none, before staff have decided about them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from labeling.models.labels import Label
from labeling.models.people import User
from labeling.models.projects import Project


class LabelProposalState(models.TextChoices):
    """What staff made of a proposal."""

    OPEN = "OPEN", "waits for staff"
    MADE = "MADE", "became a label"
    JOINED = "JOINED", "belongs to a label there was"
    DISMISSED = "DISMISSED", "no label"
    LAPSED = "LAPSED", "its images are no longer alike, or have labels"


class LabelProposal(models.Model):
    """A label that the scheme may lack: images alike that people say fit none of its labels."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="label_proposals")
    state = models.CharField(
        max_length=9, choices=LabelProposalState, default=LabelProposalState.OPEN
    )
    similarity = models.FloatField(help_text="Mean cosine of its images, original embeddings.")
    n_groups = models.PositiveIntegerField(help_text="Split groups among its images.")
    label = models.ForeignKey(
        Label, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="OPEN", settled_at__isnull=True)
                | (~Q(state="OPEN") & Q(settled_at__isnull=False)),
                name="label_proposal_open_until_settled",
            )
        ]
        indexes = [models.Index(fields=["project", "state"], name="label_proposal_by_state")]

    def __str__(self) -> str:
        return f"{self.state} proposal {self.public_id}"


class LabelProposalImage(models.Model):
    """An image of a proposal; once settled, only those that staff have seen."""

    proposal = models.ForeignKey(LabelProposal, on_delete=models.CASCADE, related_name="entries")
    image = models.ForeignKey("Image", on_delete=models.CASCADE, related_name="+")
    place = models.PositiveIntegerField(help_text="In the order of the answers.")
    is_chosen = models.BooleanField(
        null=True, help_text="Whether staff took it along or left it out; null while open."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["proposal", "image"], name="label_proposal_holds_an_image_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.image_id} in {self.proposal_id}"
