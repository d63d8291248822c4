"""Django's admin, for owners: the records as they are. What people did can only be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from labeling import models

if TYPE_CHECKING:
    from django.http import HttpRequest

    # Generic for the type checker only.
    BaseAdmin = admin.ModelAdmin[Any]
    BaseUserAdmin = UserAdmin[models.User]
else:
    BaseAdmin, BaseUserAdmin = admin.ModelAdmin, UserAdmin

HIDDEN = ("digest", "resume_digest", "posterior", "probabilities", "confusion", "seed")


class ReadOnly(BaseAdmin):
    """Nobody changes history, and no secret or array of bytes is shown."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows come from services."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows stay as they are."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows stay."""
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show every column but secrets and bytes."""
        return [field.name for field in self.model._meta.fields if field.name not in HIDDEN]


@admin.register(models.User)
class LarderUserAdmin(BaseUserAdmin):
    """Accounts. Only who came in by `create_owner` reaches this page."""

    list_display = ("username", "is_active", "is_superuser", "last_login")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Close an account instead: what it did points at it."""
        return False


@admin.register(models.Project)
class ProjectAdmin(ReadOnly):
    """Projects; their settings are changed in the staff room, which writes down who did it."""

    list_display = ("slug", "name", "mode", "created_at", "archived_at")
    search_fields = ("slug", "name")


@admin.register(models.Annotator)
class AnnotatorAdmin(ReadOnly):
    """Who answers."""

    list_display = ("display_name", "project", "kind", "created_at", "last_seen_at")
    list_filter = ("project", "kind")
    list_select_related = ("project",)
    search_fields = ("display_name",)


@admin.register(models.Image)
class ImageAdmin(ReadOnly):
    """Images."""

    list_display = ("public_id", "project", "source", "partition", "original_name", "created_at")
    list_filter = ("project", "partition")
    list_select_related = ("project",)
    search_fields = ("public_id", "original_name", "sha256")


@admin.register(models.Annotation)
class AnnotationAdmin(ReadOnly):
    """Every answer."""

    list_display = ("public_id", "project", "annotator", "kind", "created_at", "withdrawn_at")
    list_filter = ("project", "kind")
    list_select_related = ("project", "annotator")
    search_fields = ("public_id", "image__public_id")


@admin.register(models.Consensus)
class ConsensusAdmin(ReadOnly):
    """What came out of the answers."""

    list_display = ("image", "project", "label", "state", "n_votes", "updated_at")
    list_filter = ("project", "state")
    list_select_related = ("image", "project", "label")


@admin.register(models.Assignment)
class AssignmentAdmin(ReadOnly):
    """What was handed out."""

    list_display = ("public_id", "project", "annotator", "state", "reason", "created_at")
    list_filter = ("project", "state", "reason")
    list_select_related = ("project", "annotator")


@admin.register(models.AuditEvent)
class AuditEventAdmin(ReadOnly):
    """Who did what."""

    list_display = ("at", "project", "user", "annotator", "verb", "target")
    list_filter = ("project", "verb")
    list_select_related = ("project", "user", "annotator")


@admin.register(models.Job)
class JobAdmin(ReadOnly):
    """Long work."""

    list_display = ("kind", "project", "state", "done", "total", "heartbeat_at")
    list_filter = ("kind", "state")
    list_select_related = ("project",)


@admin.register(models.Label)
class LabelAdmin(ReadOnly):
    """Labels, changed in the staff room."""

    list_display = ("code", "name", "project", "position", "retired_at")
    list_filter = ("project",)
    list_select_related = ("project",)


@admin.register(models.Membership)
class MembershipAdmin(ReadOnly):
    """Roles."""

    list_display = ("user", "project", "role", "created_at", "ended_at")
    list_filter = ("project", "role")
    list_select_related = ("user", "project")


@admin.register(models.Invitation)
class InvitationAdmin(ReadOnly):
    """Links; the links themselves are not stored."""

    list_display = ("public_id", "project", "role", "uses", "use_limit", "expires_at")
    list_select_related = ("project",)


@admin.register(models.Token)
class TokenAdmin(ReadOnly):
    """API tokens; their secrets are not stored."""

    list_display = ("prefix", "name", "user", "project", "expires_at", "revoked_at")
    list_select_related = ("user", "project")


@admin.register(models.CoordinatorMessage)
class CoordinatorMessageAdmin(ReadOnly):
    """What annotators wrote."""

    list_display = ("created_at", "project", "annotator", "text")
    list_select_related = ("project", "annotator")


admin.site.register(
    (
        models.LabelScheme,
        models.LabelMapping,
        models.SplitGroup,
        models.QueueEntry,
        models.AnnotatorSkill,
        models.CrowdModel,
        models.Adjudication,
        models.AgreementSnapshot,
        models.GoldReference,
    ),
    ReadOnly,
)
