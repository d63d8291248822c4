"""Logins, what they may do in which project, and those who answer."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q

from labeling.models.projects import Project


class Role(models.TextChoices):
    """What a member may do in one project; each role includes those above it."""

    VOLUNTEER = "VOLUNTEER", "volunteer"
    EXPERT = "EXPERT", "expert"
    MANAGER = "MANAGER", "manager"
    OWNER = "OWNER", "owner"


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
