"""What is known of people from their answers."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from labeling.models.labels import LabelScheme
from labeling.models.people import Annotator
from labeling.models.projects import Project


class AnnotatorSkill(models.Model):
    """Counts behind the Beta posterior of an annotator's skill.

    At all times the sum of what `Consensus.counted` says of this annotator, over all images.
    """

    annotator = models.OneToOneField(Annotator, on_delete=models.PROTECT, related_name="skill")
    scheme = models.ForeignKey(
        LabelScheme, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    n_right = models.FloatField(default=0)
    n_wrong = models.FloatField(default=0)
    n_gold_right = models.PositiveIntegerField(default=0)
    n_gold_wrong = models.PositiveIntegerField(default=0)
    by_label = models.JSONField(default=dict, help_text="Label code to [right, wrong].")
    confusions = models.JSONField(
        default=dict, help_text='"true code>said code" to its expected count, right ones too.'
    )
    n_shown = models.PositiveIntegerField(default=0, help_text="Answers beside a suggestion.")
    n_suggested_wrong = models.PositiveIntegerField(
        default=0, help_text="Of those, where the suggestion turned out wrong."
    )
    n_suggested_wrong_accepted = models.PositiveIntegerField(default=0)
    n_hidden_wrong = models.PositiveIntegerField(
        default=0, help_text="Answers with a wrong suggestion held back, for comparison."
    )
    n_hidden_wrong_same = models.PositiveIntegerField(
        default=0, help_text="Of those, where the annotator made the same mistake unaided."
    )
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"skill of {self.annotator_id}"


class CrowdModel(models.Model):
    """What all annotators of a project share; written by the sweep alone (`services.crowd`)."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="crowd_model")
    scheme = models.ForeignKey(
        LabelScheme, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    alpha = models.FloatField(default=8.0, help_text="Of the Beta prior of a skill.")
    beta = models.FloatField(default=2.0)
    confusion = models.BinaryField(
        null=True,
        help_text="float64 (k + 1, k + 1): truth by said, the last column is none of these.",
    )
    prior_weight = models.FloatField(default=0.5, help_text="Trust in the classifier, 0 to 1.")
    minimum_votes = models.JSONField(
        default=dict, help_text="Label code to votes; the empty code is none of these."
    )
    frequency = models.JSONField(
        default=dict, help_text="Label code to its share of images; none of these is empty."
    )
    n_votes = models.PositiveIntegerField(default=0, help_text="Votes the last sweep has read.")
    last_annotation_id = models.BigIntegerField(default=0)
    n_active = models.PositiveIntegerField(
        default=0, help_text="Active annotators when audit images were last looked at."
    )
    relabel_share = models.FloatField(default=0.1)
    relabel_detail = models.JSONField(default=dict)
    detail = models.JSONField(default=dict, help_text="Steps, likelihood and seconds of a sweep.")
    label_changes = models.PositiveIntegerField(
        default=0, help_text="How often labels have changed without a new answer."
    )
    dirty_at = models.DateTimeField(null=True, blank=True, help_text="A replay is due since then.")
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    fencing_token = models.PositiveIntegerField(default=0)
    swept_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(alpha__gt=0, beta__gt=0), name="crowd_model_has_a_proper_prior"
            ),
            models.CheckConstraint(
                condition=Q(prior_weight__gte=0, prior_weight__lte=1),
                name="crowd_model_prior_weight_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return f"crowd of {self.project_id}"


class AgreementSnapshot(models.Model):
    """How far annotators agreed at one time, and the label error to be expected of an export."""

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="agreement_snapshots"
    )
    at = models.DateTimeField()
    alpha = models.FloatField(null=True, help_text="Krippendorff's alpha; null where undefined.")
    interval = models.JSONField(null=True, help_text="[low, high] of alpha.")
    by_label = models.JSONField(default=dict, help_text="Label code to alpha and its interval.")
    expected_error = models.FloatField(null=True, help_text="Share of wrong labels, 0 to 1.")
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["project", "-at"], name="agreement_newest")]

    def __str__(self) -> str:
        return f"agreement of {self.project_id} at {self.at}"
