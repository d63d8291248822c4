"""Labels, the versions of a project's scheme, and what labels became."""

from __future__ import annotations

from django.db import models

from labeling.models.projects import Project


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
