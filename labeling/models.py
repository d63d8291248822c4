"""The tables of labeling: people, projects, images, the queue, answers and consensus.

Nothing a person did is deleted: rows are withdrawn, retired or anonymised. Rules that the
database can hold are constraints here; everything else lives in `labeling.services`.
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q


def random_seed() -> int:
    """Draw a secret 62-bit seed, small enough for a signed BIGINT."""
    return secrets.randbits(62)


class Role(models.TextChoices):
    """What a member may do in one project; each role includes those above it."""

    VOLUNTEER = "VOLUNTEER", "volunteer"
    EXPERT = "EXPERT", "expert"
    MANAGER = "MANAGER", "manager"
    OWNER = "OWNER", "owner"


class DeploymentMode(models.TextChoices):
    """Who lets a new classifier serve that has passed its checks."""

    AUTOMATIC = "AUTOMATIC", "by itself"
    ASK = "ASK", "once a manager says yes"
    SHADOW = "SHADOW", "never: it is measured beside the one that serves"


class Mode(models.TextChoices):
    """How many labels one image may carry."""

    SINGLE = "SINGLE", "one label an image"
    MULTI = "MULTI", "several labels an image"


class Partition(models.TextChoices):
    """Where an image may be used; decided once, by split group."""

    PENDING = "PENDING", "not decided yet"
    POOL = "POOL", "pool"
    AUDIT = "AUDIT", "audit slice"
    EXCLUDED = "EXCLUDED", "excluded"


class Reason(models.TextChoices):
    """Why an image is in the queue. Never told to an annotator before the answer."""

    ACQUIRED = "ACQUIRED", "chosen by the acquisition function"
    RANDOM = "RANDOM", "random arm"
    AUDIT = "AUDIT", "audit slice"
    GOLD = "GOLD", "gold image"
    DISPUTE = "DISPUTE", "disputed"


class User(AbstractUser):
    """A login: staff, experts, API clients. Volunteers need none (see `Annotator`)."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(null=True, blank=True, unique=True)  # type: ignore[assignment]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep "no e-mail" NULL: Django's own managers write "", and "" is unique once."""
        self.email = self.email or None
        super().save(*args, **kwargs)


class LoginLink(models.Model):
    """A one-time link that signs a user in; only its digest is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="login_links")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"login link of {self.user_id}"


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


class Membership(models.Model):
    """A user's role in a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "user"],
                condition=Q(ended_at__isnull=True),
                name="membership_one_live_role_a_user",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} of {self.project_id}"


class Invitation(models.Model):
    """A link that lets people join; only its digest is stored."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=12, choices=Role, default=Role.VOLUNTEER)
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    use_limit = models.PositiveIntegerField(default=100)
    uses = models.PositiveIntegerField(default=0)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(uses__lte=F("use_limit")), name="invitation_never_used_too_often"
            )
        ]

    def __str__(self) -> str:
        return f"invitation {self.public_id}"


class Token(models.Model):
    """An API client's key: hashed, scoped, expiring."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.CASCADE)
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"


class AnnotatorKind(models.TextChoices):
    """What gives the answers."""

    PERSON = "PERSON", "person"
    IMPORT = "IMPORT", "labels that came with an import"
    ORACLE = "ORACLE", "simulated"


class PausedReason(models.TextChoices):
    """Why an annotator is paused; empty while they are not."""

    SKILL = "skill", "below the project's floor"
    STAFF = "staff", "by a person"


class Annotator(models.Model):
    """The one who answers. Answers point here, with or without a login behind it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="annotators")
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT)
    kind = models.CharField(max_length=8, choices=AnnotatorKind, default=AnnotatorKind.PERSON)
    display_name = models.CharField(max_length=60)
    resume_digest = models.CharField(max_length=64, unique=True, null=True, blank=True)
    consented_at = models.DateTimeField(null=True, blank=True)
    consent_text = models.TextField(blank=True)
    invitation = models.ForeignKey(Invitation, null=True, blank=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_reason = models.CharField(max_length=8, choices=PausedReason, blank=True)
    pause_lifted_at = models.DateTimeField(
        null=True, blank=True, help_text="By a person: gold answers before it do not pause again."
    )
    onboarded_at = models.DateTimeField(null=True, blank=True)
    quarantined_at = models.DateTimeField(null=True, blank=True)
    anonymised_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "user"],
                condition=Q(user__isnull=False),
                name="annotator_one_a_user_and_project",
            )
        ]

    def __str__(self) -> str:
        return self.display_name


class CoordinatorMessage(models.Model):
    """What an annotator wrote to the coordinator; nobody can write back."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="messages")
    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="messages")
    text = models.TextField(max_length=2000)
    created_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.text[:40]


class LabelScheme(models.Model):
    """One immutable version of a project's labels, in order."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="schemes")
    version = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="scheme_version_is_unique")
        ]

    def __str__(self) -> str:
        return f"{self.project_id} v{self.version}"


class Label(models.Model):
    """One class. Its code never changes; it is retired, never deleted."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="labels")
    code = models.SlugField(max_length=64)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=200, blank=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT)
    is_group = models.BooleanField(
        default=False, help_text="The parent of labels: an answer where nobody can tell which."
    )
    key = models.CharField(max_length=1, blank=True, help_text="Shortcut on the labeling page.")
    colour = models.CharField(max_length=7, default="#6b7280")
    position = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "code"], name="label_code_is_unique")
        ]

    def __str__(self) -> str:
        return self.code


