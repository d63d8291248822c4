"""Labeling efforts: their policies and budgets."""

from __future__ import annotations

import secrets
import uuid

from django.db import models
from django.db.models import Q


def random_seed() -> int:
    """Draw a secret 62-bit seed, small enough for a signed BIGINT."""
    return secrets.randbits(62)


class DeploymentMode(models.TextChoices):
    """Who lets a new classifier serve that has passed its checks."""

    AUTOMATIC = "AUTOMATIC", "by itself"
    ASK = "ASK", "once a manager says yes"
    SHADOW = "SHADOW", "never: it is measured beside the one that serves"


class Mode(models.TextChoices):
    """How many labels one image may carry."""

    SINGLE = "SINGLE", "one label an image"
    MULTI = "MULTI", "several labels an image"


class Project(models.Model):
    """One labeling effort: its scheme, its policies, its budget."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    guide = models.TextField(blank=True, help_text="Three lines a volunteer can read at a glance.")
    consent = models.TextField(
        help_text="What is stored, how answers are used, under which licence."
    )
    licence = models.CharField(max_length=80, default="CC BY 4.0")
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.SINGLE)
    time_zone = models.CharField(max_length=64, default="UTC")
    seed = models.BigIntegerField(default=random_seed, editable=False)
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)
    labeling_paused_at = models.DateTimeField(null=True, blank=True)
    training_paused_at = models.DateTimeField(null=True, blank=True)

    votes_pool = models.PositiveSmallIntegerField(default=1)
    votes_audit = models.PositiveSmallIntegerField(default=3)
    vote_cap_pool = models.PositiveSmallIntegerField(default=3)
    vote_cap_audit = models.PositiveSmallIntegerField(default=5)
    retirement_risk = models.FloatField(default=0.1)
    active_annotator_days = models.PositiveSmallIntegerField(default=14)

    audit_partition_share = models.FloatField(default=0.12)
    audit_serving_share = models.FloatField(default=0.15)
    random_arm_share = models.FloatField(default=0.10)
    gold_serving_share = models.FloatField(default=0.0)
    dispute_serving_share = models.FloatField(default=0.0)
    split_cosine = models.FloatField(default=0.80)
    doubt_serving_share = models.FloatField(
        default=0.02,
        help_text="Second opinions of labels that may be wrong, for each pool image that has one.",
    )

    window_size = models.PositiveIntegerField(default=200)
    client_window = models.PositiveSmallIntegerField(default=3)
    assignment_ttl_s = models.PositiveIntegerField(default=300)
    max_annotator_share = models.FloatField(null=True, blank=True)
    suggestions_enabled = models.BooleanField(default=False)
    suggestions_hidden_share = models.FloatField(default=0.2)
    leaderboard_enabled = models.BooleanField(default=False)

    skill_floor = models.FloatField(
        default=0.6, help_text="Whoever is surely right less often than this is paused."
    )
    skill_min_gold = models.PositiveSmallIntegerField(
        default=10, help_text="Gold answers before anybody is paused for their skill."
    )
    onboarding_images = models.PositiveSmallIntegerField(
        default=0, help_text="Gold images in a newcomer's first round; 0 for none."
    )
    adjudication_share = models.FloatField(
        default=0.2, help_text="Share of audit agreements that an expert looks at, blind."
    )

    acquisition_function = models.CharField(max_length=40, default="uherding")
    novelty_share = models.FloatField(
        default=0.03, help_text="Share of the acquired window that may show something new."
    )
    tail_share = models.FloatField(
        default=0.05, help_text="Share of the acquired window for labels with few images."
    )
    lending_enabled = models.BooleanField(
        default=True, help_text="Whether an answer may be lent to images that are nearly the same."
    )
    alike_share = models.FloatField(
        default=0.05, help_text="Share of answers after which the images alike are shown as a grid."
    )
    contains_share = models.FloatField(
        default=0.1, help_text="Share of the acquired window that is asked about one label alone."
    )
    acceptance_threshold = models.FloatField(default=0.5)
    target_accuracy = models.FloatField(null=True, blank=True)
    deployment_mode = models.CharField(
        max_length=9, choices=DeploymentMode, default=DeploymentMode.AUTOMATIC
    )
    finetune_enabled = models.BooleanField(default=True)
    finetune_min_new_labels = models.PositiveIntegerField(default=500)
    monthly_budget = models.DecimalField(max_digits=10, decimal_places=2, default=10)
    price_per_device_hour = models.DecimalField(max_digits=10, decimal_places=4, default=1)
    may_queue_uploads = models.BooleanField(default=False)
    queued_uploads_per_hour = models.PositiveIntegerField(default=60)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(audit_partition_share__gte=0, audit_partition_share__lt=1),
                name="project_audit_partition_share_is_a_share",
            ),
            models.CheckConstraint(
                condition=Q(
                    audit_serving_share__gte=0,
                    random_arm_share__gte=0,
                    gold_serving_share__gte=0,
                    dispute_serving_share__gte=0,
                ),
                name="project_serving_shares_are_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    novelty_share__gte=0,
                    novelty_share__lte=0.25,
                    tail_share__gte=0,
                    tail_share__lte=0.25,
                ),
                name="project_rare_label_shares_are_small",
            ),
            models.CheckConstraint(
                condition=Q(doubt_serving_share__gte=0, doubt_serving_share__lte=0.25),
                name="project_doubt_serving_share_is_small",
            ),
            models.CheckConstraint(
                condition=Q(alike_share__gte=0, alike_share__lte=1),
                name="project_alike_share_is_a_share",
            ),
            models.CheckConstraint(
                condition=Q(contains_share__gte=0, contains_share__lte=0.5),
                name="project_contains_share_is_at_most_a_half",
            ),
            models.CheckConstraint(
                condition=Q(votes_pool__gte=1, votes_audit__gte=1),
                name="project_policy_asks_at_least_one_vote",
            ),
            models.CheckConstraint(
                condition=Q(
                    skill_floor__gte=0,
                    skill_floor__lte=1,
                    adjudication_share__gte=0,
                    adjudication_share__lte=1,
                ),
                name="project_crowd_settings_are_shares",
            ),
        ]

    def __str__(self) -> str:
        return self.slug
