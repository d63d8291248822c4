"""Records of ml in Django's admin: to look at, not to change; services are the only writers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from ml.models import (
    Champion,
    Comparison,
    DatasetSnapshot,
    EmbeddingSet,
    ModelVersion,
    Prediction,
    TrainingRun,
)

if TYPE_CHECKING:
    from django.http import HttpRequest

    Base = admin.ModelAdmin[Any]
else:
    Base = admin.ModelAdmin


class RecordAdmin(Base):
    """Lists and shows rows; nothing can be added, changed or deleted here."""

    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(EmbeddingSet)
class EmbeddingSetAdmin(RecordAdmin):
    """Backbone versions and how far they are filled."""

    list_display = ("backbone", "digest", "project", "state", "scope", "is_original", "created_at")
    exclude = ("centre",)


@admin.register(DatasetSnapshot)
class DatasetSnapshotAdmin(RecordAdmin):
    """What heads were fitted on."""

    list_display = ("content_hash", "project", "n_rows", "created_at")


@admin.register(ModelVersion)
class ModelVersionAdmin(RecordAdmin):
    """Versions, their evidence and verdicts."""

    list_display = ("project", "number", "kind", "state", "evidence", "n_labels", "verdict")
    list_filter = ("state", "evidence", "kind")
    exclude = ("head",)


@admin.register(Champion)
class ChampionAdmin(RecordAdmin):
    """Which version serves, and which was proven last."""

    list_display = ("project", "model_version", "proven", "moved_at")


@admin.register(Comparison)
class ComparisonAdmin(RecordAdmin):
    """Tests on the audit slice with all their counts."""

    list_display = (
        "project", "kind", "challenger", "reference", "ordinal", "wins", "losses", "ties",
        "log_e", "decision",
    )  # fmt: skip
    list_filter = ("kind", "decision")


@admin.register(TrainingRun)
class TrainingRunAdmin(RecordAdmin):
    """Runs of both loops."""

    list_display = ("project", "kind", "trigger", "state", "stage", "seconds", "cost", "created_at")
    list_filter = ("kind", "state")


@admin.register(Prediction)
class PredictionAdmin(RecordAdmin):
    """What the API answered."""

    list_display = ("public_id", "project", "model_version", "accepted", "queued", "created_at")
