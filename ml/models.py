"""The tables of ml: embeddings, model versions and the evidence for them, runs, predictions."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class EmbeddingSetState(models.TextChoices):
    """Whether every image of the project has a vector."""

    BUILDING = "BUILDING", "being filled"
    READY = "READY", "complete"
    RETIRED = "RETIRED", "no longer filled"


class EmbeddingScope(models.TextChoices):
    """Which images a set is filled for."""

    ALL = "ALL", "every image"
    JUDGED = "JUDGED", "what a challenger is fitted and judged on: labeled and audit images"


class EmbeddingSet(models.Model):
    """One backbone version of one project: where its compiled file is and how to feed it.

    It is also the unit of work of embedding: a claim has a fencing token and a heartbeat.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey("labeling.Project", on_delete=models.CASCADE, related_name="+")
    backbone = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the compiled backbone.")
    storage_key = models.CharField(max_length=200)
    preprocessing = models.JSONField()
    dim = models.PositiveIntegerField()
    is_original = models.BooleanField(default=False, help_text="Split groups come from this one.")
    state = models.CharField(
        max_length=8, choices=EmbeddingSetState, default=EmbeddingSetState.BUILDING
    )
    scope = models.CharField(max_length=6, choices=EmbeddingScope, default=EmbeddingScope.ALL)
    centre = models.BinaryField(
        null=True, help_text="float32 mean of the first images: what cosines are centred by."
    )
    unreadable = models.JSONField(default=list, help_text="Images whose file cannot be decoded.")
    fencing_token = models.PositiveIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="embedding_set_is_unique"),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(is_original=True),
                name="embedding_set_one_original_a_project",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.backbone} {self.digest[:8]}"


class Embedding(models.Model):
    """One image's vector, float16, as the backbone gave it (not centred, not normalised)."""

    set = models.ForeignKey(EmbeddingSet, on_delete=models.CASCADE, related_name="embeddings")
    image = models.ForeignKey("labeling.Image", on_delete=models.CASCADE, related_name="+")
    vector = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["set", "image"], name="embedding_once_an_image")
        ]

    def __str__(self) -> str:
        return f"{self.set_id}/{self.image_id}"


class NewLabelSearch(models.Model):
    """How far a project's answers have been searched for a label that its scheme lacks."""

    project = models.OneToOneField("labeling.Project", on_delete=models.CASCADE, related_name="+")
    last_annotation_id = models.BigIntegerField(default=0)
    searched_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "new label searches"

    def __str__(self) -> str:
        return f"search in {self.project_id}"


class SimilarRequest(models.Model):
    """Staff asked for more images like a few: what was found is served before anything else."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey("labeling.Project", on_delete=models.CASCADE, related_name="+")
    like = models.JSONField(help_text="Keys of the images to find more of.")
    label_code = models.CharField(max_length=64, blank=True, help_text="Whose images they are.")
    count = models.PositiveIntegerField(help_text="How many are wanted.")
    found = models.JSONField(help_text="Keys of the images found, the most similar first.")
    selection_probability = models.FloatField(help_text="Of being looked at, in (0, 1].")
    requested_by = models.ForeignKey(
        "labeling.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["project", "ended_at"], name="similar_request_open")]

    def __str__(self) -> str:
        return f"{len(self.found)} like {len(self.like)}"


class LabelErrorSearch(models.Model):
    """How far a project's labels have been searched for wrong ones."""

    project = models.OneToOneField("labeling.Project", on_delete=models.CASCADE, related_name="+")
    n_labels = models.PositiveIntegerField(default=0, help_text="Labels the last search read.")
    scheme_id = models.BigIntegerField(default=0, help_text="Their scheme version.")
    n_doubted = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(default=0)

    class Meta:
        verbose_name_plural = "label error searches"

    def __str__(self) -> str:
        return f"{self.n_doubted} of {self.n_labels} labels of {self.project_id} doubted"


class UploadDrift(models.Model):
    """Whether the uploads of one source on one day look like what was there before them."""

    project = models.ForeignKey("labeling.Project", on_delete=models.CASCADE, related_name="+")
    source = models.CharField(max_length=80)
    day = models.DateField(help_text="UTC.")
    n_images = models.PositiveIntegerField(help_text="Of the batch, when it was compared.")
    n_baseline = models.PositiveIntegerField()
    signals = models.JSONField(help_text="Name, p-value, effect, label code and alarm of each.")
    is_drifted = models.BooleanField()
    audit_share = models.FloatField(
        help_text="Chance of the batch's next split groups to become audit."
    )
    model_version = models.UUIDField(help_text="Whose outputs were compared.")
    measured_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "source", "day"], name="upload_drift_once_a_batch"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} of {self.day}: {'drifted' if self.is_drifted else 'as before'}"


class AuditTopUp(models.Model):
    """Staff want to know a label better: more new pictures of it join the audit slice."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey("labeling.Project", on_delete=models.CASCADE, related_name="+")
    label_code = models.CharField(max_length=64)
    half_width = models.FloatField(help_text="Wanted of the label's interval, a share.")
    share = models.FloatField(
        help_text="Chance of a new split group that the classifier takes for the label."
    )
    n_seen = models.PositiveIntegerField(
        default=0, help_text="New pictures taken for the label since."
    )
    requested_by = models.ForeignKey(
        "labeling.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    is_reached = models.BooleanField(default=False, help_text="Ended because it is known so well.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "label_code"],
                condition=Q(ended_at__isnull=True),
                name="audit_top_up_one_open_a_label",
            )
        ]

    def __str__(self) -> str:
        return f"{self.label_code} to {self.half_width}"


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


class Prediction(models.Model):
    """What the API answered, and what people said afterwards."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey("labeling.Project", on_delete=models.CASCADE, related_name="+")
    token = models.ForeignKey(
        "labeling.Token", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    user = models.ForeignKey(
        "labeling.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    annotator = models.ForeignKey(
        "labeling.Annotator", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    image = models.ForeignKey(
        "labeling.Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    sha256 = models.CharField(max_length=64)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT)
    mode = models.CharField(max_length=8)
    probabilities = models.JSONField(help_text="Label code to probability, top k.")
    uncertainty = models.FloatField()
    accepted = models.BooleanField()
    answer = models.JSONField(
        null=True, blank=True, help_text="What was sure enough: a label, or a group of labels."
    )
    queued = models.BooleanField(default=False)
    feedback = models.CharField(max_length=16, blank=True)
    feedback_label = models.ForeignKey(
        "labeling.Label", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    feedback_by = models.ForeignKey(
        "labeling.Annotator",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Whose answer the feedback becomes; `annotator` is who asked.",
    )
    feedback_at = models.DateTimeField(null=True, blank=True)
    answer_settled_at = models.DateTimeField(
        null=True, blank=True, help_text="When feedback became an answer, or was found unable to."
    )
    answer_recorded = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["project", "-created_at"], name="prediction_newest")]

    def __str__(self) -> str:
        return str(self.public_id)


class IdempotentReply(models.Model):
    """The first reply to an `Idempotency-Key`, given again on a retry."""

    principal = models.CharField(max_length=60)
    key = models.CharField(max_length=80)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "idempotent replies"
        constraints = [
            models.UniqueConstraint(
                fields=["principal", "key"], name="idempotent_reply_key_is_unique"
            )
        ]

    def __str__(self) -> str:
        return self.key
