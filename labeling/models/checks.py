"""What is looked at once more: experts' questions, doubted labels, gold images."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from labeling.models.answers import Annotation
from labeling.models.images import Image
from labeling.models.labels import Label
from labeling.models.people import Annotator, User
from labeling.models.projects import Project


class AdjudicationKind(models.TextChoices):
    """Why an expert is asked about an audit image."""

    DISAGREEMENT = "DISAGREEMENT", "annotators or classifier disagree"
    AGREEMENT_SAMPLE = "AGREEMENT_SAMPLE", "drawn from the agreements"


class Adjudication(models.Model):
    """A question put to the experts, blind, with the probability of being asked."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="adjudications")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="adjudications")
    kind = models.CharField(max_length=16, choices=AdjudicationKind)
    probability = models.FloatField(help_text="Of being asked, in (0, 1].")
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    annotation = models.ForeignKey(
        Annotation, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["image"],
                condition=Q(settled_at__isnull=True),
                name="adjudication_one_open_an_image",
            ),
            models.CheckConstraint(
                condition=Q(probability__gt=0, probability__lte=1),
                name="adjudication_has_a_probability",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "settled_at", "id"], name="adjudication_by_project")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.image_id}"


class LabelDoubtState(models.TextChoices):
    """What became of a doubt about a label."""

    OPEN = "OPEN", "waits for somebody"
    KEPT = "KEPT", "the label was right"
    CHANGED = "CHANGED", "another label is right"
    NONE_OF_THESE = "NONE_OF_THESE", "none of the labels is right"
    CANT_TELL = "CANT_TELL", "nobody can tell"
    GONE = "GONE", "doubted no more, or the label was changed by other answers"


class LabelDoubt(models.Model):
    """A pool image whose label may be wrong; written by `ml` through `labeling.services.doubts`.

    One row for each label that an image was doubted for, so that a label somebody has kept is not
    asked about again. Where images may bear several, each is doubted by itself: that it is there,
    or that it is not; `suggested` and `alike` are that label then, and the shares those of the
    other answer.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="label_doubts")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="label_doubts")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
    is_shown = models.BooleanField(
        null=True,
        help_text="Where images bear several labels: whether it is said to show this one.",
    )
    suggested = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
    suggested_probability = models.FloatField(help_text="By heads without the image's group.")
    own_probability = models.FloatField(help_text="Of the label it has, by the same heads.")
    alike = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
    alike_share = models.FloatField(help_text="Of the labeled images most like it, by label.")
    own_share = models.FloatField(help_text="Of those, the ones with the label it has.")
    score = models.FloatField(help_text="0 (sure) to 1: what ranks them.")
    state = models.CharField(max_length=14, choices=LabelDoubtState, default=LabelDoubtState.OPEN)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    annotation = models.ForeignKey(
        Annotation,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The expert's answer that settled it; nothing where a second opinion did.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["image", "label"], name="label_doubt_once_an_image_and_label"
            ),
            models.CheckConstraint(
                condition=Q(state="OPEN", settled_at__isnull=True)
                | (~Q(state="OPEN") & Q(settled_at__isnull=False)),
                name="label_doubt_open_until_settled",
            ),
        ]
        indexes = [models.Index(fields=["project", "state", "-score"], name="label_doubt_worst")]

    def __str__(self) -> str:
        return f"{self.state} doubt of {self.image_id}"


class GoldReference(models.Model):
    """An expert's reference for an image used to check annotators."""

    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="gold_references")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
    further = models.ManyToManyField(
        Label,
        related_name="+",
        blank=True,
        help_text="The other labels, where images may bear several: it shows these and no more.",
    )
    annotator = models.ForeignKey(
        Annotator,
        null=True,
        on_delete=models.PROTECT,
        related_name="gold_references",
        help_text="Whose word it is; stays when their name is taken out.",
    )
    set_by = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Their login; nothing where it was taken out, or came with an import.",
    )
    note = models.CharField(
        max_length=200, blank=True, help_text="Why, told to a newcomer after their answer."
    )
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["image"],
                condition=Q(withdrawn_at__isnull=True),
                name="gold_reference_one_live_an_image",
            )
        ]

    def __str__(self) -> str:
        return f"gold {self.image_id}"