class SchemeLabel(models.Model):
    """A label's place and name in one scheme version."""

    scheme = models.ForeignKey(LabelScheme, on_delete=models.CASCADE, related_name="entries")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="scheme_entries")
    parent = models.ForeignKey(
        Label, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scheme", "label"], name="scheme_holds_a_label_once"),
            models.UniqueConstraint(fields=["scheme", "position"], name="scheme_order_is_total"),
        ]

    def __str__(self) -> str:
        return self.name


class LabelMappingKind(models.TextChoices):
    """How labels of one scheme version become labels of the next."""

    RENAME = "RENAME", "renamed"
    MERGE = "MERGE", "merged"
    SPLIT = "SPLIT", "split"
    RETIRE = "RETIRE", "retired"


class LabelMapping(models.Model):
    """One step of a scheme's history; kept for good."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="label_mappings")
    kind = models.CharField(max_length=8, choices=LabelMappingKind)
    from_scheme = models.ForeignKey(LabelScheme, on_delete=models.PROTECT, related_name="+")
    to_scheme = models.ForeignKey(LabelScheme, on_delete=models.PROTECT, related_name="+")
    from_label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
    to_label = models.ForeignKey(Label, null=True, on_delete=models.PROTECT, related_name="+")
    from_name = models.CharField(max_length=80)
    to_name = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind}: {self.from_name} to {self.to_name}"


class LabelExample(models.Model):
    """A picture that shows a label in the guide."""

    label = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="examples")
    storage_key = models.CharField(max_length=200)
    caption = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"example of {self.label_id}"


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


class SplitGroup(models.Model):
    """Images that may show the same thing: they share one partition (architecture rule 1)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="split_groups")
    partition = models.CharField(max_length=8, choices=Partition)
    inclusion_probability = models.FloatField()
    measured_image = models.ForeignKey(
        "Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    draw_order = models.FloatField(help_text="Uniform in [0, 1): the random order of measuring.")
    created_at = models.DateTimeField()
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT)

    class Meta:
        indexes = [
            models.Index(fields=["project", "partition", "draw_order"], name="split_group_by_draw")
        ]

    def __str__(self) -> str:
        return f"group {self.pk}"


class Image(models.Model):
    """One picture, re-encoded at ingest so that no uploaded byte is ever served."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="images")
    sha256 = models.CharField(max_length=64, help_text="Of the uploaded bytes.")
    storage_key = models.CharField(max_length=200)
    thumbnail_key = models.CharField(max_length=200)
    original_name = models.CharField(max_length=255, blank=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size_bytes = models.PositiveIntegerField()
    source = models.CharField(max_length=80)
    licence = models.CharField(max_length=80)
    captured_at = models.DateTimeField(null=True, blank=True)
    capture_session = models.CharField(max_length=64, blank=True)
    uploaded_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL)
    perceptual_hash = models.BigIntegerField()
    suggested_label = models.ForeignKey(
        Label, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    split_group = models.ForeignKey(
        SplitGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="images"
    )
    partition = models.CharField(max_length=8, choices=Partition, default=Partition.PENDING)
    inclusion_probability = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField()
    flagged_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "sha256"], name="image_bytes_are_unique"),
            models.CheckConstraint(
                condition=Q(partition=Partition.PENDING) | Q(inclusion_probability__isnull=False),
                name="image_partition_comes_with_its_probability",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "partition", "id"], name="image_by_partition"),
            models.Index(fields=["project", "capture_session"], name="image_by_session"),
            models.Index(fields=["project", "perceptual_hash"], name="image_by_hash"),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class ImagePrior(models.Model):
    """The classifier's out-of-group probabilities, written by `ml`; absent means uniform."""

    image = models.OneToOneField(Image, on_delete=models.CASCADE, related_name="prior")
    scheme = models.ForeignKey(LabelScheme, on_delete=models.PROTECT)
    probabilities = models.BinaryField(help_text="float32, in the order of the scheme.")
    model_version = models.UUIDField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"prior of {self.image_id}"


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


class AlikeImage(models.Model):
    """That an image is nearly the same as others of the pool; written by `ml`, and rewritten.

    Not to be confused with split groups, which join chains of images and never change.
    """

    image = models.OneToOneField(Image, on_delete=models.PROTECT, related_name="alike")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    group = models.BigIntegerField(help_text="The smallest image key of the lending group.")
    set_apart_at = models.DateTimeField(
        null=True, help_text="Since somebody has said that it is not the same as the others."
    )

    class Meta:
        indexes = [models.Index(fields=["project", "group"], name="alike_by_group")]

    def __str__(self) -> str:
        return f"{self.image_id} in {self.group}"


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
        ]

    def __str__(self) -> str:
        return str(self.public_id)


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
    is_expert = models.BooleanField(default=False, help_text="An adjudication: decides alone.")
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
                condition=Q(withdrawn_at__isnull=True) & ~Q(kind="UNDO"),
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
    asked about again.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="label_doubts")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="label_doubts")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
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


class GoldReference(models.Model):
    """An expert's reference for an image used to check annotators."""

    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="gold_references")
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+")
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
