"""What was learned: snapshots, versions, the one that serves, and comparisons."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from ml.models.embeddings import EmbeddingSet


class DatasetSnapshot(models.Model):
    """Exactly what a head was fitted on. Immutable; the rows are one compressed file."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey("labeling.Project", on_delete=models.PROTECT, related_name="+")
    content_hash = models.CharField(
        max_length=64, help_text="Over sorted (image, posterior, weight)."
    )
    scheme = models.ForeignKey("labeling.LabelScheme", on_delete=models.PROTECT, related_name="+")
    n_rows = models.PositiveIntegerField()
    storage_key = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "content_hash"], name="snapshot_content_is_unique"
            )
        ]

    def __str__(self) -> str:
        return self.content_hash[:12]


class ModelKind(models.TextChoices):
    """What was trained."""

    HEAD = "HEAD", "head on the same backbone"
    FINETUNE = "FINETUNE", "fine-tuned backbone and head"


class ModelState(models.TextChoices):
    """Where a model version stands."""

    CHALLENGER = "CHALLENGER", "challenger"
    CHAMPION = "CHAMPION", "champion"
    RETIRED = "RETIRED", "retired"
    REJECTED = "REJECTED", "rejected"


class Evidence(models.TextChoices):
    """How well a version's worth is known."""

    PROVISIONAL = "PROVISIONAL", "provisional"
    PROVEN = "PROVEN", "proven"


class ModelVersion(models.Model):
    """A stored classifier with all it needs to answer, and why it may or may not."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey("labeling.Project", on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField(help_text="1, 2, 3 … within the project.")
    kind = models.CharField(max_length=8, choices=ModelKind)
    state = models.CharField(max_length=10, choices=ModelState, default=ModelState.CHALLENGER)
    evidence = models.CharField(max_length=11, choices=Evidence, default=Evidence.PROVISIONAL)
    embedding_set = models.ForeignKey(EmbeddingSet, on_delete=models.PROTECT)
    head = models.BinaryField(null=True, help_text="safetensors; NULL once pruned.")
    temperature = models.FloatField()
    acceptance_threshold = models.FloatField()
    scheme = models.ForeignKey("labeling.LabelScheme", on_delete=models.PROTECT, related_name="+")
    label_order = models.JSONField(help_text="Label codes, one a column of the head.")
    snapshot = models.ForeignKey(DatasetSnapshot, on_delete=models.PROTECT)
    n_labels = models.PositiveIntegerField()
    is_certification_candidate = models.BooleanField(default=False)
    metrics = models.JSONField(default=dict)
    gate = models.JSONField(default=dict, help_text="Every number the verdict rests on.")
    verdict = models.TextField(blank=True)
    seed = models.BigIntegerField(default=0)
    code_version = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    promoted_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(
        null=True, blank=True, help_text="When a manager said yes, where one is asked."
    )
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="model_number_is_unique"),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(state="CHAMPION"),
                name="model_version_one_champion_a_project",
            ),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"


class Champion(models.Model):
    """The pointer that serves: moved by one conditional UPDATE (rule 3)."""

    project = models.OneToOneField("labeling.Project", on_delete=models.CASCADE, related_name="+")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    proven = models.ForeignKey(
        ModelVersion,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The last proven version: what the monitor compares with.",
    )
    moved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"champion of {self.project_id}"


class ComparisonKind(models.TextChoices):
    """Which test a comparison belongs to."""

    CERTIFICATION = "CERTIFICATION", "may this version be called proven?"
    MONITOR = "MONITOR", "has the champion become worse than the last proven one?"


class ComparisonDecision(models.TextChoices):
    """What the comparison has said so far."""

    RUNNING = "RUNNING", "undecided"
    PASSED = "PASSED", "passed"
    FAILED = "FAILED", "failed"
    SUPERSEDED = "SUPERSEDED", "superseded"
    UNDECIDED = "UNDECIDED", "ended without a verdict"


class Comparison(models.Model):
    """A paired e-process between two versions over audit groups, in draw order."""

    project = models.ForeignKey("labeling.Project", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=13, choices=ComparisonKind)
    challenger = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, related_name="comparisons"
    )
    reference = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.PROTECT, related_name="+"
    )
    ordinal = models.PositiveIntegerField(help_text="k in alpha_k = alpha 6 / (pi^2 k^2).")
    alpha = models.FloatField()
    wins = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(default=0)
    ties = models.PositiveIntegerField(default=0)
    log_e = models.FloatField(default=0)
    decision = models.CharField(
        max_length=10, choices=ComparisonDecision, default=ComparisonDecision.RUNNING
    )
    detail = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} {self.challenger_id} against {self.reference_id}"


class Outlook(models.Model):
    """How far a project has to go, as computed last; `ml.selectors.outlook` can do so again.

    It is also the unit of work: `asked_at` is when somebody last began to compute.
    """

    project = models.OneToOneField("labeling.Project", on_delete=models.CASCADE, related_name="+")
    model_version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    data_version = models.BigIntegerField(default=0, help_text="Last answer it has seen.")
    target = models.FloatField(null=True, help_text="Accuracy to reach, as it was then.")
    figures = models.JSONField(null=True, help_text="Null before the first.")
    fallback = models.CharField(
        max_length=40, blank=True, help_text="Function that chooses while the own one does not pay."
    )
    fallback_because = models.TextField(blank=True)
    seconds = models.FloatField(default=0)
    asked_at = models.DateTimeField()
    computed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"outlook of {self.project_id}"
